import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import { MIN_RSA_BITS } from "../rsa.js";
import type { MasterKey } from "./master-key.js";

/** The signing algorithms. Some resource servers and clients accept only one of the last two. */
export const SIGNING_ALGORITHMS = ["ES256", "RS256", "PS256", "EdDSA"] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

/** The algorithms of a new ring: our own tokens have the first, and OpenID Connect Core 15.1 requires the second. */
export const FIRST_ALGORITHMS: readonly SigningAlgorithm[] = ["ES256", "RS256"];

/** The media types of JWT access tokens: RFC 9068 section 2.1, and the older one that some resource servers insist on. */
export const ACCESS_TOKEN_TYPES = ["at+jwt", "JWT"] as const;

/**
 * A new key as the store keeps it, with its private half sealed. A key without `active_from` is the next one of its
 * algorithm.
 */
export async function makeKey(master: MasterKey, alg: SigningAlgorithm, published_at: Date, active_from: Date | null) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: MIN_RSA_BITS });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  const sealed_private = master.seal("signing-key", Buffer.from(JSON.stringify(await exportJWK(privateKey))));
  const public_jwk = { ...jwk, kid, alg, use: "sig" };
  return { kid, alg, public_jwk, sealed_private, published_at, active_from, retain_until: null };
}
