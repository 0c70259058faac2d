import { createPublicKey, type JsonWebKey } from "node:crypto";
import type { JWK } from "jose";
import { MIN_RSA_BITS } from "../rsa.js";

/** Requirements on public JWKs of other parties. */

/** The members of a key that limit its size. */
type PossibleKey = Pick<JWK, "kty"> & { readonly n?: unknown; readonly e?: unknown };

/** Private keys have a `d`, symmetric ones a `k` (RFC 7518 section 6). */
export function isSecret(key: object): boolean {
  return "d" in key || "k" in key;
}

/** Whether an RSA key has too few bits. For other types the curve determines the strength. */
export function isShort({ kty, n }: PossibleKey): boolean {
  if (kty !== "RSA") return false;
  const modulus = Buffer.from(typeof n === "string" ? n : "", "base64url").toString("hex");
  return BigInt(`0x0${modulus}`).toString(2).length < MIN_RSA_BITS;
}

/** Bits of an RSA key of a stranger, and bytes of the exponent of any RSA key, at most. */
const MAX_RSA_BITS = 4_096;
const MAX_EXPONENT_BYTES = 4;

/**
 * Whether a verification with an RSA key is slow. A long exponent makes it fifty times slower, and strangers choose their keys.
 * @param maxBits of the modulus
 */
export function isSlow({ kty, n, e }: PossibleKey, maxBits = MAX_RSA_BITS): boolean {
  const bytes = (text: unknown) => Buffer.from(typeof text === "string" ? text : "", "base64url").length;
  return kty === "RSA" && (bytes(n) * 8 > maxBits || bytes(e) > MAX_EXPONENT_BYTES);
}

/** Types of keys that Node.js can read (RFC 7518 section 6, RFC 8037 section 2). */
const READABLE_TYPES: readonly string[] = ["RSA", "EC", "OKP"];

/**
 * Whether the members of a key make no key: one is missing, or the point is on no curve. A key of another type or curve may be
 * one, and is left alone (RFC 7517 section 5).
 */
export function isBroken(key: PossibleKey): boolean {
  if (!READABLE_TYPES.includes(key.kty ?? "")) return false;
  try {
    createPublicKey({ key: key as JsonWebKey, format: "jwk" });
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ERR_INVALID_ARG_VALUE";
  }
}
