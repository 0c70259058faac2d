import { run, type Db } from "./open.js";

/** The hashes of passwords, as logins look at them. */

const REPLACE_HASH = {
  name: "user_replace_password_hash",
  text: "UPDATE users SET password_hash = $3 WHERE sub = $1 AND password_hash = $2 RETURNING sub",
};

/**
 * Stores another hash of the same password. A password that was changed since `before` was read stays.
 * @returns whether it was stored
 */
export async function replacePasswordHash(db: Db, sub: string, before: string, after: string): Promise<boolean> {
  return (await run(db, REPLACE_HASH, [sub, before, after])).length === 1;
}

/** Pages of the table that are read for a sample at most. */
const SAMPLED_PAGES = 64;

/** Always the same pages, so that two samples of one table are alike. */
const SAMPLE = {
  name: "users_sample_password_hashes",
  text: `
    SELECT password_hash FROM users
    TABLESAMPLE SYSTEM (least(100, 100.0 * ${SAMPLED_PAGES} * 8192 / greatest(1, pg_relation_size('users')))) REPEATABLE (1)
    WHERE password_hash IS NOT NULL`,
};

/** Hashes of some people, as they are stored. */
export async function samplePasswordHashes(db: Db): Promise<readonly string[]> {
  const rows = await run<{ password_hash: string }>(db, SAMPLE, []);
  return rows.map(({ password_hash }) => password_hash);
}
