import type { JWK } from "jose";
import { z } from "zod";
import { Refusal } from "../errors/refusal.js";
import { countParts, JWS_PARTS, readCompact } from "../keys/compact.js";
import { readJsonBytes, type Jws } from "./assertion.js";
import { MAX_JTI } from "./assertion-claims.js";
import type { PresentedCredentials } from "./presented.js";

/**
 * JWTs with which devices authenticate (Iothentix). They have no audience and no expiry, so each is accepted once, for
 * ever (docs/decisions/0010). The schemas list every allowed member: a JWT with any other is another kind of token.
 */

const header = z.strictObject({ alg: z.string(), typ: z.literal("JWT"), kid: z.string() });
const claims = z.strictObject({ sub: z.string(), jti: z.string().min(1).max(MAX_JTI) });
const claimsWithKey = claims.extend({ public_key: z.string() });

/** A parsed device JWT whose signature is not verified yet. */
interface DeviceJwt extends Jws {
  readonly claims: { readonly sub: string; readonly jti: string; readonly public_key?: string };
}

/** @throws Refusal device_jwt_wrong unless header and claims have exactly the expected members */
export function readDeviceJwt({ text, bringsKey }: NonNullable<PresentedCredentials["device_jwt"]>): DeviceJwt {
  const [first, payload] = countParts(text) === JWS_PARTS ? (readCompact(text) ?? []) : [];
  if (payload === undefined) throw new Refusal("device_jwt_wrong", { reason: "not a JWS in compact form" });
  const said = header.safeParse(readJsonBytes(first));
  if (!said.success) throw new Refusal("device_jwt_wrong", { reason: "wrong header" });
  const read = (bringsKey ? claimsWithKey : claims).safeParse(readJsonBytes(payload));
  if (!read.success) throw new Refusal("device_jwt_wrong", { reason: "wrong claims" });
  return { text, header: said.data, payload, claims: read.data };
}

/**
 * The device that an unverified JWT claims. `kid`, `sub` and the parameter client_id must be equal.
 * @throws Refusal device_jwt_wrong
 */
export function claimedDevice(
  device_jwt: NonNullable<PresentedCredentials["device_jwt"]>,
  client_id: string | undefined,
): string {
  const { header, claims } = readDeviceJwt(device_jwt);
  const ids = new Set([header.kid, claims.sub, client_id ?? claims.sub]);
  if (ids.size > 1) throw new Refusal("device_jwt_wrong", { reason: "kid, sub and client_id differ" });
  return claims.sub;
}

/** The algorithm for each type of key (RFC 7518 section 3.1, RFC 8037 section 3.1). */
const ALGORITHMS: Readonly<Record<string, string>> = {
  "EC P-256": "ES256",
  "EC P-384": "ES384",
  "OKP Ed25519": "EdDSA",
  RSA: "RS256",
};

/**
 * The algorithm of a device. Its registered key decides, never the JWT. Undefined for a key type that devices may not
 * have.
 */
export function deviceAlgorithm({ kty, crv }: JWK): string | undefined {
  return ALGORITHMS[kty === "RSA" ? kty : `${kty} ${crv}`];
}
