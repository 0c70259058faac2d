import { createHash } from "node:crypto";
import { decodeProtectedHeader, errors, type JWTPayload } from "jose";
import type { Client } from "../clients/registry.js";
import { epochSeconds, hasPassed, type Clock } from "../clock.js";
import type { KeyRing } from "../keys/ring.js";

/** Media type of an id_token, which no access token has (RFC 8725 section 3.11). */
const ID_TOKEN_TYPE = "JWT";

/** Seconds an id_token is good for: it is read once, right after it was got. */
const ID_TOKEN_LIFETIME = 600;

export interface IdTokenInput {
  readonly client: Client;
  readonly sub: string;
  /** The access token issued beside it. */
  readonly access_token: string;
  /** Seconds since the epoch at which the person logged in. */
  readonly auth_time: number;
  readonly amr: readonly string[];
  /** The authentication context class, where the client asked for one. */
  readonly acr?: string | null;
  /** What the client sent to know its own request by. */
  readonly nonce?: string | null;
  /** The browser session it was got in. */
  readonly sid?: string | null;
  /** Claims of the person that a client or a dialect wants in the id_token itself. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Issues an id_token (OpenID Connect Core section 2), signed as the client is registered for. */
export async function issueIdToken(
  { issuer, ring, clock }: { readonly issuer: string; readonly ring: KeyRing; readonly clock: Clock },
  { client, sub, access_token, auth_time, amr, acr, nonce, sid, claims }: IdTokenInput,
): Promise<string> {
  const iat = epochSeconds(clock);
  const { text } = await ring.sign(client.id_token_signed_response_alg, ID_TOKEN_TYPE, {
    ...claims,
    iss: issuer,
    sub,
    aud: client.client_id,
    iat,
    exp: iat + ID_TOKEN_LIFETIME,
    auth_time,
    amr: [...amr],
    ...(acr ? { acr } : {}),
    ...(nonce ? { nonce } : {}),
    ...(sid ? { sid } : {}),
    at_hash: leftHalf(access_token),
  });
  return text;
}

/** `at_hash`: the left half of the hash; RS256 and ES256 both mean SHA-256 (OpenID Connect Core section 3.1.3.6). */
function leftHalf(text: string): string {
  return createHash("sha256").update(text, "ascii").digest().subarray(0, 16).toString("base64url");
}

/** Whom and what an id_token_hint is about: the person whom the client believes to be logged in. */
export interface IdTokenHint {
  readonly sub: string;
  readonly client_id: string;
  /** The browser session it was got in. */
  readonly sid: string | undefined;
}

/**
 * What is wrong with an id_token_hint. With the first two it says nothing at all. With the others it is ours, and says which
 * client and which person are meant. It does not prove that this client asks now: old id_tokens leak.
 */
export type HintFlaw = "unreadable" | "other_client" | "former_issuer" | "retired_key" | "expired";

/** An id_token_hint as it was read. Both are undefined where none was sent. */
export interface ReadHint {
  readonly hint?: IdTokenHint;
  readonly flaw?: HintFlaw | undefined;
}

/** Who reads id_tokens: under the names it has and had, with the keys that are believed. */
interface IdTokenReader {
  readonly issuer: string;
  readonly previousIssuers: readonly string[];
  readonly ring: KeyRing;
}

/**
 * Reads an id_token_hint (OpenID Connect Core section 3.1.2.1): one of our own, for this client where it is named. A bad one
 * is no error. A client keeps an id_token for months, and keys and names of servers change.
 */
export async function readIdTokenHint(
  reader: IdTokenReader & { readonly clock: Clock },
  text: string | undefined,
  client_id: string | undefined,
): Promise<ReadHint> {
  if (text === undefined) return {};
  const { sub, aud, sid, auth_time, ...dated } = (await verifyHint(reader, text)) ?? {};
  // Only an id_token says when its person logged in: a signed userinfo answer is no hint.
  if (sub === undefined || typeof aud !== "string" || auth_time === undefined) return { flaw: "unreadable" };
  if (client_id !== undefined && aud !== client_id) return { flaw: "other_client" };
  const hint = { sub, client_id: aud, sid: typeof sid === "string" ? sid : undefined };
  return { hint, flaw: flawOf(reader, text, dated) };
}

/** What is wrong with a hint that is ours. */
function flawOf(
  { issuer, ring, clock }: IdTokenReader & { readonly clock: Clock },
  text: string,
  { iss, exp = 0 }: JWTPayload,
): HintFlaw | undefined {
  if (iss !== issuer) return "former_issuer";
  const { kid } = decodeProtectedHeader(text);
  if (ring.describe().some((key) => key.kid === kid && key.state === "retired")) return "retired_key";
  // By another instance's clock, perhaps.
  return hasPassed(exp * 1000, clock.now()) ? "expired" : undefined;
}

async function verifyHint(
  { issuer, previousIssuers, ring }: IdTokenReader,
  text: string,
): Promise<JWTPayload | undefined> {
  try {
    return await ring.verify(text, { issuer: [issuer, ...previousIssuers], typ: ID_TOKEN_TYPE });
  } catch (error) {
    if (error instanceof errors.JWTExpired) return error.payload;
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}

/** Longest text looked at as an id_token, in characters. */
const MAX_ID_TOKEN = 16_384;

/**
 * Whom an id_token that a client pushes as a claim token is about (UMA 2.0 Grant section 3.3.1): one of our own, in time,
 * and given to that client. Undefined for anything else: it is not believed, and nothing is said of why.
 */
export async function readClaimToken(
  { issuer, previousIssuers, ring }: IdTokenReader,
  text: string,
  client_id: string,
): Promise<{ readonly sub: string } | undefined> {
  if (text.length > MAX_ID_TOKEN) return undefined;
  try {
    const names = [issuer, ...previousIssuers];
    const options = { issuer: names, typ: ID_TOKEN_TYPE, requiredClaims: ["exp", "sub", "aud", "auth_time"] };
    const { sub, aud } = await ring.verify(text, options);
    // Ours name one client; one that names others beside it would be theirs too (OpenID Connect Core section 2).
    return sub !== undefined && aud === client_id ? { sub } : undefined;
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}
