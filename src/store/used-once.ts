import { run, type Db } from "./open.js";

/**
 * Whether this is the first use of something, on any instance. What expired long ago counts as used, because its row may be
 * deleted: an instance whose clock is behind would accept it again.
 * @param hash identifies what is used
 * @param expiresAt the time from which its own age refuses it
 */
type Use = (db: Db, hash: Uint8Array, expiresAt: Date, now: Date | null) => Promise<boolean>;

/**
 * Makes the statement that uses the rows of a table up.
 * @param table has the columns `hash` and `expires_at`
 * @param kept SQL: the time for which the sweep keeps an expired row
 */
export function usedOnceIn(table: string, kept: string): Use {
  const statement = {
    name: `use_${table}`,
    text: `
    INSERT INTO ${table} (hash, expires_at)
    SELECT $1, $2 WHERE $2::timestamptz > coalesce($3::timestamptz, now()) - ${kept}
    ON CONFLICT (hash) DO NOTHING RETURNING hash`,
  };
  return async (db, hash, expiresAt, now) => (await run(db, statement, [hash, expiresAt, now])).length === 1;
}
