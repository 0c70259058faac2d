import { randomUUID } from "node:crypto";
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyPluginAsync } from "fastify";
import { adminApi } from "./admin-api/plugin.js";
import { answerProblem } from "./admin-api/problem.js";
import type { Clock } from "./clock.js";
import type { Settings } from "./config.js";
import type { Core } from "./core.js";
import { metricsEndpoint } from "./endpoints/metrics.js";
import { OperatorError } from "./errors/operator-error.js";
import { Refusal } from "./errors/refusal.js";
import { logDecisions } from "./http/decision.js";
import { checkEnvelopes } from "./http/envelope.js";
import { setHeaders } from "./http/headers.js";
import { BODY_LIMIT, LIMITS, MAX_PATH_PARAMETER } from "./http/limits.js";
import { trustedProxies } from "./http/trusted-proxies.js";
import { Metrics, stateOf, writeMetrics, type ProcessMetrics, type ServerState } from "./metrics/metrics.js";
import { readersOf } from "./metrics/readers.js";

/** What administrators use beside the command line. It is loaded only where ADMIN asks for it. */
interface Administration {
  readonly metrics: Metrics;
  /** Serves at an address of its own, if ADMIN names one. @throws OperatorError if the address is not available */
  open(core: Core, underWay: () => number): Promise<void>;
  /** Everything that administrators use, for the application that serves everything else. */
  readonly beside: FastifyPluginAsync;
  /** The same for the console. */
  readonly state: () => Promise<ServerState>;
  close(): Promise<void>;
}

interface AdministrationParts {
  readonly settings: Pick<Settings, "ADMIN" | "TRUST_PROXY">;
  readonly log: FastifyBaseLogger;
  /** Gathers the metrics of all workers; undefined if this process is the whole server. */
  readonly gather: (() => Promise<readonly ProcessMetrics[]>) | undefined;
  readonly clock: Clock;
}

export function prepareAdministration({ settings, log, gather, clock }: AdministrationParts): Administration {
  const { ADMIN: admin, TRUST_PROXY: proxies } = settings;
  const metrics = new Metrics(clock);
  const page = gather === undefined ? () => metrics.page() : async () => writeMetrics(await gather());
  const state = async () => stateOf(gather === undefined ? [await metrics.collect()] : await gather());
  const plugin = (isPublic: boolean) => async (app: FastifyInstance) => {
    await app.register(metricsEndpoint, { page, isPublic });
    await app.register(adminApi, { proxies });
  };
  let app: FastifyInstance | undefined;
  return {
    metrics,
    beside: plugin(true),
    state,
    open: async (core, underWay) => {
      metrics.watch(readersOf(core, underWay));
      if (typeof admin !== "object") return;
      app = ownApp({ core, log, proxies });
      await app.register(plugin(false));
      const address = await app.listen(admin).catch(({ code }: NodeJS.ErrnoException) => {
        throw new OperatorError(`ADMIN: cannot listen on ${admin.host}:${admin.port} (${code})`);
      });
      log.info({ type: "administration", address }, "administration is served");
    },
    close: async () => app?.close(),
  };
}

interface OwnAppParts {
  readonly core: Core;
  readonly log: FastifyBaseLogger;
  readonly proxies: readonly string[];
}

/** The application of an address of its own. Its errors are problem documents (RFC 9457). */
function ownApp({ core, log, proxies }: OwnAppParts): FastifyInstance {
  const app = Fastify({
    http: LIMITS,
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "decision_id" }),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    trustProxy: proxies.length > 0 && trustedProxies(proxies),
    bodyLimit: BODY_LIMIT,
    routerOptions: { maxParamLength: MAX_PATH_PARAMETER },
    exposeHeadRoutes: false,
    frameworkErrors: (error, request, reply) => void answerProblem(error, request, reply),
  });
  app.removeAllContentTypeParsers();
  app.decorate("core", core);
  setHeaders(app, "");
  logDecisions(app);
  checkEnvelopes(app);
  app.setNotFoundHandler((request, reply) => answerProblem(new Refusal("path_unknown"), request, reply));
  app.setErrorHandler(answerProblem);
  return app;
}
