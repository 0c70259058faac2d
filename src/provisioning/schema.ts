import { z } from "zod";
import { CLIENT_DEFAULTS } from "../clients/defaults.js";
import { deviceAlgorithm } from "../clients/device-jwt.js";
import { METHODS, secretStorage } from "../clients/methods.js";
import { ASSERTION_ALGORITHMS, CONTENT_KEY_SIZES, PUBLIC_KEY_ALGORITHMS } from "../clients/methods/algorithms.js";
import { sharesOrigin } from "../clients/registered-uri.js";
import { checkEncryption, RESPONSE_SETTINGS } from "../clients/response-settings.js";
import { SUBJECT_TYPES } from "../clients/subject.js";
import { DIALECT_NAMES } from "../dialects/index.js";
import { GRANT_TYPES, RESPONSE_TYPES } from "../grants/index.js";
import { ACCESS_TOKEN_TYPES, SIGNING_ALGORITHMS } from "../keys/signing-key.js";
import {
  assertionLifetime,
  clientSecret,
  exchangeRule,
  foreignHash,
  id,
  jwk,
  LOGOUT_FIELDS,
  origin,
  otherSecret,
  psk,
  pskIdentity,
  redirectUri,
  scopeList,
  scopeName,
  seconds,
  text,
  webUri,
  personClaimProblem,
} from "./fields.js";
import { issuer } from "./issuer-entry.js";
import { user } from "./user-entry.js";

/**
 * The provisioning file. Names are those of RFC 7591 (clients) and OpenID Connect Core (users). An unknown key is an
 * error. The author of the file is trusted, so an unwise setting is accepted with a warning (warnings.ts).
 */

const scope = z.strictObject({
  name: scopeName,
  description: text.max(1_000).optional(),
  audience: text.max(2_048).optional(),
  claims: z.array(claimName()).optional(),
  access_token_signing_alg: z.enum(SIGNING_ALGORITHMS).optional(),
  access_token_typ: z.enum(ACCESS_TOKEN_TYPES).optional(),
});

const client = z
  .strictObject({
    client_id: id,
    client_name: text.max(255).optional(),
    client_secret: clientSecret.optional(),
    client_secret_hash: foreignHash(["bcrypt", "pbkdf2"]).optional(),
    client_secrets: z
      .array(z.strictObject({ value: clientSecret, expires_at: z.iso.datetime({ offset: true }).optional() }))
      .optional(),
    token_endpoint_auth_method: z.enum(namesOf(METHODS)).optional(),
    token_endpoint_auth_methods: z.array(z.enum(namesOf(METHODS))).default([]),
    token_endpoint_auth_signing_alg: z.enum(ASSERTION_ALGORITHMS).optional(),
    token_endpoint_auth_encryption_alg: z.literal("dir").optional(),
    token_endpoint_auth_encryption_enc: z.enum(namesOf(CONTENT_KEY_SIZES)).optional(),
    assertion_lifetime: assertionLifetime.default(300),
    grant_types: z.array(z.enum(GRANT_TYPES)).default([]),
    response_types: z.array(z.enum(RESPONSE_TYPES)).default([]),
    redirect_uris: z.array(redirectUri).default([]),
    claims_redirect_uris: z.array(redirectUri).default([]),
    post_logout_redirect_uris: z.array(redirectUri).default([]),
    web_origins: z.array(origin).default([]),
    ...LOGOUT_FIELDS,
    scope: scopeList.default([]),
    audiences: z.array(text.max(2_048)).default([]),
    jwks: z.strictObject({ keys: z.array(jwk).max(100) }).optional(),
    jwks_uri: webUri.optional(),
    tls_client_auth_subject_dn: text.optional(),
    tls_client_auth_san_dns: text.optional(),
    tls_client_auth_san_uri: text.optional(),
    tls_client_auth_san_ip: text.optional(),
    tls_client_auth_san_email: text.optional(),
    tls_client_certificate_thumbprint: text.optional(),
    tls_client_certificate_bound_access_tokens: z.boolean().default(false),
    dpop_bound_access_tokens: z.boolean().default(false),
    token_exchange: z.array(exchangeRule).default([]),
    access_token_lifetime: seconds.default(CLIENT_DEFAULTS.access_token_lifetime),
    access_token_format: z.enum(["jwt", "opaque"]).default(CLIENT_DEFAULTS.access_token_format),
    access_token_signing_alg: z.enum(SIGNING_ALGORITHMS).default("ES256"),
    access_token_typ: z.enum(ACCESS_TOKEN_TYPES).default("at+jwt"),
    refresh_token_lifetime: seconds.default(CLIENT_DEFAULTS.refresh_token_lifetime),
    refresh_token_absolute_lifetime: seconds.default(CLIENT_DEFAULTS.refresh_token_absolute_lifetime),
    refresh_token_rotation: z.boolean().default(CLIENT_DEFAULTS.refresh_token_rotation),
    ...RESPONSE_SETTINGS,
    id_token_claims: z.enum(["minimal", "scope"]).default("minimal"),
    subject_type: z.enum(SUBJECT_TYPES).default("public"),
    sector_identifier_uri: webUri.optional(),
    require_pkce: z.boolean().default(CLIENT_DEFAULTS.require_pkce),
    require_pushed_authorization_requests: z.boolean().default(false),
    require_signed_request_object: z.boolean().default(false),
    request_object_signing_alg: z.enum(PUBLIC_KEY_ALGORITHMS).optional(),
    consent: z.enum(["explicit", "implicit"]).default(CLIENT_DEFAULTS.consent),
    profile: z.literal("fapi2").optional(),
    dialects: z.array(z.enum(DIALECT_NAMES)).default(DIALECT_NAMES),
    disabled: z.boolean().default(false),
  })
  .refine(({ client_secret, client_secrets }) => client_secret === undefined || client_secrets === undefined, {
    path: ["client_secrets"],
    message: "must not stand beside client_secret",
  })
  .refine((one) => one.client_secret_hash === undefined || !(one.client_secret ?? one.client_secrets), {
    path: ["client_secret_hash"],
    message: "must not stand beside client_secret or client_secrets",
  })
  .refine((one) => one.client_secret_hash === undefined || secretStorage(one) !== "sealed", {
    path: ["client_secret_hash"],
    message: "is of no use to client_secret_jwt, which needs the secret itself",
  })
  .refine(({ jwks, jwks_uri }) => jwks === undefined || jwks_uri === undefined, {
    path: ["jwks_uri"],
    message: "must not stand beside jwks (RFC 7591 section 2)",
  })
  .refine(({ frontchannel_logout_uri: uri, redirect_uris }) => uri === undefined || sharesOrigin(uri, redirect_uris), {
    path: ["frontchannel_logout_uri"],
    message: "must have the origin of a redirect URI (OpenID Connect Front-Channel Logout section 2)",
  })
  .refine(({ token_endpoint_auth_methods: list }) => list.length < 2 || !list.includes("none"), {
    path: ["token_endpoint_auth_methods"],
    message: "must not have none beside another method",
  })
  .refine(
    ({ token_endpoint_auth_method: one, token_endpoint_auth_methods: list }) =>
      one === undefined || list.length === 0 || list.includes(one),
    { path: ["token_endpoint_auth_method"], message: "must be one of token_endpoint_auth_methods" },
  )
  .superRefine(checkEncryption)
  .refine((one) => !one.token_endpoint_auth_encryption_enc || one.token_endpoint_auth_encryption_alg, {
    path: ["token_endpoint_auth_encryption_enc"],
    message: "needs token_endpoint_auth_encryption_alg (OpenID Connect Registration section 2)",
  });

