import { compactVerify, createLocalJWKSet, errors, type CryptoKey, type JWK } from "jose";
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { Refusal } from "../errors/refusal.js";
import { countParts, JWS_PARTS, readCompact } from "../keys/compact.js";
import { JsonError, readStrictJson } from "../strict-json.js";

/** Assertions: JWTs with which clients authenticate (RFC 7523 section 3, OpenID Connect Core section 9). */

/** The `client_assertion_type` of these assertions. */
export const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/**
 * Keys tried at most if the header has no `kid`. Any caller may send an assertion, and each attempt costs a
 * verification.
 */
const MAX_KEYS = 10;

/** Accepted `typ` headers of client authentication. A token made for another purpose has another one (RFC 8725 section 3.11). */
const TYPES: readonly unknown[] = [undefined, "JWT", "jwt", "client-authentication+jwt"];

const headerSchema = z.object({
  alg: z.string(),
  kid: z.string().optional(),
  typ: z.unknown().optional(),
  // No critical extension is supported (RFC 7515 section 4.1.11).
  crit: z.undefined().optional(),
});

/** A parsed JWS whose signature is not verified yet. */
export interface Jws {
  readonly text: string;
  readonly header: z.infer<typeof headerSchema>;
  readonly payload: Buffer;
}

/** @throws Refusal assertion_not_jws; assertion_payload_unreadable also if a part is no unambiguous JSON */
export function readJws(text: string | undefined): Jws {
  if (text === undefined || countParts(text) !== JWS_PARTS) throw new Refusal("assertion_not_jws");
  const jws = parseJws(text);
  if (typeof jws === "string") throw new Refusal("assertion_payload_unreadable", { reason: jws });
  return jws;
}

/** Parses a JWS of a client; for any other text the reason, for the log, why it is none. */
export function parseJws(text: string): Jws | string {
  const [first, payload, ...others] = readCompact(text) ?? [];
  const header = headerSchema.safeParse(readJsonBytes(first));
  if (payload === undefined || others.length !== 1 || !header.success)
    return "wrong header, or not canonical base64url";
  return readJsonBytes(payload) === undefined ? AMBIGUOUS : { text, header: header.data, payload };
}

/**
 * The `iss` of an unverified assertion: it selects the client whose keys verify the signature.
 * @throws Refusal assertion_payload_unreadable if a part is no unambiguous JSON
 */
export function claimedIssuer(text: string): string | undefined {
  if (countParts(text) !== JWS_PARTS) return undefined;
  const parts = readCompact(text);
  if (parts === undefined) return undefined;
  const [header, claims] = parts.slice(0, 2).map(readJsonBytes);
  if (header === undefined || claims === undefined)
    throw new Refusal("assertion_payload_unreadable", { reason: AMBIGUOUS });
  return z.object({ iss: z.string() }).safeParse(claims).data?.iss;
}

/** The `alg` of an unverified assertion; undefined for any other text. */
export function claimedAlgorithm(text: string): string | undefined {
  const [header] = countParts(text) === JWS_PARTS ? (readCompact(text) ?? []) : [];
  return z.object({ alg: z.string() }).safeParse(readJsonBytes(header)).data?.alg;
}

/**
 * A reason for the log. A repeated name or U+0000 makes the whole assertion malformed, in any claim (RFC 7519 section
 * 4).
 */
const AMBIGUOUS = "not unambiguous JSON";

/**
 * Whether one of the keys made the signature, with an algorithm that the client may use. The header alone never
 * decides.
 * @param types the accepted `typ` headers; those of an assertion by default
 */
export async function isSigned(
  { text, header }: Jws,
  keys: AsyncIterable<CryptoKey> | readonly KeyObject[],
  algorithms: readonly string[],
  types = TYPES,
): Promise<boolean> {
  if (!algorithms.includes(header.alg) || !types.includes(header.typ)) return false;
  let tries = 0;
  for await (const key of keys) {
    if (++tries > MAX_KEYS) return false;
    if (await verifies(text, key, algorithms)) return true;
  }
  return false;
}

/** Whether a key made the signature of a JWS in compact form. */
export async function verifies(
  text: string,
  key: CryptoKey | KeyObject,
  algorithms: readonly string[],
): Promise<boolean> {
  try {
    await compactVerify(text, key, { algorithms: [...algorithms] });
    return true;
  } catch {
    // Any error means that the signature is not verified. The library reports some of them as TypeError.
    return false;
  }
}

/** The keys of a set that match a header: the one with its `kid`, or all that fit if it has none. */
export async function* keysFor(keys: readonly JWK[], { alg, kid }: Jws["header"]): AsyncIterable<CryptoKey> {
  const meant = kid === undefined ? { alg } : { alg, kid };
  const found = await createLocalJWKSet({ keys: [...keys] })(meant).catch((error: unknown) => error);
  if (found instanceof errors.JWKSMultipleMatchingKeys) yield* found;
  else if (!(found instanceof Error)) yield found as CryptoKey;
}

/** The algorithm that the client is registered for, else every one of its method. */
export function algorithmsOf(
  { token_endpoint_auth_signing_alg: registered }: { readonly token_endpoint_auth_signing_alg: string | null },
  ofMethod: readonly string[],
): readonly string[] {
  return registered === null ? ofMethod : ofMethod.filter((alg) => alg === registered);
}

/** Parses unambiguous JSON in UTF-8; undefined for anything else. */
export function readJsonBytes(bytes: Buffer | undefined): unknown {
  try {
    return readStrictJson(bytes?.toString("utf8") ?? "");
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}
