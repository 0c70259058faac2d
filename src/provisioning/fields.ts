import { z } from "zod";
import { MAX_PSK_BYTES, MAX_PSK_IDENTITY_BYTES, MIN_PSK_BYTES, readPsk } from "../clients/device-psk.js";
import { EXCHANGE_KINDS } from "../clients/exchange-rule.js";
import { isWebOrigin, registeredUriProblem, webUriProblem } from "../clients/registered-uri.js";
import { looksLikeHash, readImportedHash } from "../accounts/imported-hash/encodings.js";
import type { ImportedHash } from "../accounts/imported-hash/recipes.js";
import { MAX_PASSWORD_LENGTH } from "../accounts/passwords.js";
import { isPhoneNumber, readPhoneNumber } from "../accounts/phone-number.js";
import { isSecret, isShort } from "../keys/public-jwk.js";
import { MIN_RSA_BITS } from "../rsa.js";
import { isPlainText } from "../store/plain-text.js";
import { checkNames, json } from "./json-value.js";
import { PROTOCOL_CLAIMS } from "../tokens/claims.js";
import { claimNameProblem } from "./claim-names.js";

/** The fields of a provisioning file, from which schema.ts builds its entries. */

export const text = z.string().min(1).refine(isPlainText, "must be well-formed text without U+0000");
export const id = text.max(255).refine((value) => value === value.trim(), "must not begin or end with a space");
export const seconds = z.int().positive().max(2_147_483_647);

/** Seconds, at most a day: the `jti` of each assertion is stored that long. */
export const assertionLifetime = z
  .int()
  .positive()
  .max(24 * 60 * 60);

/** Secrets in clear. A text that looks like a hash is refused, because it is not the secret. */
export const clientSecret = inClear(1_024, "give it as client_secret_hash");
export const password = inClear(MAX_PASSWORD_LENGTH, "give it as password_hash");
export const otherSecret = inClear(1_024, "only the secret itself is accepted here");

/** A pre-shared key for DTLS: a text, or hexadecimal digits behind `0x`. */
export const psk = inClear(2 + 2 * MAX_PSK_BYTES, "only the key itself is accepted here").refine((written) => {
  const { length } = readPsk(written);
  return length >= MIN_PSK_BYTES && length <= MAX_PSK_BYTES;
}, `must have ${MIN_PSK_BYTES} to ${MAX_PSK_BYTES} bytes: as text, or as hexadecimal digits behind 0x`);

export const pskIdentity = text.refine(
  (value) => Buffer.byteLength(value) <= MAX_PSK_IDENTITY_BYTES,
  `must have at most ${MAX_PSK_IDENTITY_BYTES} bytes (RFC 4279 section 5.3)`,
);

/** A valid phone number in any notation, converted to E.164. */
export const phoneNumber = text
  .refine(isPhoneNumber, "must be a valid number in international form: +4930123456")
  .transform((written) => readPhoneNumber(written) ?? written);

export const jwk = z
  .object({ kty: text })
  .catchall(json)
  .superRefine(checkNames)
  .refine((value) => !isSecret(value), "must be a public key")
  .refine((value) => !isShort(value), `must be an RSA key of at least ${MIN_RSA_BITS} bits (RFC 7518 section 3.3)`);

/** Redirect URIs are compared as strings. A wildcard or a fragment would never match, or would match too much. */
export const redirectUri = uriWith(registeredUriProblem)
  .refine((value) => !value.includes("#"), "must not have a fragment")
  .refine((value) => !value.includes("*"), "must not have a wildcard");

export const origin = text.max(2_048).refine(isWebOrigin, "must be an origin: scheme, host and port only");

/** A URL from which this server or a browser fetches something. */
export const webUri = uriWith(webUriProblem);

/** A URL that is told of logouts. */
const logoutUri = webUri.refine((value) => !value.includes("#"), "must not have a fragment");

/** How a client is told of logouts (OpenID Connect Back-Channel and Front-Channel Logout, section 2). */
export const LOGOUT_FIELDS = {
  backchannel_logout_uri: logoutUri.optional(),
  backchannel_logout_session_required: z.boolean().default(false),
  frontchannel_logout_uri: logoutUri.optional(),
  frontchannel_logout_session_required: z.boolean().default(false),
};

/** RFC 6749 section 3.3. */
export const scopeName = text
  .max(255)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, "must be a scope token without spaces or quotes");
export const scopeList = z
  .string()
  .transform((value) => [...new Set(value.split(" ").filter((name) => name !== ""))])
  .pipe(z.array(scopeName));

const audiences = z.array(text.max(2_048));

/** A rule for token exchange: whose tokens, for which new ones (RFC 8693). It has to limit both. */
export const exchangeRule = z
  .strictObject({
    kind: z.enum(EXCHANGE_KINDS),
    subject_clients: z.array(id).optional(),
    subject_audiences: audiences.optional(),
    scopes: z.array(scopeName).optional(),
    audiences: audiences.optional(),
  })
  .refine((one) => one.subject_clients !== undefined || one.subject_audiences !== undefined, {
    message: "needs subject_clients or subject_audiences",
  })
  .refine((one) => one.scopes !== undefined || one.audiences !== undefined, { message: "needs scopes or audiences" });

/** A password hash of another system: a text, or the object that Keycloak exports. */
export function foreignHash(families: readonly ImportedHash["family"][]) {
  const asText = z.record(z.string(), json).transform((value) => JSON.stringify(value));
  return z.union([text.max(4_096), asText], { error: "must be a hash" }).superRefine((value, context) => {
    const read = readImportedHash(value);
    const isAccepted = read !== undefined && families.includes(read.family);
    const message = isAccepted ? read.problem : `is no hash by ${families.join(", ")} that this server can read`;
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
}

function inClear(most: number, instead: string) {
  return text.max(most).refine((value) => !looksLikeHash(value), `is a hash: ${instead}`);
}

/** @param problemOf why a URI is refused */
function uriWith(problemOf: (uri: string) => string | undefined) {
  return text.max(2_048).superRefine((value, context) => {
    const message = problemOf(value);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
}

const NOT_OF_A_PERSON = "is a claim about tokens, not about a person";

/** Why a key cannot be a claim of a user. @param known the other keys of the entry */
export function personClaimProblem(name: string, known: readonly string[] = []): string | undefined {
  return PROTOCOL_CLAIMS.has(name) ? NOT_OF_A_PERSON : claimNameProblem(name, known);
}
