import Fastify, { LogController, type FastifyBaseLogger, type FastifyReply } from "fastify";
import type { Clock } from "./clock.js";
import type { Settings } from "./config.js";
import type { Core } from "./core.js";
import { metricsEndpoint } from "./endpoints/metrics.js";
import { OperatorError } from "./errors/operator-error.js";
import { Refusal } from "./errors/refusal.js";
import { asRefusal, logUnexpected } from "./http/failure.js";
import { setHeaders } from "./http/headers.js";
import { LIMITS } from "./http/limits.js";
import { Metrics, stateOf, writeMetrics, type ProcessMetrics, type ServerState } from "./metrics/metrics.js";
import { readersOf } from "./metrics/readers.js";

/** What administrators use beside the command line. It is loaded only where ADMIN asks for it. */
interface Administration {
  readonly metrics: Metrics;
  /** Serves at an address of its own, if ADMIN names one. @throws OperatorError if the address is not available */
  open(core: Core, underWay: () => number): Promise<void>;
  /** The page with the metrics of every process of this server. */
  readonly page: () => Promise<string>;
  /** The same for the console. */
  readonly state: () => Promise<ServerState>;
  close(): Promise<void>;
}

interface AdministrationParts {
  readonly admin: Settings["ADMIN"];
  readonly log: FastifyBaseLogger;
  /** Gathers the metrics of all workers; undefined if this process is the whole server. */
  readonly gather: (() => Promise<readonly ProcessMetrics[]>) | undefined;
  readonly clock: Clock;
}

export function prepareAdministration({ admin, log, gather, clock }: AdministrationParts): Administration {
  const metrics = new Metrics(clock);
  const page = gather === undefined ? () => metrics.page() : async () => writeMetrics(await gather());
  const state = async () => stateOf(gather === undefined ? [await metrics.collect()] : await gather());
  const app = typeof admin === "object" ? ownApp(page, log) : undefined;
  return {
    metrics,
    page,
    state,
    open: async (core, underWay) => {
      metrics.watch(readersOf(core, underWay));
      if (app === undefined || typeof admin !== "object") return;
      const address = await app.listen(admin).catch(({ code }: NodeJS.ErrnoException) => {
        throw new OperatorError(`ADMIN: cannot listen on ${admin.host}:${admin.port} (${code})`);
      });
      log.info({ type: "administration", address }, "administration is served");
    },
    close: async () => app?.close(),
  };
}

function answerProblem(reply: FastifyReply, { status, row, message, error }: Refusal): FastifyReply {
  return reply
    .code(status)
    .type("application/problem+json")
    .send({ title: error, status, detail: message, code: row.code });
}

/** The application of an address of its own. Its errors are problem documents (RFC 9457). */
function ownApp(page: () => Promise<string>, log: FastifyBaseLogger) {
  const app = Fastify({
    http: LIMITS,
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
  });
  setHeaders(app, "");
  app.setNotFoundHandler((_request, reply) => answerProblem(reply, new Refusal("path_unknown")));
  app.setErrorHandler((error, request, reply) => {
    const refusal = asRefusal(error);
    logUnexpected(error, refusal, request.log);
    return answerProblem(reply, refusal);
  });
  void app.register(metricsEndpoint, { page, isPublic: false });
  return app;
}
