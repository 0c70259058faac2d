import type { FastifyPluginAsync } from "fastify";
import { exchange } from "../grants/exchange.js";
import type { IssuedTokens } from "../grants/issue.js";

declare module "./operations.js" {
  interface Operations {
    token: IssuedTokens;
  }
}

/** The token endpoint (RFC 6749 section 3.2): the steps of an exchange over the grants that are registered. */
export const tokenEndpoint: FastifyPluginAsync = async (app) => {
  app.operations.offer("token", {
    guard: null,
    cors: "pages of the client",
    metadata: { member: "token_endpoint", documents: "all", clients: "all" },
    run: (request, core) => exchange(core, app.grants, request),
  });
};
