import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import type { PresentedCredentials } from "../clients/presented.js";
import { epochSeconds, hasCome } from "../clock.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { exchange } from "../grants/exchange.js";
import type { IssuedTokens } from "../grants/issue.js";
import { readParameters } from "../http/parameters.js";
import type { App } from "../store/apps.js";
import { authenticateApp, requireApp, requireAppOf } from "./app.js";
import type { OperationRequest } from "./operations.js";

declare module "./operations.js" {
  interface Operations {
    appToken: IssuedTokens;
  }
}

/** When the token is to end, in milliseconds since the epoch. */
const parameters = z.object({
  expires_at: z
    .string()
    .regex(/^-?\d{1,16}$/)
    .transform(Number)
    .optional(),
});

/**
 * The token endpoint of applications (Kii Cloud): the steps of every exchange, for the application's people and things,
 * for itself, or for its administrator, a client of its own that is asked for by name.
 */
export const appTokenEndpoint: FastifyPluginAsync = async (app) => {
  app.operations.offer("appToken", {
    guard: null,
    run: async (request, core) => {
      const { expires_at } = readParameters(parameters, request.parameters, request.spelling.members);
      const { application, credentials } = await identifyApp(core, request);
      const access_token_lifetime = lifetimeUntil(expires_at, application, epochSeconds(core.clock));
      return exchange(core, app.grants, {
        ...request,
        credentials,
        issuance: { access_token_lifetime, pairs: true },
      });
    },
  });
};

/** Of the two pairs a request may bring, `basic` is the application's, the one in the body its administrator's. */
async function identifyApp(
  core: Core,
  request: OperationRequest,
): Promise<{ readonly application: App; readonly credentials: PresentedCredentials }> {
  const { basic, client_id, client_secret = "" } = request.credentials;
  if (basic === undefined && client_id !== undefined) {
    // Its page's own sample: nothing else names the application, and what is sent is verified as its or its administrator's.
    return { application: await requireAppOf(core, client_id), credentials: { basic: { client_id, client_secret } } };
  }
  if (client_id === undefined || basic === undefined || client_id === basic.client_id) {
    return { application: await authenticateApp(core, request), credentials: { basic } };
  }
  // The administrator proves more than the application's key does; a key that was sent must be right all the same.
  const application = basic.client_secret
    ? await authenticateApp(core, request)
    : await requireApp(core, basic.client_id);
  if (application.client_id !== client_id) {
    throw new Refusal("client_unknown", { reason: `not the administrator of ${application.app_id}` });
  }
  return { application, credentials: { basic: { client_id, client_secret } } };
}

/**
 * Seconds from now until an instant that a client names by its own clock. A client that asks for the maximum while its clock
 * is ahead gets the maximum.
 * @throws Refusal expires_at_past, expires_at_too_late
 */
function lifetimeUntil(expires_at: number | undefined, app: App, now: number): number {
  if (expires_at === undefined) return app.default_token_lifetime;
  const lifetime = Math.floor(expires_at / 1000) - now;
  if (lifetime <= 0) throw new Refusal("expires_at_past");
  const latest = app.max_token_lifetime;
  if (!hasCome(expires_at - latest * 1000, now * 1000)) throw new Refusal("expires_at_too_late");
  return Math.min(lifetime, latest);
}
