import { readFormEncodedBasic } from "../clients/presented.js";
import type { Dialect } from "./dialect.js";
import { formBody } from "./form-body.js";
import { readStandard } from "./read-standard.js";
import { answerUserinfo } from "./userinfo.js";

/** RFC 6749 section 5.2 for clients, RFC 6750 section 3 for access tokens. A message has no quote in it. */
const CHALLENGES: Readonly<Record<string, (description: string) => string>> = {
  invalid_client: () => 'Basic realm="jeton", charset="UTF-8"',
  invalid_token: (description) => `Bearer realm="jeton", error="invalid_token", error_description="${description}"`,
  insufficient_scope: () => 'Bearer realm="jeton", error="insufficient_scope", scope="openid"',
};

/** The standard: RFC 6749, 7009, 7662, 8414 and OpenID Connect, word for word. */
export const oauth2: Dialect = {
  name: "oauth2",
  territory: ["/oauth2", "/.well-known"],
  bodies: [formBody],
  read: readStandard(readFormEncodedBasic),
  certificateHeaders: ["client-cert"],
  required: {},
  repeatedScope: "folded",
  tokens: { idTokenCarriesClaims: false },

  endpoints: [
    {
      operation: "token",
      path: "/oauth2/token",
      // RFC 6749 section 5.1
      answer: ({ access_token, expires_in, scope, refresh_token, id_token }) => ({
        status: 200,
        body: { access_token, token_type: "Bearer", expires_in, refresh_token, scope: scope.join(" "), id_token },
      }),
    },
    {
      operation: "revoke",
      path: "/oauth2/revoke",
      // RFC 7009 section 2.2: a token that is not in force needs no revoking, and that is no error
      answer: () => ({ status: 200 }),
    },
    {
      operation: "introspect",
      path: "/oauth2/introspect",
      // RFC 7662 section 2.2: of a token that is not active nothing else is said
      answer: (result) => ({
        status: 200,
        body: result.active ? { active: true, ...result.state } : { active: false },
      }),
    },
    { operation: "userinfo", path: "/oauth2/userinfo", methods: ["GET", "POST"], answer: answerUserinfo },
  ],
  authorize: "/oauth2/authorize",
  documents: { jwks: "/oauth2/jwks", metadata: ["/.well-known/oauth-authorization-server"] },

  refusals: {
    kinds: {},
    codes: {},
    // Who sent no token is told how, and nothing of an error (RFC 6750 section 3.1).
    challenge: ({ code, error, description }) =>
      code === "access_token_missing" ? 'Bearer realm="jeton"' : CHALLENGES[error]?.(description),
    body: ({ error, description }) => ({ error, error_description: description }),
  },
};
