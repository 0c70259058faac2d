import { run, type Db } from "./open.js";

/** Reads and replaces the hashes of passwords. */

const REPLACE_HASH = {
  name: "user_replace_password_hash",
  text: "UPDATE users SET password_hash = $3 WHERE sub = $1 AND password_hash = $2 RETURNING sub",
};

/**
 * Replaces the hash of a password. A password that has changed since `before` was read stays as it is.
 * @returns whether it was stored
 */
export async function replacePasswordHash(db: Db, sub: string, before: string, after: string): Promise<boolean> {
  return (await run(db, REPLACE_HASH, [sub, before, after])).length === 1;
}

/** Largest number of table pages in a sample. */
const SAMPLED_PAGES = 64;

/** The seed of the sample. It is fixed, so that two samples read the same pages. */
const SAMPLE = {
  name: "users_sample_password_hashes",
  text: `
    SELECT password_hash FROM users
    TABLESAMPLE SYSTEM (least(100, 100.0 * ${SAMPLED_PAGES} * 8192 / greatest(1, pg_relation_size('users')))) REPEATABLE (1)
    WHERE password_hash IS NOT NULL`,
};

/** The stored hashes of some users. */
export async function samplePasswordHashes(db: Db): Promise<readonly string[]> {
  const rows = await run<{ password_hash: string }>(db, SAMPLE, []);
  return rows.map(({ password_hash }) => password_hash);
}
