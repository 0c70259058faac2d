import { z } from "zod";
import { logIn } from "../accounts/log-in.js";
import { MAX_PASSWORD_LENGTH } from "../accounts/passwords.js";
import { epochSeconds } from "../clock.js";
import { optional, required } from "../http/parameters.js";
import { grantPlugin } from "./grant.js";
import { grantedScope } from "./scope.js";

/**
 * The resource owner password credentials grant (RFC 6749 section 4.3). RFC 9700 section 2.4 forbids it in new systems. It
 * serves existing clients, each of which has to be registered for it.
 */
const parameters = z.object({
  username: required("username_missing"),
  password: required("password_missing").max(MAX_PASSWORD_LENGTH),
  scope: optional, // scope_missing where the dialect's page requires it
});

export const passwordGrant = grantPlugin({
  types: ["password"],
  schema: parameters,
  responseTypes: ["token", "id_token"],
  async decide({ username, password, scope }, context) {
    const { core, client, spelling, network, facts } = context;
    const name = spelling.readUsername?.(username, client.client_id) ?? { person: username };
    // resource_owner_credentials_wrong, tries_exhausted, hashing_busy
    const { account, amr } = await logIn(core, { name, password, network }, facts);
    return {
      scope: grantedScope(scope, context), // scope_not_allowed
      user: account,
      login: { auth_time: epochSeconds(core.clock), amr },
    };
  },
});
