import { run, type Db } from "./open.js";

/**
 * SQL: the time for which an expired row is kept. A proof is judged by the clock of an instance, and its row by that of the
 * database. The two may differ by this much.
 */
export const PROOF_KEPT = "interval '5 minutes'";

const USE = {
  name: "dpop_proof_use",
  text: `
    INSERT INTO dpop_proofs (hash, expires_at)
    SELECT $1, $2 WHERE $2::timestamptz > coalesce($3::timestamptz, now()) - ${PROOF_KEPT}
    ON CONFLICT (hash) DO NOTHING RETURNING hash`,
};

/**
 * Whether this is the first use of a DPoP proof, on any instance (RFC 9449 section 11.1). A proof that expired long ago counts as
 * used, because its row may be deleted.
 * @param hash a hash of its key and jti
 * @param expiresAt the time from which its own age refuses it
 */
export async function useProof(db: Db, hash: Uint8Array, expiresAt: Date, now: Date | null): Promise<boolean> {
  return (await run(db, USE, [hash, expiresAt, now])).length === 1;
}
