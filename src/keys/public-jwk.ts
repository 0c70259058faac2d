import type { JWK } from "jose";
import { MIN_RSA_BITS } from "../rsa.js";

/** What a JWK must be to verify what somebody else signs, wherever it comes from. */

/** Private keys have a `d`, symmetric ones a `k` (RFC 7518 section 6). */
export function isSecret(key: object): boolean {
  return "d" in key || "k" in key;
}

/** An RSA key is as strong as its modulus is long; of other types the curve says it. */
export function isShort({ kty, n }: Pick<JWK, "kty"> & { readonly n?: unknown }): boolean {
  if (kty !== "RSA") return false;
  const modulus = Buffer.from(typeof n === "string" ? n : "", "base64url").toString("hex");
  return BigInt(`0x0${modulus}`).toString(2).length < MIN_RSA_BITS;
}
