import { z } from "zod";
import { Refusal } from "../../../src/errors/refusal.js";
import { grantPlugin } from "../../../src/grants/grant.js";
import { grantedScope } from "../../../src/grants/scope.js";
import { optional } from "../../../src/http/parameters.js";

const parameters = z.object({ password_of_the_day: optional, scope: optional });

/** A client gets a token for the word that is written on the door. */
export const toyGrant = grantPlugin({
  types: ["urn:example:door"],
  schema: parameters,
  responseTypes: [],
  confidentialOnly: true,
  async decide({ password_of_the_day, scope }, context) {
    if (password_of_the_day !== "swordfish") throw new Refusal("resource_owner_credentials_wrong");
    return { scope: grantedScope(scope, context) };
  },
});
