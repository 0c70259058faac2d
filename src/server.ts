import { join } from "node:path";
import type { FastifyBaseLogger } from "fastify";
import { byWebhook, CodeSender, intoOutbox } from "./accounts/code-sender.js";
import type { HashingCost } from "./accounts/passwords.js";
import { buildApp } from "./app.js";
import { AUDIT_INTERVAL, auditRounds } from "./audit/rounds.js";
import { ClockDifference, systemClock, systemRandom, type Clock, type Random } from "./clock.js";
import { registrationOf, takesCertificates, type Settings } from "./config.js";
import type { CoapServerParts } from "./coap-server.js";
import type { Timers } from "./coap/timers.js";
import { buildCore, type Core } from "./core.js";
import type { Deployment } from "./deployment.js";
import type { Dialect } from "./dialects/dialect.js";
import { refuseInDialects } from "./dialects/early.js";
import { chooseDialects } from "./dialects/index.js";
import { CERTIFICATE_CHECK_INTERVAL, CertificateWatch } from "./http/certificate-watch.js";
import type { Monotonic } from "./expected-wait.js";
import type { Listener } from "./http/listener.js";
import { openKeeper } from "./decisions/keeper.js";
import type { DecisionSinks } from "./http/decision.js";
import type { Metrics, ProcessMetrics } from "./metrics/metrics.js";
import { JobRunner, JOBS_RETRY } from "./jobs/runner.js";
import { BackChannelLogout, LOGOUT_RETRY } from "./logout/back-channel.js";
import { provision } from "./provision.js";
import { sweepAndLog } from "./sweep-log.js";
import { Availability } from "./store/availability.js";
import { refuseRestored, RestoredError } from "./store/continuity.js";
import { listen } from "./store/listen.js";
import { openSweep } from "./store/sweep.js";
import { samplePasswordHashes } from "./store/password-hashes.js";
import { loadTracing } from "./tracing/load.js";

/** Milliseconds between two rounds of housekeeping. */
const REST = 60_000;

interface ServerParts {
  readonly settings: Settings;
  readonly deployment: Pick<Deployment, "db" | "url" | "master">;
  readonly listener: Listener;
  readonly log: FastifyBaseLogger;
  /** By default those of the settings. */
  readonly dialects?: readonly Dialect[];
  readonly clock?: Clock;
  readonly random?: Random;
  /** The clock by which the delay of the process is measured; by default the monotonic clock of the machine. */
  readonly monotonic?: Monotonic;
  readonly hashing?: HashingCost;
  /** Called if the database of the running server was restored from a backup: no request may be served from it then. */
  readonly onRestored?: (error: RestoredError) => void;
  /** Milliseconds between two rounds of the audit log. */
  readonly auditInterval?: number | undefined;
  /** The timers of CoAP; by default those of the process. */
  readonly timers?: Timers;
  /**
   * Given to a worker. Its primary has applied the provisioning file already. Only the first worker sweeps and receives CoAP:
   * the messages of one device belong together, and processes that share a UDP port would get some each.
   */
  readonly worker?: { readonly isFirst: boolean; readonly gatherMetrics: () => Promise<readonly ProcessMetrics[]> };
}

export interface RunningServer {
  readonly issuer: string;
  readonly core: Core;
  /** The port for plain CoAP, if this process receives it. */
  readonly coapPort: number | undefined;
  /** The port for CoAP over DTLS, if this process receives it. */
  readonly coapsPort: number | undefined;
  /** The text about a new demo set, which is shown once. */
  readonly introduction: string | undefined;
  /** Undefined without administration. */
  readonly metrics: Metrics | undefined;
  /** Reads the certificate files again (SIGHUP). */
  readonly renewCertificate: () => Promise<void>;
  /** Answers the requests that were accepted, then closes everything but the deployment. */
  readonly stop: () => Promise<void>;
}

/**
 * Tells the listener in which dialect to refuse requests that never reach the application. It runs as soon as the settings are
 * known.
 */
