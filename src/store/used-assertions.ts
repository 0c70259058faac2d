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
 * Whether this is the first use of an assertion, on any instance. An assertion that expired long ago counts as used, because its
 * record may be deleted: an instance whose clock is a day behind would accept it again.
 * @param hash a keyed hash of its client and jti
 * @param expiresAt the time from which its own `exp` refuses it
 */
export async function useAssertion(db: Db, hash: Uint8Array, expiresAt: Date, now: Date | null): Promise<boolean> {
  return (await run(db, USE, [hash, expiresAt, now])).length === 1;
}
