import cluster from "node:cluster";
import { EventEmitter, once } from "node:events";
import { addressOf, type Settings } from "../config.js";
import { joinDeployment } from "../deployment.js";
import { OperatorError } from "../errors/operator-error.js";
import { prepareListener } from "../http/listener.js";
import type { Log } from "../http/log.js";
import { inOneLine } from "../in-one-line.js";
import { startServer, type RunningServer } from "../server.js";
import { RestoredError } from "../store/continuity.js";
import { MetricsRequests } from "./gather-metrics.js";
import type { Order, Report } from "./messages.js";

/** Whether a primary of this program has started this process. */
export function isWorker({ WORKERS }: Settings): boolean {
  return WORKERS > 1 && cluster.isWorker;
}

/**
 * Runs a worker: an instance of the server whose primary has opened the database, and owns the address. It exits with the
 * primary: node:cluster ends a worker whose channel closes.
 */
export async function runWorker(settings: Settings, { log, flush }: { log: Log; flush: () => void }): Promise<void> {
  const orders = new EventEmitter();
  process.on("message", (order: Order) => orders.emit(order.do, order));
  const started = start(settings, log, orders).catch((error: unknown) => {
    throw inOneLine(error, "the start of a worker", settings.LOG_LEVEL);
  });
  const stop = async () => {
    const { stop: drain } = await started;
    await drain();
    flush();
    process.exit(0);
  };
  orders.once("stop", () => void stop().catch(fail));
  orders.on("renew", () => void started.then(({ renewCertificate }) => renewCertificate()).catch(fail));
  // The terminal's Ctrl-C reaches every process of its group. The primary decides what follows.
  process.on("SIGINT", () => {});
  process.once("SIGTERM", () => {
    process.once("SIGTERM", () => process.exit(1));
    orders.emit("stop");
  });
  await started.catch(fail);
}

/** Builds the server, and listens when the primary orders it. Until then other processes serve the address. */
async function start(
  settings: Settings,
  log: Log,
  orders: EventEmitter,
): Promise<Pick<RunningServer, "renewCertificate" | "stop">> {
  const { url, port, isFirst } = await report("loaded", orders, "build");
  const deployment = await joinDeployment(settings, url);
  const listener = await prepareListener({ ...addressOf(settings), port, isShared: true });
  const requests = new MetricsRequests(send);
  orders.on("show", (order: Extract<Order, { do: "show" }>) => requests.answered(order));
  const worker = { isFirst, gatherMetrics: () => requests.ask() };
  const server = await startServer({ settings, deployment, listener, log, worker, onRestored: fail });
  orders.on("collect", ({ id }: Extract<Order, { do: "collect" }>) => void sendMetrics(server, id).catch(fail));
  await report("built", orders, "listen");
  await listener.open();
  send({ is: "serving" });
  const stop = async () => {
    await server.stop();
    await deployment.close();
  };
  return { renewCertificate: server.renewCertificate, stop };
}

async function sendMetrics({ metrics }: RunningServer, id: number): Promise<void> {
  if (metrics !== undefined) send({ is: "collected", id, metrics: await metrics.collect() });
}

/** Reports a stage and waits for the next order. */
async function report<Name extends Order["do"]>(is: "loaded" | "built", orders: EventEmitter, next: Name) {
  const ordered = once(orders, next);
  send({ is });
  const [order] = (await ordered) as [Extract<Order, { do: Name }>];
  return order;
}

function send(message: Report, sent?: () => void): void {
  process.send?.(message, undefined, undefined, sent);
}

/** Reports why this worker cannot serve, and exits. The primary writes the line. */
function fail(error: unknown): void {
  if (!(error instanceof OperatorError)) console.error(error);
  const line = error instanceof OperatorError ? error.message : "a worker failed unexpectedly";
  send({ is: "failed", line, isRestored: error instanceof RestoredError }, () => process.exit(1));
}
