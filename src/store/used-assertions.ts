import { run, type Db } from "./open.js";
import { KEPT } from "./sweep-time.js";

const USE = {
  name: "assertion_use",
  text: `
    INSERT INTO used_assertions (hash, expires_at)
    SELECT $1, $2 WHERE $2::timestamptz > coalesce($3::timestamptz, now()) - ${KEPT}
    ON CONFLICT (hash) DO NOTHING RETURNING hash`,
};

/**
 * Whether this is the first use of an assertion, on any instance. One that expired so long ago that its use is no longer
 * on record counts as used: an instance whose clock is a day behind would take it a second time.
 * @param hash a keyed hash of its client and jti
 * @param expiresAt from when on its own `exp` refuses it
 */
export async function useAssertion(db: Db, hash: Uint8Array, expiresAt: Date, now: Date | null): Promise<boolean> {
  return (await run(db, USE, [hash, expiresAt, now])).length === 1;
}
