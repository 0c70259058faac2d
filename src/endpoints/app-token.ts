import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import type { PresentedCredentials } from "../clients/presented.js";
import { epochSeconds, hasCome } from "../clock.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { exchange } from "../grants/exchange.js";
import type { IssuedTokens } from "../grants/issue.js";
import { readParameters } from "../http/parameters.js";
import { findAccount, type App } from "../store/apps.js";
import { authenticateApp, requireApp, requireAppOf } from "./app.js";
import type { OperationRequest } from "./operations.js";

declare module "./operations.js" {
  interface Operations {
    appToken: IssuedTokens;
  }
}

/** `expires_at` is the end of the token in milliseconds since the epoch. */
const parameters = z.object({
  expires_at: z
    .string()
    .regex(/^-?\d{1,16}$/)
    .transform(Number)
    .optional(),
});

/**
 * The token endpoint of applications (Kii Cloud). It runs the steps of every exchange for the application's users and
 * things, for the application itself, or for its administrator. The administrator is a client with a client_id of its own.
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

/** An access token that comes with a registration. */
export interface AppToken {
  readonly text: string;
  /** Seconds. */
  readonly expires_in: number;
}

/** Issues an access token of an application to an account that it has just registered. There is no refresh token. */
export async function issueAppToken(
  { app_id, default_token_lifetime: lifetime }: App,
  sub: string,
  { spelling, facts }: OperationRequest,
  core: Core,
): Promise<AppToken> {
  const [client, account] = [await core.registry.find(app_id), await findAccount(core.db, sub)];
  if (client === null || account === undefined) throw new Refusal("client_unknown", { reason: "deleted a moment ago" });
  const token = { client, user: account, scope: client.scope, spelling: spelling.tokens, lifetime };
  const { text, expires_in, claims } = await core.accessTokens.issue(token);
  facts.jti = claims.jti;
  return { text, expires_in };
}

/** A request may have two pairs of credentials: `basic` is the application's, the one in the body its administrator's. */
async function identifyApp(
  core: Core,
  request: OperationRequest,
): Promise<{ readonly application: App; readonly credentials: PresentedCredentials }> {
  const { basic, client_id, client_secret = "" } = request.credentials;
  if (basic === undefined && client_id !== undefined) {
    // The sample of the vendor's page: the client_id alone leads to the application. The pair is the app's or its administrator's.
    return { application: await requireAppOf(core, client_id), credentials: { basic: { client_id, client_secret } } };
  }
  if (client_id === undefined || basic === undefined || client_id === basic.client_id) {
    return { application: await authenticateApp(core, request), credentials: { basic } };
  }
  // The administrator's secret is enough. A key of the application that was sent as well must still be correct.
  const application = basic.client_secret
    ? await authenticateApp(core, request)
    : await requireApp(core, basic.client_id);
  if (application.client_id !== client_id) {
    throw new Refusal("client_unknown", { reason: `not the administrator of ${application.app_id}` });
  }
  return { application, credentials: { basic: { client_id, client_secret } } };
}

/**
 * The lifetime in seconds until a time by the client's clock. A client that asks for the maximum while its clock is ahead
 * gets the maximum.
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
