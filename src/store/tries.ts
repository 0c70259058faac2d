import { recordForgiven, recordLock } from "./audit-events.js";
import { run, type Db, type Transaction } from "./open.js";

/**
 * Rate limits on attempts of any kind. An attempt is counted before the check, so a hundred at once get no further than a hundred
 * in a row. A successful attempt is given back (docs/decisions/0008).
 */

/** The number of free attempts, and the delays after them. Times are seconds. */
export interface TryRule {
  /** Attempts without a delay. */
  readonly free: number;
  /** Seconds to wait after the last free attempt, then after each further one; the last value repeats. */
  readonly delays: readonly number[];
  /** Seconds from the first attempt after which the count is reset. */
  readonly window: number;
}

/** The number of the counted attempt, the first being 1; or the seconds to wait before the next one. */
export type Taken = { readonly count: number } | { readonly wait: number };

/** A missing element of the list means no delay: PostgreSQL returns NULL for it. */
const TAKE = {
  name: "tries_take",
  text: `
    WITH clock AS (SELECT coalesce($2::timestamptz, now()) AS now),
    taken AS (
      INSERT INTO tries AS t (key, count, blocked_until, reset_at)
      SELECT $1, 1, now + ($4::int[])[2 - $3::int] * interval '1 second', now + $5::int * interval '1 second' FROM clock
      ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN t.reset_at <= coalesce($2::timestamptz, now()) THEN 1 ELSE t.count + 1 END,
        blocked_until = CASE
          WHEN t.reset_at <= coalesce($2::timestamptz, now()) THEN excluded.blocked_until
          ELSE coalesce($2::timestamptz, now())
             + ($4::int[])[least(t.count + 2 - $3::int, cardinality($4::int[]))] * interval '1 second' END,
        reset_at = CASE WHEN t.reset_at <= coalesce($2::timestamptz, now()) THEN excluded.reset_at ELSE t.reset_at END
      WHERE t.blocked_until IS NULL OR t.blocked_until <= coalesce($2::timestamptz, now())
      RETURNING count, blocked_until
    )
    SELECT count, NULL AS wait,
           CASE WHEN count = $3::int + cardinality($4::int[]) - 1 AND $6::text IS NOT NULL
                THEN ${recordLock("$6::text", "blocked_until")} END AS is_recorded
    FROM taken
    UNION ALL
    SELECT NULL, ceil(extract(epoch FROM t.blocked_until - clock.now))::int, NULL FROM tries t, clock
    WHERE t.key = $1 AND NOT EXISTS (SELECT 1 FROM taken)`,
};

/**
 * Counts an attempt, or returns the seconds to wait.
 * @param account the sub of the account that the last delay locks, if the attempts are those of an account. The lock is recorded
 */
export async function takeTry(
  db: Db,
  key: Uint8Array,
  { rule, account }: { readonly rule: TryRule; readonly account?: string | undefined },
  now: Date | null,
): Promise<Taken> {
  interface Row {
    count: number | null;
    wait: number | null;
  }
  const [row] = await run<Row>(db, TAKE, [key, now, rule.free, rule.delays, rule.window, account ?? null]);
  if (row !== undefined && row.count !== null) return { count: row.count };
  // A statement that waited for a concurrent attempt does not see its row yet, and so not how long to wait.
  return { wait: Math.max(1, row?.wait ?? 1) };
}

const SETTLE = {
  name: "tries_settle",
  text: `
    WITH forgotten AS (DELETE FROM tries WHERE key BETWEEN $1 AND $1::bytea || decode(repeat('ff', 32), 'hex'))
    UPDATE tries SET count = greatest(count - 1, 0), blocked_until = NULL WHERE key = $2`,
};

/** Resets the attempts of one key and of all keys that begin with it, and gives back the last attempt of another key. */
export async function settleTries(
  db: Db,
  { forget, giveBack }: { readonly forget?: Uint8Array; readonly giveBack?: Uint8Array | undefined },
): Promise<void> {
  await run(db, SETTLE, [forget ?? null, giveBack ?? null]);
}

const FORGIVE = {
  name: "tries_forgive",
  text: `
    WITH forgotten AS (
      DELETE FROM tries WHERE key BETWEEN $1 AND $1::bytea || decode(repeat('ff', 32), 'hex') RETURNING 1
    )
    SELECT ${recordForgiven("$2::text", "$3::text", "$4::text")} WHERE EXISTS (SELECT 1 FROM forgotten)`,
};

/** The name of a counter in the audit, and the account that it counts for. */
interface ForgivenTries {
  readonly of: string;
  readonly sub: string | undefined;
  readonly client_id: string | undefined;
}

/** Resets the attempts of a key, and of all keys that begin with it, for an administrator. @returns whether there were any */
export async function forgiveTries(
  tx: Transaction,
  key: Uint8Array,
  { of, sub, client_id }: ForgivenTries,
): Promise<boolean> {
  return (await run(tx, FORGIVE, [key, of, sub, client_id])).length === 1;
}

/** A counter of attempts. */
export interface Tries {
  readonly key: Uint8Array;
  readonly count: number;
  readonly blocked_until: Date | null;
  readonly reset_at: Date;
}

const LOOK = {
  name: "tries_look",
  text: `
    SELECT key, count, blocked_until, reset_at FROM tries
    WHERE key BETWEEN $1 AND $1::bytea || decode(repeat('ff', 32), 'hex') AND reset_at > coalesce($2::timestamptz, now())
    ORDER BY key LIMIT $3`,
};

/** The counter of a key, and those whose keys begin with it. Expired ones are left out. */
export async function lookAtTries(db: Db, key: Uint8Array, now: Date | null, limit: number): Promise<readonly Tries[]> {
  return run<Tries>(db, LOOK, [key, now, limit]);
}

/** Largest number of counters that are read to count those that wait. */
const MAX_COUNTED = 100_000;

const COUNT = {
  name: "tries_count",
  text: `
    SELECT count(*)::int AS counters,
           count(*) FILTER (WHERE blocked_until > coalesce($1::timestamptz, now()))::int AS waiting
    FROM (SELECT blocked_until FROM tries LIMIT ${MAX_COUNTED}) t`,
};

/** The number of counters, and of those that let no attempt through now. `isAll` is false if there are more of them. */
export async function countTries(
  db: Db,
  now: Date | null,
): Promise<{ readonly counters: number; readonly waiting: number; readonly isAll: boolean }> {
  const [row] = await run<{ counters: number; waiting: number }>(db, COUNT, [now]);
  return { ...row!, isAll: row!.counters < MAX_COUNTED };
}
