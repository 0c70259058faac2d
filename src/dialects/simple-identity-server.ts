import { readRawBasic } from "../clients/presented.js";
import type { TokenState } from "../endpoints/introspect.js";
import { Refusal } from "../errors/refusal.js";
import type { Dialect } from "./dialect.js";
import { formBody } from "./form-body.js";
import { jsonBodies } from "./json-body.js";
import { readStandard } from "./read-standard.js";
import { answerUserinfo } from "./userinfo.js";

/** SimpleIdentityServer 3.1: its paths, its 400 for everything, scopes as arrays, keys that are there when empty. */
const scope = { name: "scope", missing: "scope_missing" } as const;

export const simpleIdentityServer: Dialect = {
  name: "simple-identity-server",
  territory: [
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
  },
  repeatedScope: "refused",
  tokens: { idTokenCarriesClaims: true },

  endpoints: [
    {
      operation: "token",
      path: "/token",
      answer: ({ access_token, expires_in, scope, refresh_token, id_token }) => ({
        status: 200,
        body: {
          access_token,
          id_token: id_token ?? null,
          token_type: "Bearer",
          expires_in,
          refresh_token: refresh_token ?? null,
          scope,
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
    { operation: "confirmation_code", path: "/code", takes: "json", answer: () => ({ status: 200 }) },
    { operation: "userinfo", path: "/userinfo", methods: ["GET", "POST"], answer: answerUserinfo },
  ],
  authorize: "/authorization",
  documents: { jwks: "/jwks", metadata: ["/simple-identity-server/.well-known/openid-configuration"] },

  refusals: {
    kinds: {
      no_credentials: { status: 400 },
      bad_credentials: { status: 400 },
      bad_token: { status: 400 },
      insufficient_scope: { error: "invalid_token", status: 400 },
      not_allowed: { error: "invalid_client" },
      too_many: { error: "invalid_request", status: 400 },
      internal: { error: "unhandled_exception" },
    },
    codes: {
      media_type_unsupported: { as: "body_missing" },
      token_foreign: { error: "invalid_token" },
    },
    body: ({ error, description }) => ({ error, error_description: description, error_uri: null }),
  },
};

/** Every key is there; `exp` is what the token lives, not when it ends; audiences stand in one text. */
function describe(state: TokenState): object {
  const { iss, sub, client_id, iat, exp, username = null, token_type = null, aud = [], jti = null, cnf } = state;
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
  };
}
