import { z } from "zod";
import { hasCome, hasPassed, type Clock } from "../clock.js";
import type { Code } from "../errors/catalogue.js";
import { isRefusal, Refusal } from "../errors/refusal.js";
import { countParts, JWE_PARTS } from "../keys/compact.js";
import type { RemoteKeySets } from "../outbound/key-sets.js";
import { isSigned, keysFor, parseJws, readJsonBytes } from "./assertion.js";
import { MAX_JTI } from "./assertion-claims.js";
import { algorithmsUnder } from "./fapi2-algorithms.js";
import { PUBLIC_KEY_ALGORITHMS } from "./methods/algorithms.js";
import type { RegisteredClient } from "./registered-client.js";
import { registeredKeys } from "./registered-keys.js";

/** Request objects: authorization requests that a client signs (RFC 9101, FAPI 2.0 Message Signing section 5.3). */

/** Accepted `typ` headers. An assertion and a proof of possession have others (RFC 9101 section 10.8). */
const TYPES: readonly unknown[] = [undefined, "JWT", "jwt", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt"];

/** Seconds that `nbf` may be in the past, and `exp` after it, where the client must sign (FAPI 2.0 Message Signing 5.3.1). */
const MAX_AGE = 60 * 60;

const text = z.string().min(1).optional();
const time = z.number().optional();

const schema = z.looseObject({
  iss: text,
  aud: z.union([z.string(), z.array(z.string())]).optional(),
  sub: text,
  client_id: text,
  jti: z.string().min(1).max(MAX_JTI).optional(),
  exp: time,
  nbf: time,
  iat: time,
});

/** The claims of a request object: its own, and the parameters of the request. */
export type RequestObjectClaims = z.infer<typeof schema>;

/**
 * Verifies the signature of a request object with the registered keys of its client.
 * @throws Refusal request_object_unsupported, request_object_unreadable, request_object_signature_wrong,
 *   request_object_keys_unavailable
 */
export async function verifyRequestObject(
  object: string,
  client: RegisteredClient,
  keySets: RemoteKeySets,
): Promise<RequestObjectClaims> {
  if (countParts(object) === JWE_PARTS) throw new Refusal("request_object_unsupported", { reason: "encrypted" });
  const jws = parseJws(object);
  if (typeof jws === "string") throw new Refusal("request_object_unreadable", { reason: jws });
  const { alg, kid } = jws.header;
  if (alg.toLowerCase() === "none") throw new Refusal("request_object_unsupported", { reason: "not signed" });
  const { request_object_signing_alg: only } = client;
  const algorithms = algorithmsUnder(client, only === null ? PUBLIC_KEY_ALGORITHMS : [only]);
  const keys = await keysOf(client, keySets, kid);
  if (!(await isSigned(jws, keysFor(keys, jws.header), algorithms, TYPES)))
    throw new Refusal("request_object_signature_wrong");
  const { success, data } = schema.safeParse(readJsonBytes(jws.payload));
  if (!success)
    throw new Refusal("request_object_unreadable", { reason: "a claim has another type than it must have" });
  return data;
}

/** The keys of a client. If they cannot be fetched, the object is refused and not an authentication. */
async function keysOf(client: RegisteredClient, keySets: RemoteKeySets, kid: string | undefined) {
  try {
    return await registeredKeys(client, keySets, (key) => kid === undefined || key.kid === kid);
  } catch (error) {
    if (isRefusal(error)) throw new Refusal("request_object_keys_unavailable", { reason: error.reason });
    throw error;
  }
}

/** The values that the claims must have. */
interface Expected {
  readonly client: RegisteredClient;
  /** The issuers of this server, the present one and earlier ones. */
  readonly issuers: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The checks of verified claims, in the order of their refusals (RFC 9101 sections 4, 6.3 and 10.8). */
const CHECKS: readonly (readonly [
  Code & `request_object_${string}`,
  (claims: RequestObjectClaims, expected: Expected) => boolean,
])[] = [
  ["request_object_nested", ({ request, request_uri }) => request === undefined && request_uri === undefined],
  ["request_object_client_wrong", (claims, { client }) => isFrom(claims, client)],
  ["request_object_audience_wrong", (claims, expected) => isMeantFor(claims, expected)],
  ["request_object_expired", ({ exp }, { now }) => exp === undefined || !hasPassed(exp * 1000, now)],
  ["request_object_not_yet_valid", ({ nbf, iat }, { now }) => [nbf, iat].every((date) => hasBegun(date, now))],
  [
    "request_object_lifetime",
    (claims, { client, now }) => !client.require_signed_request_object || isFresh(claims, now),
  ],
];

/** The refusal of a request object whose signature is verified; undefined if its claims hold. */
export function flawOfRequestObject(
  claims: RequestObjectClaims,
  client: RegisteredClient,
  {
    issuer,
    previousIssuers,
    clock,
  }: { readonly issuer: string; readonly previousIssuers: readonly string[]; readonly clock: Clock },
): Refusal | undefined {
  const expected = { client, issuers: [issuer, ...previousIssuers], now: clock.now() };
  const failed = CHECKS.find(([, holds]) => !holds(claims, expected));
  return failed && new Refusal(failed[0]);
}

/**
 * An object with the client as its subject would be an assertion of the client too (section 10.8). `iss` and `aud` may be absent
 * (section 4), except where the client must sign.
 */
function isFrom({ iss, client_id, sub }: RequestObjectClaims, client: RegisteredClient): boolean {
  const { client_id: expected, require_signed_request_object: isStrict } = client;
  return (iss === expected || (iss === undefined && !isStrict)) && client_id === expected && sub !== expected;
}

function isMeantFor({ aud }: RequestObjectClaims, { client, issuers }: Expected): boolean {
  if (aud === undefined) return !client.require_signed_request_object;
  return [aud].flat().some((one) => issuers.includes(one));
}

function hasBegun(date: number | undefined, now: number): boolean {
  return date === undefined || hasCome(date * 1000, now);
}

function isFresh({ nbf, exp }: RequestObjectClaims, now: number): boolean {
  if (nbf === undefined || exp === undefined) return false;
  return exp - nbf <= MAX_AGE && !hasPassed((nbf + MAX_AGE) * 1000, now);
}
