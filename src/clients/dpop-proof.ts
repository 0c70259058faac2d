import { createPublicKey, hash, type JsonWebKey, type KeyObject } from "node:crypto";
import { hasCome, hasPassed } from "../clock.js";
import { countParts, JWS_PARTS, readCompact } from "../keys/compact.js";
import { isShort, isSlow } from "../keys/public-jwk.js";
import { hasBegun, isDate, MAX_JTI } from "./assertion-claims.js";
import { readJsonBytes } from "./assertion.js";
import { identifyingMembers, jwkThumbprint } from "./confirmation.js";
import type { PresentedProof } from "./presented.js";

/**
 * DPoP proofs (RFC 9449 section 4): their form and their content. Each flaw has a text, which completes the sentence "the
 * DPoP proof is not valid: …".
 */

/** Longest text looked at as a proof, in characters: the largest RSA key and its signature fit. */
const MAX_PROOF = 8_192;

/** Seconds for which a proof without a nonce of the server is accepted (section 11.1). */
export const PROOF_LIFETIME = 60;

/** A flaw, or the result of a step. */
type Flawed<T> = { readonly flaw: string } | T;

type Members = Readonly<Record<string, unknown>>;

/** A proof whose header is good. Its signature is not verified yet. */
export interface DpopProof {
  readonly text: string;
  readonly alg: string;
  readonly key: KeyObject;
  /** The thumbprint of its key (RFC 7638). */
  readonly jkt: string;
  readonly claims: Members;
}

/** Reads a proof and its header. */
export function readProof(text: string, algorithms: readonly string[]): Flawed<DpopProof> {
  if (text.length > MAX_PROOF) return { flaw: "it is too long" };
  const [first, second] = countParts(text) === JWS_PARTS ? (readCompact(text) ?? []) : [];
  const [header, claims] = [membersOf(first), membersOf(second)];
  if (header === undefined || claims === undefined) return { flaw: "it is no JWT in compact form" };
  const { typ, alg, crit, jwk } = header;
  if (typ !== "dpop+jwt") return { flaw: "its typ is not dpop+jwt" };
  if (typeof alg !== "string" || !algorithms.includes(alg))
    return { flaw: `its alg is none of ${algorithms.join(" ")}` };
  if (crit !== undefined) return { flaw: "its header has crit" };
  const key = publicKeyOf(jwk);
  if (key === undefined) return { flaw: "its jwk is no public key of sufficient strength" };
  return { text, alg, key, jkt: jwkThumbprint(key.export({ format: "jwk" })), claims };
}

function membersOf(part: Buffer | undefined): Members | undefined {
  const value = readJsonBytes(part);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
}

/** Members of private and symmetric keys (RFC 7518 section 6). */
const SECRET_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** The key of a header. Only the members that identify it are read; a URL or a certificate beside them is not. */
function publicKeyOf(jwk: unknown): KeyObject | undefined {
  if (typeof jwk !== "object" || jwk === null || SECRET_MEMBERS.some((name) => name in jwk)) return undefined;
  const key = identifyingMembers(jwk as JsonWebKey);
  if (key === undefined || isShort(key as { kty: string }) || isSlow(key as { kty: string })) return undefined;
  try {
    return createPublicKey({ key, format: "jwk" });
  } catch {
    // Node.js throws several types of error for a JWK that is no key.
    return undefined;
  }
}

/** The values that the claims of a proof must have. */
interface Expected {
  readonly request: Pick<PresentedProof, "method">;
  /** The URLs of the request: under the present name of the server, and under earlier ones. */
  readonly urls: readonly string[];
  /** The access token beside it (section 4.2, `ath`). */
  readonly accessToken: string | undefined;
  /** Whether it needs a nonce of the server. Then the nonce says how old it is (section 4.3, check 11). */
  readonly wantsNonce: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The checks of the claims, in the order of section 4.3. */
const CHECKS: readonly (readonly [flaw: string, holds: (claims: Members, expected: Expected) => boolean])[] = [
  ["its jti is missing, or too long", ({ jti }) => typeof jti === "string" && jti !== "" && jti.length <= MAX_JTI],
  ["its htm is not the method of this request", ({ htm }, { request }) => htm === request.method],
  ["its htu is not the URL of this request", ({ htu }, { urls }) => isUrl(htu, urls)],
  ["its iat is no time", ({ iat }) => isDate(iat)],
  ["its iat is too far from the present", ({ iat }, { wantsNonce, now }) => wantsNonce || isRecent(iat as number, now)],
  ["it has expired, or is not valid yet", ({ nbf, exp }, { now }) => hasBegun(nbf, now) && isBefore(now, exp)],
  ["its ath is not the hash of the access token", ({ ath }, { accessToken }) => isHash(ath, accessToken)],
];

/** The first flaw in the claims of a proof; undefined if there is none. */
export function claimsFlaw({ claims }: DpopProof, expected: Expected): string | undefined {
  return CHECKS.find(([, holds]) => !holds(claims, expected))?.[0];
}

/** @param iat seconds since the epoch */
function isRecent(iat: number, now: number): boolean {
  return hasCome(iat * 1000, now) && !hasPassed((iat + PROOF_LIFETIME) * 1000, now);
}

/** `exp` and `nbf` are no claims of a proof, but a client that adds them means them (RFC 7519 section 4.1). */
function isBefore(now: number, exp: unknown): boolean {
  return exp === undefined || (isDate(exp) && !hasPassed(exp * 1000, now));
}

function isHash(ath: unknown, accessToken: string | undefined): boolean {
  return accessToken === undefined || ath === hash("sha256", accessToken, "base64url");
}

function isUrl(htu: unknown, urls: readonly string[]): boolean {
  const url = typeof htu === "string" ? normalUrl(htu) : undefined;
  return url !== undefined && urls.some((one) => normalUrl(one) === url);
}

/**
 * A URL without query and fragment, in the form in which two are compared (RFC 3986 sections 6.2.2 and 6.2.3); undefined for
 * any other text.
 */
function normalUrl(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.username !== "" || url.password !== "") return undefined;
  const path = url.pathname.replace(/%[0-9a-f]{2}/gi, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : encoded.toUpperCase();
  });
  return `${url.protocol}//${url.host}${path}`;
}
