import { randomUUID } from "node:crypto";
import type { RequestListener, Server } from "node:http";
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyPluginAsync } from "fastify";
import type { Core } from "./core.js";
import type { Dialect } from "./dialects/dialect.js";
import { mount, refuse } from "./dialects/mount.js";
import { dialectOf, notFoundHandler } from "./dialects/not-found.js";
import type { Monotonic } from "./expected-wait.js";
import { appTokenEndpoint } from "./endpoints/app-token.js";
import { appThingEndpoints } from "./endpoints/app-thing.js";
import { appUserChangeEndpoints } from "./endpoints/app-user-change.js";
import { appUserEndpoints } from "./endpoints/app-user.js";
import { appVerificationEndpoints } from "./endpoints/app-verification.js";
import { confirmationCodeEndpoint } from "./endpoints/confirmation-code.js";
import { deviceAuthorizationEndpoint } from "./endpoints/device-authorization.js";
import { deviceKeyEndpoint } from "./endpoints/device-key.js";
import { HEALTH_PATHS, healthEndpoints } from "./endpoints/health.js";
import { introspectEndpoint } from "./endpoints/introspect.js";
import { OperationRegistry } from "./endpoints/operations.js";
import { pushAuthorizationEndpoint } from "./endpoints/push-authorization.js";
import { registrationEndpoints } from "./endpoints/registration.js";
import { renewTokenEndpoint } from "./endpoints/renew-token.js";
import { revokeEndpoint } from "./endpoints/revoke.js";
import { tokenEndpoint } from "./endpoints/token.js";
import { permissionEndpoint } from "./endpoints/uma/permissions.js";
import { policyEndpoints } from "./endpoints/uma/policies.js";
import { resourceEndpoints } from "./endpoints/uma/resources.js";
import { userinfoEndpoint } from "./endpoints/userinfo.js";
import { browserRoutes } from "./browser/routes.js";
import { answerPerson, browserPages } from "./pages/plugin.js";
import { GrantRegistry } from "./grants/grant.js";
import { GRANTS } from "./grants/index.js";
import { overloadAnswers } from "./dialects/turn-away.js";
import { logDecision, logDecisions } from "./http/decision.js";
import { LoadShedder, refuseShedRequests, type LoadShedderHooks } from "./http/load-shedder.js";
import { checkEnvelopes } from "./http/envelope.js";
import { setHeaders } from "./http/headers.js";
import { BODY_LIMIT, MAX_PATH_PARAMETER } from "./http/limits.js";
import { countUnserved } from "./http/unserved.js";
import { trustedProxies } from "./http/trusted-proxies.js";

interface AppParts {
  /** The mounted dialects. The first one answers paths outside all prefixes. */
  readonly dialects: readonly Dialect[];
  /** CIDR ranges of the trusted proxies. */
  readonly proxies: readonly string[];
  readonly core: Core;
  readonly logger: FastifyBaseLogger;
  /** The clock that measures how far behind the process is; the machine's own by default. */
  readonly monotonic: Monotonic | undefined;
  /** Makes traces of the requests, if they are wanted. */
  readonly follow: ((app: FastifyInstance) => Promise<void>) | undefined;
  /** What administrators use, if this application serves it. */
  readonly administration: FastifyPluginAsync | undefined;
  /** Connects the HTTP server, which exists already (http/listener.ts), to the application. */
  readonly serve: (handler: RequestListener, shedder: LoadShedder) => Server;
}

/** Every Fastify plugin, in the order in which it is registered. */
export async function buildApp(parts: AppParts): Promise<FastifyInstance> {
  const { dialects, proxies, core, logger, serve } = parts;
  const trustsProxy = trustedProxies(proxies);
  const healthPaths: ReadonlySet<string> = new Set(Object.values(HEALTH_PATHS));
  const behind: LoadShedderHooks = {
    isAlwaysOpen: (path) => healthPaths.has(path),
    isCrowded: () => core.db.pool.isCrowded,
    waiting: () => core.passwords.waiting,
    refusalAt: overloadAnswers(dialects, core.issuer),
    refused: () => core.availability.turnedAway(0),
    report: (refused) => logger.warn({ type: "overload", refused }, "more requests than can be answered"),
  };
  const shedder = new LoadShedder(behind, parts.monotonic);
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "decision_id" }),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    // Without proxies, Fastify need not look for the addresses that they forward.
    trustProxy: proxies.length > 0 && trustsProxy,
    bodyLimit: BODY_LIMIT,
    routerOptions: { maxParamLength: MAX_PATH_PARAMETER },
    exposeHeadRoutes: false,
    // Accepted requests are answered while the process drains; the listener sends `Connection: close`.
    return503OnClosing: false,
    // The listener answers requests that its parser rejects. Fastify would send a second response.
    clientErrorHandler: () => {},
    frameworkErrors: (error, request, reply) => {
      void refuse(dialectOf(dialects, request.url), error, request, reply);
      // No hook runs for a request that Fastify's router rejects.
      logDecision(request, reply, { endpoint: undefined });
    },
    serverFactory: (handler) => serve(handler, shedder),
  });
  app.removeAllContentTypeParsers();
  app.decorate("core", core);
  app.decorate("shedder", shedder);
  app.decorate("grants", new GrantRegistry());
  app.decorate("operations", new OperationRegistry(core));

  await parts.follow?.(app);
  setHeaders(app, core.issuer);
  logDecisions(app);
  countUnserved(app, (milliseconds) => core.availability.turnedAway(milliseconds));
  refuseShedRequests(app);
  checkEnvelopes(app);
  app.setErrorHandler((error, request, reply) => refuse(dialectOf(dialects, request.url), error, request, reply));
  const routes = browserRoutes(dialects);
  app.setNotFoundHandler(notFoundHandler(dialects, routes, answerPerson));

  for (const grant of GRANTS) await app.register(grant);

  await app.register(tokenEndpoint);
  await app.register(pushAuthorizationEndpoint);
  await app.register(deviceAuthorizationEndpoint);
  await app.register(revokeEndpoint);
  await app.register(introspectEndpoint);
  await app.register(renewTokenEndpoint);
  await app.register(deviceKeyEndpoint);
  await app.register(userinfoEndpoint);
  await app.register(confirmationCodeEndpoint);
  await app.register(appTokenEndpoint);
  await app.register(appUserEndpoints);
  await app.register(appUserChangeEndpoints);
  await app.register(appVerificationEndpoints);
  await app.register(appThingEndpoints);
  await app.register(registrationEndpoints);
  await app.register(resourceEndpoints);
  await app.register(permissionEndpoint);
  await app.register(policyEndpoints);
  await app.register(healthEndpoints);
  if (parts.administration !== undefined) await app.register(parts.administration);

  for (const dialect of dialects) await app.register(mount(dialect, trustsProxy));
  await app.register(browserPages(routes));
  await app.ready();
  return app;
}