export function introduce({
  settings,
  listener,
  log,
  dialects: given,
  ...sinks
}: Pick<ServerParts, "settings" | "listener" | "log" | "dialects"> & DecisionSinks) {
  const issuer = settings.ISSUER ?? `${settings.TLS_CERT ? "https" : "http"}://localhost:${listener.port}`;
  const dialects = given ?? chooseDialects(settings, issuer);
  listener.refuseWith(refuseInDialects(dialects, { ...sinks, issuer, log }));
  return { issuer, dialects };
}

/** Serves requests on a listener over an open deployment. Provisioning is applied before the first request. */
export async function startServer(parts: ServerParts): Promise<RunningServer> {
  const { settings, deployment, listener, log, worker, monotonic } = parts;
  const { clock = systemClock, random = systemRandom } = parts;
  const { db, master } = deployment;
  const administration = await loadAdministration(parts);
  const tracing = await loadTracing(settings.OTEL_EXPORTER_OTLP_ENDPOINT, log);
  const counter = administration?.metrics;
  const keeper = openKeeper({
    ...{ kept: settings.DECISIONS_KEPT, db, clock, log, metrics: counter },
    names: async () => ({ scopes: await core.registry.scopes(), issuer: core.issuer }),
  });
  const { issuer, dialects } = introduce({ ...parts, counter, keeper });
  const clockDifference = watchClock(log);
  const availability = new Availability(clock, (...times) => clockDifference.compare(...times));
  const feed = await listen(deployment.url, availability);
  feed.subscribe((change) => {
    if (change === null) void watchForRestore(parts);
  });
  const codeSender = openCodeSender(settings, { log, clock, random });
  const core = await buildCore({
    ...{ issuer, db, feed, availability, master, clock, clockDifference, random, codeSender, hashing: parts.hashing },
    previousIssuers: settings.PREVIOUS_ISSUERS,
    takesCertificates: takesCertificates(settings),
    auditCheckpointFile: settings.AUDIT_CHECKPOINT_FILE,
    allowPrivateKeySets: settings.JWKS_URI_ALLOW_PRIVATE,
    registration: registrationOf(settings),
    wantsDpopNonces: settings.DPOP_NONCE === "required",
    processes: settings.WORKERS,
    ...{ counter, keeper },
    ...(worker === undefined ? { warn: (line) => log.warn({ type: "identifiers" }, line) } : {}),
  });
  const introduction = worker === undefined ? await provision(core, { settings, url: listener.url, log }) : undefined;
  const learnCosts = async () => core.passwords.learnCosts(await samplePasswordHashes(db));
  await learnCosts();
  const proxies = settings.TRUST_PROXY;
  const served = {
    serve: listener.serve,
    administration: settings.ADMIN === "on" ? administration?.beside : undefined,
  };
  const app = await buildApp({ dialects, proxies, core, logger: log, monotonic, ...served, follow: tracing?.follow });

  const isFirst = worker?.isFirst !== false;
  const asksForCoap = settings.COAP_PORT !== undefined || settings.COAPS_PORT !== undefined;
  const coap = isFirst && asksForCoap ? await openCoap({ ...parts, app, dialects, clock, random }) : undefined;

  const holders = [listener.certificate, coap?.certificate].filter((holder) => holder !== undefined);
  // Without a certificate one watch is there, which says so when an operator asks.
  const certificates = (holders.length > 0 ? holders : [undefined]).map(
    (holder) => new CertificateWatch(holder, () => clock.now(), log),
  );
  for (const watch of certificates) watch.begin();
  const checkCertificates = async () => void (await Promise.all(certificates.map((watch) => watch.check())));
  const timers = [
    regularly("reading the certificate files", checkCertificates, log, CERTIFICATE_CHECK_INTERVAL),
    regularly("measuring the cost of password hashes", learnCosts, log),
    regularly("adding to the usage of dialects", () => core.usage.flush(), log),
  ];
  const sweep = openSweep(db, settings.DECISIONS_KEPT);
  const logouts = new BackChannelLogout({ core, log, allowPrivate: settings.JWKS_URI_ALLOW_PRIVATE });
  const jobs = new JobRunner({ db, clock, random, log });
  if (isFirst) {
    logouts.hear(feed);
    jobs.hear(feed);
    const sweepOnce = () => sweepAndLog(() => sweep(clock.statement()), log, counter);
    timers.push(regularly("sweeping", sweepOnce, log));
    timers.push(regularly("telling clients of logouts", () => logouts.deliver(), log, LOGOUT_RETRY));
    timers.push(regularly("working on jobs", () => jobs.work(), log, JOBS_RETRY));
    const interval = parts.auditInterval ?? AUDIT_INTERVAL;
    timers.push(regularly("writing the audit log", auditRounds(core, settings, log), log, interval));
  }

  const waiting = { unfinishedJobs: () => jobs.unfinished, logoutNotices: () => logouts.waiting };
  await administration?.open(app, { underWay: () => listener.underWay, ...waiting });

  listener.ready();
  return {
    issuer,
    core,
    coapPort: coap?.port,
    coapsPort: coap?.securePort,
    introduction,
    metrics: counter,
    renewCertificate: async () => void (await Promise.all(certificates.map((watch) => watch.checkNow()))),
    stop: async () => {
      for (const timer of timers) clearTimeout(timer);
      await Promise.all([listener.drain(), coap?.stop()]);
      await core.usage
        .flush()
        .catch((error: unknown) => log.warn({ err: error }, "the last uses of dialects could not be recorded"));
      await app.close();
      await keeper?.close();
      await Promise.all([administration?.close(), tracing?.close()]);
      await Promise.all([codeSender?.close(), logouts.close(), jobs.close()]);
      await feed.close();
    },
  };
}

