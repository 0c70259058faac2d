import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyPluginAsync } from "fastify";
import { adminApi } from "./admin-api/plugin.js";
import { answerProblem } from "./admin-api/problem.js";
import type { Clock } from "./clock.js";
import type { Settings } from "./config.js";
import { makeConsoleClient } from "./console/client.js";
import { ADMIN_PATH, CONSOLE_CLIENT_ID, placeOf } from "./console/place.js";
import { consolePages } from "./console/plugin.js";
import type { Core } from "./core.js";
import { oauth2 } from "./dialects/oauth2.js";
import { metricsEndpoint } from "./endpoints/metrics.js";
import { OperatorError } from "./errors/operator-error.js";
import { Refusal } from "./errors/refusal.js";
import { logDecisions } from "./http/decision.js";
import { checkEnvelopes } from "./http/envelope.js";
import { setHeaders } from "./http/headers.js";
import { BODY_LIMIT, LIMITS, MAX_PATH_PARAMETER } from "./http/limits.js";
import { trustedProxies } from "./http/trusted-proxies.js";
import { Metrics, stateOf, writeMetrics, type ProcessMetrics } from "./metrics/metrics.js";
import { readersOf, type Backlogs } from "./metrics/readers.js";

/** What administrators use beside the command line. It is loaded only where ADMIN asks for it. */
interface Administration {
  readonly metrics: Metrics;
  /** Serves at an address of its own, if ADMIN names one. @throws OperatorError if the address is not available */
  open(main: FastifyInstance, numbers: Backlogs): Promise<void>;
  /** Everything that administrators use, for the application that serves everything else. */
  readonly beside: FastifyPluginAsync;
  close(): Promise<void>;
}

interface AdministrationParts {
  readonly settings: Pick<Settings, "ADMIN" | "ADMIN_URL" | "DIALECTS" | "TRUST_PROXY">;
  readonly log: FastifyBaseLogger;
  /** Gathers the metrics of all workers; undefined if this process is the whole server. */
  readonly gather: (() => Promise<readonly ProcessMetrics[]>) | undefined;
  readonly clock: Clock;
}

export function prepareAdministration({ settings, log, gather, clock }: AdministrationParts): Administration {
  const { ADMIN: admin, ADMIN_URL, DIALECTS, TRUST_PROXY: proxies } = settings;
  const metrics = new Metrics(clock);
  const page = gather === undefined ? () => metrics.page() : async () => writeMetrics(await gather());
  const state = async () => stateOf(gather === undefined ? [await metrics.collect()] : await gather());
  /**
   * @param main the application that serves everything else
   * @param origin the URL below which browsers reach it
   */
  const serve = async (app: FastifyInstance, main: FastifyInstance, isPublic: boolean, origin: () => string) => {
    await app.register(metricsEndpoint, { page, isPublic });
    await app.register(adminApi, { proxies });
    if (!DIALECTS.includes("oauth2")) return;
    const { core, grants } = main;
    const place = () => placeOf(origin());
    if (await makeConsoleClient(core, place())) {
      await app.register(consolePages({ core, grants, state, place, dialect: oauth2 }), { prefix: ADMIN_PATH });
    } else {
      log.warn(
        { type: "administration" },
        `there is no console: ${CONSOLE_CLIENT_ID} is the name of another client, or of a user`,
      );
    }
  };
  let app: FastifyInstance | undefined;
  return {
    metrics,
    beside: (beside) => serve(beside, beside, true, () => beside.core.issuer),
    open: async (main, numbers) => {
      metrics.watch(readersOf(main.core, numbers));
      if (typeof admin !== "object") return;
      const own = (app = ownApp({ core: main.core, log, proxies }));
      await serve(own, main, false, () => ADMIN_URL ?? urlOf(admin, own.server.address() as AddressInfo | null));
      const address = await own.listen(admin).catch(({ code }: NodeJS.ErrnoException) => {
        throw new OperatorError(`ADMIN: cannot listen on ${admin.host}:${admin.port} (${code})`);
      });
      log.info({ type: "administration", address }, "administration is served");
    },
    close: async () => app?.close(),
  };
}

/** Addresses that no browser can open. */
const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** The URL of an address, as browsers on this machine reach it. @param bound the address that is served; null before that */
function urlOf({ host, port }: { host: string; port: number }, bound: AddressInfo | null): string {
  const name = WILDCARDS.has(host) ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${bound?.port ?? port}`;
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
