import type { Ask } from "./line.js";

/**
 * When the service could be reached. A client whose answer was lost in an outage asks again when the service is back, so
 * what may be asked again "for ten seconds" leaves out the time of an outage (docs/decisions/0002). The database has to
 * know of one: an instance that was away then, or was started since, decides on the same refresh token.
 *
 * Every instance marks itself in service about once a second, on its listening connection, by the database's clock. The
 * statement compares with the mark before, and so notices by itself that marks are missing. A mark before is the
 * instance's own where it has one: the others may have been in service all the time.
 */

/** Milliseconds between two marks. */
const MARK_EVERY = 900;

/** Seconds without a mark from which on they are an outage. */
const MIN_OUTAGE = 3;

/** Seconds of an outage that count: ten minutes, and half a minute in which its beginning and end are noticed. */
const MAX_OUTAGE = 630;

/** Seconds for which a client may ask again after an outage. */
const GRACE = 60;

// Two tables, because every refresh reads the outage: a row that is written every second drags its dead versions along
// for as long as somebody's long transaction (a backup) can still see them.
const MARK = `
  WITH t AS (
    SELECT n.now, coalesce($2::timestamptz, (SELECT alive_at FROM availability)) AS before
    FROM (SELECT coalesce($1::timestamptz, now()) AS now) n
  ), marked AS (
    INSERT INTO availability (id, alive_at) SELECT 1, t.now FROM t
    ON CONFLICT (id) DO UPDATE SET alive_at = excluded.alive_at
  ), noted AS (
    INSERT INTO outage AS o (id, began_at, ended_at)
    SELECT 1, greatest(t.before, t.now - interval '${MAX_OUTAGE} seconds'), t.now
    FROM t WHERE t.before < t.now - interval '${MIN_OUTAGE} seconds'
    ON CONFLICT (id) DO UPDATE SET
      ended_at = excluded.ended_at,
      -- Within the grace of the outage before, both are one: a client may still be asking again after the first.
      began_at = CASE WHEN excluded.began_at <= o.ended_at + interval '${GRACE} seconds'
                      THEN greatest(least(o.began_at, excluded.began_at),
                                    excluded.ended_at - interval '${MAX_OUTAGE} seconds')
                      ELSE excluded.began_at END
  )
  SELECT t.now FROM t`;

const SIGN_OF_LIFE = "SELECT now() AS now";

/**
 * The instant since which what was superseded may be a lost answer: `seconds` ago, or as long before an outage that goes
 * on or ended within GRACE.
 * @param now SQL: the present
 * @param mine SQL: the last mark of the instance that asks, or null. Where it is too old, an outage goes on for this
 *   instance. A statement that was held up on its way brings an old mark, and so leaves out the time it was held up in.
 */
export function reachableSince(now: string, mine: string, seconds: number): string {
  return `(least(
      ${now},
      (SELECT o.began_at FROM outage o WHERE ${now} <= o.ended_at + interval '${GRACE} seconds'),
      CASE WHEN ${mine} < ${now} - interval '${MIN_OUTAGE} seconds'
           THEN greatest(${mine}, ${now} - interval '${MAX_OUTAGE} seconds') END
    ) - interval '${seconds} seconds')`;
}

/** Seconds that `reachableSince` goes back at most, beyond those it is given. */
export const MAX_REACH = MAX_OUTAGE + GRACE;

/** What tells the time: this process's, and what statements take for now (src/clock.ts). */
interface AvailabilityClock {
  now(): number;
  statement(): Date | null;
}

/** Told how this process's clock and the database's compare: all three in milliseconds. */
type ClockComparison = (before: number, database: number, after: number) => void;

/** Marks one instance in service, and remembers when it was. */
export class Availability {
  readonly #clock: AvailabilityClock;
  readonly #compare: ClockComparison;
  #inServiceAt: Date | null = null;
  /** When that was, and when a mark was last tried, in monotonic milliseconds. */
  #markedAt = 0;
  #triedAt = Number.NEGATIVE_INFINITY;
  #turnedAway = false;

  constructor(clock: AvailabilityClock, compare: ClockComparison = () => {}) {
    this.#clock = clock;
    this.#compare = compare;
  }

  /** When this instance was in service last, by the database's clock; null before its first mark. */
  get inServiceAt(): Date | null {
    return this.#inServiceAt;
  }

  /**
   * Notes that a request was answered 503: for its client the service was away, although the database answers the marks.
   * @param milliseconds how long the request took: what it asked for may have been done at its beginning
   */
  turnedAway(milliseconds: number): void {
    this.#turnedAway = true;
    const since = performance.now() - milliseconds;
    if (this.#inServiceAt === null || since >= this.#markedAt) return;
    this.#inServiceAt = new Date(this.#inServiceAt.getTime() - (this.#markedAt - since));
    this.#markedAt = since;
  }

  /** Asks for a sign of life: a mark, where one is due. @throws what `ask` throws */
  async beat(ask: Ask): Promise<void> {
    const before = this.#clock.now();
    // A test's clock jumps, and each jump would be an outage: there the test marks by itself.
    const isDue = this.#clock.statement() === null && performance.now() - this.#triedAt >= MARK_EVERY;
    const database = isDue ? await this.mark(ask) : ((await ask(SIGN_OF_LIFE))[0]?.now as Date);
    if (this.#clock.statement() === null) this.#compare(before, database.getTime(), this.#clock.now());
  }

  /** Marks this instance in service. An outage that it notices is recorded by the same statement. */
  async mark(ask: Ask): Promise<Date> {
    const triedAt = performance.now();
    this.#triedAt = triedAt;
    const turnedAway = this.#turnedAway;
    this.#turnedAway = false;
    const [marked] = await ask(MARK, [this.#clock.statement(), this.#inServiceAt]);
    const now = marked?.now as Date;
    // Who was turned away since the mark before, or during this one, was not served: the outage goes on.
    if (turnedAway || this.#turnedAway) return now;
    this.#inServiceAt = now;
    this.#markedAt = triedAt;
    return now;
  }
}