/** Loads what administrators need, unless ADMIN is off. */
async function loadAdministration({ settings, log, worker, clock = systemClock }: ServerParts) {
  if (settings.ADMIN === "off") return undefined;
  const { prepareAdministration } = await import("./administration.js");
  return prepareAdministration({ settings, log, gather: worker?.gatherMetrics, clock });
}

/** Loads what CoAP needs, which few deployments use. */
async function openCoap(parts: CoapServerParts) {
  const { receiveCoap } = await import("./coap-server.js");
  return receiveCoap(parts);
}

/** Checks for a restored database after a reconnection, which may lead to another database than before. */
async function watchForRestore({ deployment: { db }, log, onRestored }: ServerParts): Promise<void> {
  try {
    await refuseRestored(db);
  } catch (error) {
    if (error instanceof RestoredError) onRestored?.(error);
    else
      log.warn({ err: error }, "could not check whether the database was restored; the next connection checks again");
  }
}

/** Logs once when the clocks of this machine and the database begin to differ, and once when they agree again. */
function watchClock(log: FastifyBaseLogger): ClockDifference {
  return new ClockDifference((clock_difference_seconds, isLarge) => {
    const line = { type: "clock", clock_difference_seconds };
    if (isLarge) log.warn(line, "this machine's clock and the database's differ: set both by NTP");
    else log.warn(line, "this machine's clock and the database's agree again");
  });
}

/** The delivery of confirmation codes. The outbox is for one machine, so with DATABASE_URL only a webhook can send them. */
function openCodeSender(
  { CODE_WEBHOOK_URL: url, CODE_WEBHOOK_SECRET: secret, DATABASE_URL, DATA_DIR }: Settings,
  { log, clock, random }: { log: FastifyBaseLogger; clock: Clock; random: Random },
): CodeSender | undefined {
  if (url !== undefined) return new CodeSender(byWebhook(url, secret), log);
  if (DATABASE_URL !== undefined) return undefined;
  return new CodeSender(intoOutbox(join(DATA_DIR, "outbox"), clock, random), log);
}

/** Repeats some work with a rest in between, so that two rounds never overlap, however long one takes. */
function regularly(name: string, work: () => Promise<void>, log: FastifyBaseLogger, rest = REST): NodeJS.Timeout {
  const workAndRest = async () => {
    await work().catch((error: unknown) => log.warn({ err: error }, `${name} failed; it is retried`));
    timer.refresh();
  };
  const timer = setTimeout(() => void workAndRest(), rest).unref();
  return timer;
}
