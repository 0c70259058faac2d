import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import { MIN_RSA_BITS } from "../rsa.js";
import type { MasterKey } from "./master-key.js";

/** The signing algorithms: ES256 for our own tokens, RS256 because OpenID Connect Core 15.1 requires it. */
export const SIGNING_ALGORITHMS = ["ES256", "RS256"] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

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
