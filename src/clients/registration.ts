import { z } from "zod";
import { Refusal } from "../errors/refusal.js";
import { isBroken, isSecret, isShort, isSlow } from "../keys/public-jwk.js";
import { isPlainText } from "../store/plain-text.js";
import { CLIENT_DEFAULTS, NO_RESPONSE_SETTINGS } from "./defaults.js";
import { methodNames, methodsOf, secretStorage, type METHODS, type RegisteredMethods } from "./methods.js";
import { ASSERTION_ALGORITHMS, PUBLIC_KEY_ALGORITHMS } from "./methods/algorithms.js";
import { hasKeys } from "./methods/method.js";
import { isLoopback } from "./redirect-uri.js";
import { isPlainHttp, registeredUriProblem, webUriProblem, sharesOrigin } from "./registered-uri.js";
import { checkEncryption, RESPONSE_SETTINGS } from "./response-settings.js";
import { sectorProblem } from "./sector-document.js";
import { SUBJECT_TYPES, subjectFlaw } from "./subject.js";

/**
 * The metadata that a client may register for itself (RFC 7591 section 2, OpenID Connect Registration section 2). It is a
 * strict subset of the metadata that an operator can give a client: no password grant, no power over tokens of others, and
 * users are always asked for consent. Other members are ignored, as RFC 7591 demands.
 */

/** How an operator lets clients register themselves. */
export interface RegistrationSettings {
  /** `token` asks for an initial access token, and `open` for none. */
  readonly mode: "off" | "token" | "open";
  /** The scopes that such a client may have. */
  readonly scopes: readonly string[];
  /** Most clients without an initial access token. */
  readonly maxClients: number;
  /** Whether a client_id may be the URL of a metadata document. */
  readonly documents: boolean;
}

export const NO_REGISTRATION: RegistrationSettings = { mode: "off", scopes: [], maxClients: 0, documents: false };

const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";

/** Methods of clients that register themselves. Those with a certificate depend on authorities that the operator trusts. */
const SELF_MADE_METHODS = [
  "client_secret_basic",
  "client_secret_post",
  "client_secret_jwt",
  "private_key_jwt",
  "none",
] as const satisfies readonly (keyof typeof METHODS)[];

/** The consent of a self-made client is always explicit, so a device may ask for it too (RFC 8628 section 5.4). */
const SELF_MADE_GRANTS = ["authorization_code", "refresh_token", DEVICE_CODE] as const;

/** Seconds after which a client is deleted that registered itself without a token, and that no person has used. */
export const UNUSED_LIFETIME = 24 * 60 * 60;

/** Largest number of URIs, keys and addresses of people in one registration. */
const MAX_LISTED = 20;

const text = z.string().min(1).max(255).refine(isPlainText);
const uri = z.string().max(2_048);

