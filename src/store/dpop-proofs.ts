import { usedOnceIn } from "./used-once.js";

/**
 * SQL: the time for which an expired row is kept. A proof is judged by the clock of an instance, and its row by that of the
 * database. The two may differ by this much.
 */
export const PROOF_KEPT = "interval '5 minutes'";

/** Uses a DPoP proof up (RFC 9449 section 11.1). Its hash is one of its key and `jti`. */
export const useProof = usedOnceIn("dpop_proofs", PROOF_KEPT);
