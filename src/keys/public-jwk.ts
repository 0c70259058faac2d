import type { JWK } from "jose";
import { MIN_RSA_BITS } from "../rsa.js";

/** Requirements on public JWKs of other parties. */

/** Private keys have a `d`, symmetric ones a `k` (RFC 7518 section 6). */
export function isSecret(key: object): boolean {
  return "d" in key || "k" in key;
}

/** Whether an RSA key has too few bits. For other types the curve determines the strength. */
export function isShort({ kty, n }: Pick<JWK, "kty"> & { readonly n?: unknown }): boolean {
  if (kty !== "RSA") return false;
  const modulus = Buffer.from(typeof n === "string" ? n : "", "base64url").toString("hex");
  return BigInt(`0x0${modulus}`).toString(2).length < MIN_RSA_BITS;
}
