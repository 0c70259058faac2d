import { readFormEncodedBasic } from "../clients/presented.js";
import type { Code } from "../errors/catalogue.js";
import type { Dialect } from "./dialect.js";
import { formBody } from "./form-body.js";
import { jsonBodies } from "./json-body.js";
import { readStandard } from "./read-standard.js";
import { REGISTRATION_ENDPOINTS } from "./registration.js";
import { UMA_ENDPOINTS } from "./uma.js";
import { answerUserinfo } from "./userinfo.js";

/** RFC 6749 section 5.2 for clients, RFC 6750 section 3 for access tokens. No message contains a quote. */
const CHALLENGES: Readonly<Record<string, (description: string) => string>> = {
  invalid_client: () => 'Basic realm="jeton", charset="UTF-8"',
  invalid_token: (description) => `Bearer realm="jeton", error="invalid_token", error_description="${description}"`,
  insufficient_scope: () => 'Bearer realm="jeton", error="insufficient_scope", scope="openid"',
};

/** A request without a token gets a challenge without an error (RFC 6750 section 3.1). */
const CHALLENGES_BY_CODE: Readonly<Partial<Record<Code, string>>> = {
  access_token_missing: 'Bearer realm="jeton"',
  registration_token_missing: 'Bearer realm="jeton"',
  pat_missing: 'Bearer realm="jeton", scope="uma_protection"',
  pat_scope_missing: 'Bearer realm="jeton", error="insufficient_scope", scope="uma_protection"',
};

/** The standard dialect: RFC 6749, 7009, 7662, 8414 and 8628, OpenID Connect and UMA 2.0. */
export const oauth2: Dialect = {
  name: "oauth2",
  prefixes: ["/oauth2", "/uma", "/.well-known"],
  bodies: [formBody, jsonBodies()],
  read: readStandard(readFormEncodedBasic),
  certificateHeaders: ["client-cert"],
  required: {},
  repeatedScope: "folded",
  tokens: { idTokenCarriesClaims: false },

  endpoints: [
    {
      operation: "token",
      path: "/oauth2/token",
      // RFC 6749 section 5.1, UMA 2.0 Grant section 3.3.5
      answer: ({ access_token, token_type, expires_in, scope, refresh_token, id_token, rpt, issued_token_type }) => ({
        status: 200,
        body: {
          access_token,
          issued_token_type,
          token_type,
          expires_in,
          refresh_token,
          // A requesting party token has permissions in the place of a scope.
          scope: rpt === undefined ? scope.join(" ") : undefined,
          id_token,
          upgraded: rpt?.upgraded === true ? true : undefined,
          pct: rpt?.pct,
        },
      }),
    },
    {
      operation: "deviceAuthorization",
      path: "/oauth2/device_authorization",
      isBodyOptional: true,
      answer: (body) => ({ status: 200, body }),
    },
    {
      operation: "revoke",
      path: "/oauth2/revoke",
      // RFC 7009 section 2.2: revoking a token that is not in force is no error. Some clients expect JSON.
      answer: () => ({ status: 200, body: {} }),
    },
    {
      operation: "pushAuthorization",
      path: "/oauth2/par",
      // RFC 9126 section 2.2
      answer: (result) => ({ status: 201, body: result }),
    },
    {
      operation: "introspect",
      path: "/oauth2/introspect",
      // RFC 7662 section 2.2: an inactive token has no other members
      answer: (result) =>
        result.jwt === undefined
          ? { status: 200, body: result.active ? { active: true, ...result.state } : { active: false } }
          : { status: 200, headers: { "Content-Type": "application/token-introspection+jwt" }, body: result.jwt },
    },
    { operation: "userinfo", path: "/oauth2/userinfo", methods: ["GET", "POST"], answer: answerUserinfo },
    ...REGISTRATION_ENDPOINTS,
    ...UMA_ENDPOINTS,
  ],
  authorize: "/oauth2/authorize",
  knowsClientDocuments: true,
  knowsPairwiseSubjects: true,
  signsIntrospection: true,
  documents: {
    jwks: "/oauth2/jwks",
    metadata: ["/.well-known/oauth-authorization-server"],
    uma: ["/.well-known/uma2-configuration"],
  },

  refusals: {
    kinds: {},
    codes: {},
    challenge: ({ code, error, description }) => CHALLENGES_BY_CODE[code] ?? CHALLENGES[error]?.(description),
    body: ({ error, description, more }) => ({ error, error_description: description, ...more }),
  },
};
