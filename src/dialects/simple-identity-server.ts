import { readRawBasic } from "../clients/presented.js";
import type { TokenState } from "../endpoints/introspect.js";
import { Refusal } from "../errors/refusal.js";
import type { Permission } from "../tokens/access-token.js";
import type { Dialect } from "./dialect.js";
import { formBody } from "./form-body.js";
import { jsonBodies } from "./json-body.js";
import { readStandard } from "./read-standard.js";
import { SIS_MEMBERS, SIS_UMA_ENDPOINTS, readSisDocument } from "./uma-sis.js";
import { answerUserinfo } from "./userinfo.js";

/** SimpleIdentityServer 3.1: its paths, 400 for every error, scopes as arrays, and members that are present when empty. */
const scope = { name: "scope", missing: "scope_missing" } as const;

export const simpleIdentityServer: Dialect = {
  name: "simple-identity-server",
  prefixes: [
    "/token",
    "/introspect",
    "/authorization",
    "/code",
    "/userinfo",
    "/jwks",
    "/perm",
    "/rs",
    "/policies",
    "/simple-identity-server",
  ],
  bodies: [formBody, jsonBodies()],
  read: readStandard(readRawBasic),
  certificateHeaders: ["client-cert", "x-arr-clientcert"],
  required: {
    password: [scope],
    client_credentials: [scope],
    authorization_code: [{ name: "redirect_uri", missing: "redirect_uri_malformed" }],
    registerResource: [{ name: "name", missing: "resource_name_missing" }],
    updateResource: [{ name: "name", missing: "resource_name_missing" }],
  },
  repeatedScope: "refused",
  members: SIS_MEMBERS,
  readDocument: readSisDocument,
  tokens: { idTokenCarriesClaims: true, accessTokenClaims: ticketClaim },

  endpoints: [
    {
      operation: "token",
      path: "/token",
      answer: ({ access_token, token_type, expires_in, scope, refresh_token, id_token, rpt, issued_token_type }) => ({
        status: 200,
        body: {
          access_token,
          issued_token_type,
          id_token: id_token ?? null,
          token_type,
          expires_in,
          refresh_token: refresh_token ?? null,
          // For a requesting party token the original always returns this scope.
          scope: rpt === undefined ? scope : ["openid"],
        },
      }),
    },
    {
      operation: "revoke",
      path: "/token/revoke",
      answer: (result) => {
        if (result === "not_in_force") throw new Refusal("token_unknown");
        return { status: 200 };
      },
    },
    {
      operation: "introspect",
      path: "/introspect",
      answer: (result) => {
        const state = result.active ? result.state : result.expired;
        if (state === undefined) throw new Refusal("token_not_valid");
        return { status: 200, body: { active: result.active, ...describe(state) } };
      },
    },
    { operation: "confirmationCode", path: "/code", takes: "json", answer: () => ({ status: 200 }) },
    { operation: "userinfo", path: "/userinfo", methods: ["GET", "POST"], answer: answerUserinfo },
    ...SIS_UMA_ENDPOINTS,
  ],
  authorize: "/authorization",
  documents: {
    jwks: "/jwks",
    metadata: ["/simple-identity-server/.well-known/openid-configuration"],
    uma: ["/simple-identity-server/.well-known/uma2-configuration"],
  },

  refusals: {
    kinds: {
      no_credentials: { status: 400 },
      bad_credentials: { status: 400 },
      bad_token: { status: 400 },
      insufficient_scope: { error: "invalid_token", status: 400 },
      not_allowed: { error: "invalid_client" },
      too_many: { error: "invalid_request", status: 400 },
      bad_resource: { error: "invalid_resource_set_id" },
      internal: { error: "unhandled_exception" },
    },
    codes: {
      media_type_unsupported: { as: "body_missing" },
      token_foreign: { error: "invalid_token" },
      // The protection API is not an OAuth endpoint, and answers 401.
      pat_missing: { status: 401 },
      pat_invalid: { status: 401 },
      pat_scope_missing: { status: 401 },
      ticket_unknown: { error: "invalid_ticket" },
      ticket_expired: { error: "expired_ticket" },
      need_info: { as: "policy_not_satisfied" },
      request_submitted: { as: "policy_not_satisfied" },
      request_denied: { as: "policy_not_satisfied" },
    },
    challenge: ({ code }) => (code.startsWith("pat_") ? 'Bearer realm="jeton", scope="uma_protection"' : undefined),
    body: ({ error, description }) => ({ error, error_description: description, error_uri: null }),
  },
};

/** The claim of a requesting party token that the original's resource servers read. */
function ticketClaim({ permissions }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (permissions === undefined) return {};
  const ticket = (permissions as readonly Permission[]).map(({ resource_id, resource_scopes }) => ({
    resource_id,
    scopes: resource_scopes.join(" "),
  }));
  return { ticket };
}

/** Every member is present. `exp` is the lifetime in seconds, not the time of expiry. Audiences are joined in one string. */
function describe(state: TokenState): object {
  const {
    iss,
    sub,
    client_id,
    iat,
    exp,
    username = null,
    token_type = null,
    aud = [],
    jti = null,
    cnf,
    permissions,
  } = state;
  return {
    scope: state.scope.split(" ").filter(Boolean),
    client_id,
    username,
    token_type,
    exp: exp - iat,
    iat,
    nbf: 0,
    sub,
    aud: [aud].flat().join(" "),
    iss,
    jti,
    ...(cnf === undefined ? {} : { cnf }),
    ...(permissions === undefined ? {} : { permissions: permissions.map(describePermission) }),
  };
}

function describePermission({ resource_id, resource_scopes, exp }: Permission): object {
  return { resource_set_id: resource_id, scopes: resource_scopes, ...(exp === undefined ? {} : { exp }) };
}
