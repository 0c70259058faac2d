import type { Ask } from "./line.js";

/**
 * Records when the service was reachable. A client whose response was lost in an outage retries when the service is
 * back. So the ten seconds for a retry do not count the time of an outage (docs/decisions/0002). The database records
 * outages, because an instance that was down or started later decides on the same refresh token.
 *
 * Every instance marks itself in service about once a second, on its listening connection, by the database's clock. The
 * statement compares with the previous mark, and so notices missing marks. It is the instance's own previous mark if there is
 * one, because the other instances may have been in service all the time.
 */

/** Milliseconds between two marks. */
const MARK_EVERY = 900;

/** Seconds without a mark that count as an outage. */
const MIN_OUTAGE = 3;

/** Longest counted outage in seconds: ten minutes, and half a minute for noticing its beginning and end. */
const MAX_OUTAGE = 630;

/** Seconds for which a client may retry after an outage. */
const GRACE = 60;

// Two tables, because every refresh reads the outage. A row that is written every second accumulates dead versions for as long as
// a long transaction (a backup) can still see them.
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

/** Largest number of seconds by which `reachableSince` goes back beyond the given ones. */
export const MAX_REACH = MAX_OUTAGE + GRACE;

/** The clocks of this process and of its statements (src/clock.ts). */
interface AvailabilityClock {
  now(): number;
  statement(): Date | null;
}

/** Receives a comparison of this process's clock and the database's, all in milliseconds. */
type ClockComparison = (before: number, database: number, after: number) => void;

/** Marks one instance in service, and remembers the time of its last mark. */
export class Availability {
  readonly #clock: AvailabilityClock;
  readonly #compare: ClockComparison;
  #inServiceAt: Date | null = null;
  /** The times of the last mark and of the last attempt at one, in monotonic milliseconds. */
  #markedAt = 0;
  #triedAt = Number.NEGATIVE_INFINITY;
  #turnedAway = false;

  constructor(clock: AvailabilityClock, compare: ClockComparison = () => {}) {
    this.#clock = clock;
    this.#compare = compare;
  }

  /** The last mark of this instance, by the database's clock; null before its first one. */
  get inServiceAt(): Date | null {
    return this.#inServiceAt;
  }

  /**
   * Records that a request was answered with 503: for its client the service was down, although the database answers the marks.
   * @param milliseconds the duration of the request, at whose beginning its work may have been done
   */
  turnedAway(milliseconds: number): void {
    this.#turnedAway = true;
    const since = performance.now() - milliseconds;
    if (this.#inServiceAt === null || since >= this.#markedAt) return;
    this.#inServiceAt = new Date(this.#inServiceAt.getTime() - (this.#markedAt - since));
    this.#markedAt = since;
  }

  /** Requests a sign of life: a mark if one is due. @throws the errors of `ask` */
  async beat(ask: Ask): Promise<void> {
    const before = this.#clock.now();
    // The clock of a test jumps, and each jump would be an outage. So a test makes its own marks.
    const isDue = this.#clock.statement() === null && performance.now() - this.#triedAt >= MARK_EVERY;
    const database = isDue ? await this.mark(ask) : ((await ask(SIGN_OF_LIFE))[0]?.now as Date);
    if (this.#clock.statement() === null) this.#compare(before, database.getTime(), this.#clock.now());
  }

  /** Marks this instance in service. The same statement records an outage that it notices. */
  async mark(ask: Ask): Promise<Date> {
    const triedAt = performance.now();
    this.#triedAt = triedAt;
    const turnedAway = this.#turnedAway;
    this.#turnedAway = false;
    const [marked] = await ask(MARK, [this.#clock.statement(), this.#inServiceAt]);
    const now = marked?.now as Date;
    // A request that was turned away since the previous mark, or during this one, was not served. So the outage continues.
    if (turnedAway || this.#turnedAway) return now;
    this.#inServiceAt = now;
    this.#markedAt = triedAt;
    return now;
  }
}
