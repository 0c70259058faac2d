import { z } from "zod";
import { optional } from "../http/parameters.js";
import { grantPlugin } from "./grant.js";
import { grantedScope } from "./scope.js";

/** A client asks for itself (RFC 6749 section 4.4): no consent, no refresh token, no id_token. */
const parameters = z.object({
  scope: optional, // scope_missing where the dialect's page requires it
});

export const clientCredentialsGrant = grantPlugin({
  types: ["client_credentials"],
  schema: parameters,
  responseTypes: ["token"],
  confidentialOnly: true,
  decide: async ({ scope }, context) => ({
    scope: grantedScope(scope, context), // scope_not_allowed
  }),
});
