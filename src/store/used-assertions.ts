import { run, type Db } from "./open.js";

const USE = {
  name: "assertion_use",
  text: `
    INSERT INTO used_assertions (hash, expires_at) VALUES ($1, $2)
    ON CONFLICT (hash) DO NOTHING RETURNING hash`,
};

/**
 * Whether this is the first use of an assertion, on any instance.
 * @param hash a keyed hash of its client and jti
 * @param expiresAt from when on its own `exp` refuses it
 */
export async function useAssertion(db: Db, hash: Uint8Array, expiresAt: Date): Promise<boolean> {
  return (await run(db, USE, [hash, expiresAt])).length === 1;
}
