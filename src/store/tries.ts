import { run, type Db } from "./open.js";

/**
 * Tries that are counted, whatever they are tries of. A try is taken before anything is checked, so a hundred at once get
 * no more of them than a hundred in a row; what turns out right is given back (docs/decisions/0008).
 */

/** How many tries there are, and what the next one has to wait for. Times are seconds. */
export interface TryRule {
  /** Tries that wait for nothing. */
  readonly free: number;
  /** How long after the last free try, and after each one more, the next has to wait; the last of them goes on for ever. */
  readonly delays: readonly number[];
  /** After how long, from the first try, everything is forgotten. */
  readonly window: number;
}

/** The try that was taken, the first being 1; or how many seconds until there is one to take. */
export type Taken = { readonly count: number } | { readonly wait: number };

/** A delay that the list does not have is none: an array of Postgres answers NULL for it. */
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
      RETURNING count
    )
    SELECT count, NULL AS wait FROM taken
    UNION ALL
    SELECT NULL, ceil(extract(epoch FROM t.blocked_until - clock.now))::int FROM tries t, clock
    WHERE t.key = $1 AND NOT EXISTS (SELECT 1 FROM taken)`,
};

/** Takes a try, or says how long there is none. */
export async function takeTry(db: Db, key: Uint8Array, rule: TryRule, now: Date | null): Promise<Taken> {
  interface Row {
    count: number | null;
    wait: number | null;
  }
  const [row] = await run<Row>(db, TAKE, [key, now, rule.free, rule.delays, rule.window]);
  if (row !== undefined && row.count !== null) return { count: row.count };
  // Whoever was blocked by a try taken in this moment does not see yet for how long.
  return { wait: Math.max(1, row?.wait ?? 1) };
}

const SETTLE = {
  name: "tries_settle",
  text: `
    WITH forgotten AS (DELETE FROM tries WHERE key BETWEEN $1 AND $1::bytea || decode(repeat('ff', 32), 'hex'))
    UPDATE tries SET count = greatest(count - 1, 0), blocked_until = NULL WHERE key = $2`,
};

/** Forgets all tries of one key and of those that begin with it, and gives another the last of its back. */
export async function settleTries(
  db: Db,
  { forget, giveBack }: { readonly forget?: Uint8Array; readonly giveBack?: Uint8Array },
): Promise<void> {
  await run(db, SETTLE, [forget ?? null, giveBack ?? null]);
}