const redirectUri = uri.refine(
  (one) =>
    registeredUriProblem(one) === undefined &&
    !/[#*]/.test(one) &&
    !hasUserInfo(one) &&
    (!isPlainHttp(one) || isLoopback(one)),
);

/** `https://bank.example@evil.example/` looks like an address of another host. */
function hasUserInfo(one: string): boolean {
  const { username, password } = new URL(one);
  return username !== "" || password !== "";
}

/** A page that users are sent to, or a document that this server fetches. */
const page = uri.refine((one) => webUriProblem(one) === undefined && !isPlainHttp(one) && !hasUserInfo(one));

/** A page or an endpoint that is told of logouts. It has no fragment. */
const logoutUri = page.refine((one) => !one.includes("#"));

/** A document that this server fetches. Which addresses may be fetched is decided then (src/outbound). */
const fetchedUri = uri.refine((one) => webUriProblem(one) === undefined);

const jwk = z
  .looseObject({ kty: text })
  .refine((key) => !isSecret(key) && !isShort(key) && !isSlow(key) && !isBroken(key));

/** Members without an effect on a decision. They are sent back, and some are shown to users. */
const SHOWN = {
  client_uri: page.optional(),
  logo_uri: page.optional(),
  policy_uri: page.optional(),
  tos_uri: page.optional(),
  contacts: z.array(text).max(MAX_LISTED).optional(),
  software_id: text.optional(),
  software_version: text.optional(),
  application_type: z.enum(["web", "native"]).optional(),
};

const shown = z.object(SHOWN);

const settings = z
  .object({
    redirect_uris: z.array(redirectUri).min(1).max(MAX_LISTED),
    post_logout_redirect_uris: z.array(redirectUri).max(MAX_LISTED).default([]),
    backchannel_logout_uri: logoutUri.optional(),
    backchannel_logout_session_required: z.boolean().default(false),
    frontchannel_logout_uri: logoutUri.optional(),
    frontchannel_logout_session_required: z.boolean().default(false),
    token_endpoint_auth_method: z.enum(SELF_MADE_METHODS).default("client_secret_basic"),
    token_endpoint_auth_signing_alg: z.enum(ASSERTION_ALGORITHMS).optional(),
    grant_types: z
      .array(z.enum(SELF_MADE_GRANTS))
      .refine((types) => types.includes("authorization_code"))
      .default(["authorization_code"]),
    response_types: z.tuple([z.literal("code")]).default(["code"]),
    client_name: text.optional(),
    scope: z.string().max(4_096).optional(),
    jwks: z.object({ keys: z.array(jwk).max(MAX_LISTED) }).optional(),
    jwks_uri: fetchedUri.optional(),
    subject_type: z.enum(SUBJECT_TYPES).default("public"),
    sector_identifier_uri: fetchedUri.optional(),
    ...RESPONSE_SETTINGS,
    request_object_signing_alg: z.enum(PUBLIC_KEY_ALGORITHMS).optional(),
    require_signed_request_object: z.boolean().default(false),
    require_pushed_authorization_requests: z.boolean().default(false),
    dpop_bound_access_tokens: z.boolean().default(false),
  })
  .refine(({ jwks, jwks_uri }) => jwks === undefined || jwks_uri === undefined, { path: ["jwks_uri"] })
  .refine(({ frontchannel_logout_uri: uri, redirect_uris }) => uri === undefined || sharesOrigin(uri, redirect_uris), {
    path: ["frontchannel_logout_uri"],
  })
  .refine((one) => one.token_endpoint_auth_method !== "private_key_jwt" || hasKeys(one), { path: ["jwks"] })
  .refine((one) => !one.id_token_encrypted_response_alg || hasKeys(one), { path: ["jwks"] })
  .refine((one) => !one.userinfo_encrypted_response_alg || hasKeys(one), { path: ["jwks"] })
  // A device would get the names of users in the sector of any host, because nothing is sent to its redirect URIs.
  .refine((one) => one.subject_type === "public" || !one.grant_types.includes(DEVICE_CODE), { path: ["subject_type"] })
  .superRefine(checkEncryption)
  .refine(canSign, { path: ["token_endpoint_auth_signing_alg"] });

function canSign(one: {
  readonly token_endpoint_auth_method: string;
  readonly token_endpoint_auth_signing_alg?: string | undefined;
}): boolean {
  const { token_endpoint_auth_signing_alg: alg } = one;
  return alg === undefined || methodsOf(one).some(({ signingAlgorithms = [] }) => signingAlgorithms.includes(alg));
}

/**
 * Reads the metadata of a client that registers itself.
 * @param allowed the scopes it may have; it gets all of them if it names none, as RFC 7591 section 2 allows
 * @throws Refusal registered_redirect_uri_invalid, client_metadata_invalid, software_statement_unapproved
 */
export function readRegistration(document: object, allowed: readonly string[]) {
  if (Array.isArray(document)) throw new Refusal("client_metadata_invalid", { slots: { name: "body" } });
  // Some libraries write an absent member as null.
  const given = Object.fromEntries(Object.entries(document).filter(([, value]) => value !== null));
  if (given.software_statement !== undefined) throw new Refusal("software_statement_unapproved");
  const { scope: names, ...read } = parse(settings, given);
  const flaw = subjectFlaw(read);
  if (flaw !== undefined) throw new Refusal("client_metadata_invalid", { slots: { name: flaw.name } });
  const { jwks = null, ...columns } = read;
  const client = {
    ...CLIENT_DEFAULTS,
    ...ABSENT,
    ...columns,
    response_types: [...read.response_types],
    jwks,
    scope: [...registeredScope(names, allowed)],
    dialects: ["oauth2"],
    web_origins: [],
    audiences: [],
  };
  return { client, shown: parse(shown, given), wantsSecret: secretStorage(read) !== "none" };
}

/** @throws Refusal client_metadata_invalid if the document of its sector does not list the redirect URIs of the client */
export async function checkSector({ client }: ReadRegistration, allowPrivate: boolean): Promise<void> {
  const reason = await sectorProblem(client, allowPrivate);
  if (reason === undefined) return;
  throw new Refusal("client_metadata_invalid", { slots: { name: "sector_identifier_uri" }, reason });
}

/** A registration that was read: the columns of the client, the members beside them, and whether the client gets a secret. */
export type ReadRegistration = ReturnType<typeof readRegistration>;

/** Columns that an update of a registration resets if it leaves them out. */
const ABSENT = {
  client_name: null,
  token_endpoint_auth_signing_alg: null,
  jwks_uri: null,
  sector_identifier_uri: null,
  backchannel_logout_uri: null,
  frontchannel_logout_uri: null,
  ...NO_RESPONSE_SETTINGS,
  request_object_signing_alg: null,
};

/** The scopes of a registration. Scopes that such a client may not have are left out, and the answer says which remain. */
function registeredScope(names: string | undefined, allowed: readonly string[]): readonly string[] {
  if (names === undefined) return allowed;
  const wanted = names.split(" ");
  const scope = allowed.filter((name) => wanted.includes(name));
  if (scope.length === 0) throw new Refusal("client_metadata_invalid", { slots: { name: "scope" } });
  return scope;
}

function parse<T>(schema: z.ZodType<T>, given: object): T {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const name = String(result.error.issues[0]?.path[0]);
  if (name === "redirect_uris") throw new Refusal("registered_redirect_uri_invalid");
  throw new Refusal("client_metadata_invalid", { slots: { name } });
}

/** The registered metadata of a client under the names of RFC 7591, for the answer to the client. */
export function registeredMetadata(
  client: RegisteredMethods & { readonly client_id: string; readonly scope: readonly string[] },
  beside: object,
): object {
  const columns = Object.entries(client).filter(([name]) => ANSWERED.has(name));
  return {
    client_id: client.client_id,
    ...Object.fromEntries(columns.filter(([, value]) => value !== null && !isEmpty(value))),
    token_endpoint_auth_method: methodNames(client)[0],
    scope: client.scope.join(" "),
    ...beside,
  };
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** The columns that an answer shows as they are. */
const ANSWERED = new Set(Object.keys(settings.shape).filter((name) => name !== "scope"));

/** Every member that is read. */
export const METADATA_MEMBERS: readonly string[] = Object.keys({ ...settings.shape, ...SHOWN });