const device = z.strictObject({
  device_id: id,
  jwk: jwk.refine((key) => deviceAlgorithm(key) !== undefined, "must be a P-256, P-384, Ed25519 or RSA key"),
  scope: scopeList.default([]),
  max_renewals: z.int().nonnegative().max(2_147_483_647).optional(),
  psk: psk.optional(),
  // Without psk: the device keeps its key.
  psk_identity: pskIdentity.optional(),
  disabled: z.boolean().default(false),
});

const app = z
  .strictObject({
    app_id: id,
    app_key: otherSecret.optional(),
    client_id: id,
    client_secret: otherSecret.optional(),
    default_token_lifetime: seconds.default(2_147_483_647),
    max_token_lifetime: seconds.default(2_147_483_647),
    refresh_tokens: z.boolean().default(false),
    user_registration: z.boolean().default(false),
    thing_registration: z.boolean().default(false),
    user_lookup: z.boolean().default(false),
    disabled: z.boolean().default(false),
  })
  .refine((value) => value.default_token_lifetime <= value.max_token_lifetime, {
    path: ["default_token_lifetime"],
    message: "must not be longer than max_token_lifetime",
  })
  .refine((value) => value.app_id !== value.client_id, {
    path: ["client_id"],
    message: "must not be the app_id: that of the administrator is another",
  });

const thing = z.strictObject({
  app_id: id,
  vendor_thing_id: id,
  password: otherSecret.optional(),
  disabled: z.boolean().default(false),
});

/** The sections of the file, in the order in which they are written: referenced entries come first. */
export const SECTIONS = {
  scopes: { entry: scope, key: (one: z.output<typeof scope>) => one.name },
  clients: { entry: client, key: (one: z.output<typeof client>) => one.client_id },
  issuers: { entry: issuer, key: (one: z.output<typeof issuer>) => one.issuer },
  users: { entry: user, key: (one: z.output<typeof user>) => one.sub },
  devices: { entry: device, key: (one: z.output<typeof device>) => one.device_id },
  apps: { entry: app, key: (one: z.output<typeof app>) => one.app_id },
  things: {
    entry: thing,
    key: (one: z.output<typeof thing>) => `${one.app_id.replace(/[%/]/g, encodeURIComponent)}/${one.vendor_thing_id}`,
  },
} as const;

export type Section = keyof typeof SECTIONS;

/** The checked entries of a file, by section. */
export type ProvisioningFile = { readonly [S in Section]: readonly z.output<(typeof SECTIONS)[S]["entry"]>[] };
export type ProvisionedClient = ProvisioningFile["clients"][number];
export type ProvisionedDevice = ProvisioningFile["devices"][number];
export type ProvisionedApp = ProvisioningFile["apps"][number];
export type ProvisionedUser = ProvisioningFile["users"][number];

function namesOf<T extends object>(table: T): [keyof T & string, ...(keyof T & string)[]] {
  return Object.keys(table) as [keyof T & string];
}

function claimName() {
  return text.max(255).superRefine((name, context) => {
    const message = personClaimProblem(name);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
}
