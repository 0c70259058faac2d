import { hash } from "node:crypto";
import type { Client } from "../clients/registry.js";
import { sessionFor, subjectFor } from "../clients/subject.js";
import { epochSeconds, hasPassed, type Clock } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";
import type { OwnJwt } from "../keys/own-jwt.js";
import type { KeyRing } from "../keys/ring.js";
import type { SigningAlgorithm } from "../keys/signing-key.js";

/** Media type of an id_token, which no access token has (RFC 8725 section 3.11). */
const ID_TOKEN_TYPE = "JWT";

/** Lifetime of an id_token in seconds. Clients verify it right after they get it. */
const ID_TOKEN_LIFETIME = 600;

interface IdTokenInput {
  readonly client: Client;
  /** The user. The client may know them by another name. */
  readonly sub: string;
  /** The access token issued beside it. */
  readonly access_token: string;
  /** Seconds since the epoch at which the person logged in. */
  readonly auth_time: number;
  readonly amr: readonly string[];
  /** The authentication context class, where the client asked for one. */
  readonly acr?: string | null;
  /** The nonce of the authorization request. */
  readonly nonce?: string | null;
  /** The browser session in which it was issued. */
  readonly sid?: string | null;
  /** Claims of the user that the client or the dialect requests in the id_token itself. */
  readonly claims: Readonly<Record<string, unknown>>;
}

interface IdTokenParts {
  readonly issuer: string;
  readonly ring: KeyRing;
  readonly master: MasterKey;
  readonly clock: Clock;
}

/** Issues an id_token (OpenID Connect Core section 2), signed as the client is registered for. */
export async function issueIdToken(
  { issuer, ring, master, clock }: IdTokenParts,
  { client, sub, access_token, auth_time, amr, acr, nonce, sid, claims }: IdTokenInput,
): Promise<string> {
  const iat = epochSeconds(clock);
  const { text } = await ring.sign(client.id_token_signed_response_alg, ID_TOKEN_TYPE, {
    ...claims,
    iss: issuer,
    sub: subjectFor(master, client, sub),
    aud: client.client_id,
    iat,
    exp: iat + ID_TOKEN_LIFETIME,
    auth_time,
    amr: [...amr],
    acr: acr || undefined,
    nonce: nonce || undefined,
    sid: sid ? sessionFor(master, client, sid) : undefined,
    at_hash: leftHalf(access_token, client.id_token_signed_response_alg),
  });
  return text;
}

/** `at_hash`: the left half of the hash that the signature uses (OpenID Connect Core section 3.1.3.6). */
function leftHalf(text: string, alg: SigningAlgorithm): string {
  const digest = hash(alg === "EdDSA" ? "sha512" : "sha256", text, "buffer");
  return digest.subarray(0, digest.length / 2).toString("base64url");
}

/** The content of an id_token_hint: the user that the client believes to be logged in. */
interface IdTokenHint {
  /** As the client knows the user. */
  readonly sub: string;
  readonly client_id: string;
  /** The browser session it was got in, as the client knows it. */
  readonly sid: string | undefined;
}

/**
 * A flaw of an id_token_hint. A hint with one of the first two flaws is ignored. The others are ours, and identify
 * client and user, but they do not prove that this client sends them: old id_tokens leak.
 */
type HintFlaw = "unreadable" | "other_client" | "former_issuer" | "retired_key" | "expired";

/** A parsed id_token_hint. Both members are undefined if none was sent. */
interface ReadHint {
  readonly hint?: IdTokenHint;
  readonly flaw?: HintFlaw | undefined;
}

/** The names of this server, present and former, and its keys. */
interface IdTokenReader {
  readonly issuer: string;
  readonly previousIssuers: readonly string[];
  readonly ring: KeyRing;
}

/**
 * Reads an id_token_hint (OpenID Connect Core section 3.1.2.1): an id_token of ours, issued to this client if it is
 * named. A flawed hint is no error: clients keep id_tokens for months, while keys and names of servers change.
 */
export async function readIdTokenHint(
  reader: IdTokenReader & { readonly clock: Clock },
  text: string | undefined,
  client_id: string | undefined,
): Promise<ReadHint> {
  if (text === undefined) return {};
  const jwt = await readOwn(reader, text);
  const { sub, aud, sid, auth_time } = jwt?.claims ?? {};
  // Only id_tokens have auth_time: a signed userinfo response is no hint.
  if (jwt === undefined || sub === undefined || typeof aud !== "string" || auth_time === undefined)
    return { flaw: "unreadable" };
  if (client_id !== undefined && aud !== client_id) return { flaw: "other_client" };
  const hint = { sub, client_id: aud, sid: typeof sid === "string" ? sid : undefined };
  return { hint, flaw: flawOf(reader, jwt) };
}

/** The flaw of a hint that is ours, if any. */
function flawOf(
  { issuer, ring, clock }: IdTokenReader & { readonly clock: Clock },
  { kid, claims: { iss, exp = 0 } }: OwnJwt,
): HintFlaw | undefined {
  if (iss !== issuer) return "former_issuer";
  if (ring.describe().some((key) => key.kid === kid && key.state === "retired")) return "retired_key";
  // Another instance's clock may have set `exp`.
  return hasPassed(exp * 1000, clock.now()) ? "expired" : undefined;
}

/** A JWT of the media type of id_tokens that this server wrote, under its issuer or a previous one. */
async function readOwn({ issuer, previousIssuers, ring }: IdTokenReader, text: string): Promise<OwnJwt | undefined> {
  const jwt = await ring.verify(text, ID_TOKEN_TYPE);
  const { iss, client_epoch } = jwt?.claims ?? {};
  // An access token may have the same media type. It always has an epoch of its client, and no id_token has.
  if (client_epoch !== undefined) return undefined;
  return iss !== undefined && [issuer, ...previousIssuers].includes(iss) ? jwt : undefined;
}

/** Longest accepted id_token, in characters. */
const MAX_ID_TOKEN = 16_384;

/**
 * The user of an id_token that a client pushes as a claim token (UMA 2.0 Grant section 3.3.1). It must be ours,
 * unexpired and issued to that client. Undefined for any other text, without a reason for the caller.
 */
export async function readClaimToken(
  reader: IdTokenReader,
  text: string,
  client_id: string,
): Promise<{ readonly sub: string } | undefined> {
  if (text.length > MAX_ID_TOKEN) return undefined;
  const jwt = await readOwn(reader, text);
  if (jwt === undefined || jwt.expired) return undefined;
  const { sub, aud, exp, auth_time } = jwt.claims;
  if (sub === undefined || exp === undefined || auth_time === undefined) return undefined;
  // Ours have one audience. With further audiences the token would be theirs too (OpenID Connect Core section 2).
  return aud === client_id ? { sub } : undefined;
}
