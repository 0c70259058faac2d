import { systemClock, systemRandom } from "../clock.js";
import { takesCertificates, type Settings } from "../config.js";
import { buildCore } from "../core.js";
import type { Deployment } from "../deployment.js";
import type { OperatorError } from "../errors/operator-error.js";
import type { Listener } from "../http/listener.js";
import type { Log } from "../http/log.js";
import { provision } from "../provision.js";
import { introduce, type RunningServer } from "../server.js";
import { NO_CHANGE_FEED } from "../store/listen.js";
import { Crew } from "./crew.js";

/** Milliseconds that the last answers of the primary may take before the workers listen. */
const HAND_OVER_LIMIT = 100;

interface PrimaryParts {
  readonly settings: Settings;
  readonly deployment: Pick<Deployment, "db" | "url" | "master">;
  /** It answers 503 until the workers listen in its place. */
  readonly listener: Listener;
  readonly log: Log;
  readonly onRestored: (error: OperatorError) => void;
}

/**
 * Serves by several processes on one address. What is done once is done here: provisioning, and before it the migrations. Each
 * worker is an instance of the server over the same database.
 * @throws OperatorError if a worker cannot serve, in one line
 */
export async function startWorkers(
  parts: PrimaryParts,
): Promise<Omit<RunningServer, "core" | "coapPort" | "coapsPort" | "metrics">> {
  const { settings, deployment, listener, log, onRestored } = parts;
  const { port, url } = listener;
  const handOver = () => listener.drain(HAND_OVER_LIMIT);
  const crew = new Crew({ size: settings.WORKERS, log, handOver, onFailure: onRestored });
  const { issuer } = introduce({ settings, listener, log });
  try {
    const core = await buildProvisioningCore(parts, issuer);
    const introduction = await provision(core, { settings, url, log });
    await crew.serve({ url: deployment.url, port });
    const renewCertificate = async () => crew.renewCertificates();
    return { issuer, introduction, renewCertificate, stop: () => crew.stop() };
  } catch (error) {
    await crew.stop();
    throw error;
  }
}

/** The parts of the server that provisioning needs. The primary does not serve, so it listens for no changes. */
function buildProvisioningCore({ settings, deployment: { db, master }, log }: PrimaryParts, issuer: string) {
  return buildCore({
    ...{ issuer, db, master, feed: NO_CHANGE_FEED, clock: systemClock, random: systemRandom },
    previousIssuers: settings.PREVIOUS_ISSUERS,
    takesCertificates: takesCertificates(settings),
    allowPrivateKeySets: settings.JWKS_URI_ALLOW_PRIVATE,
    warn: (line) => log.warn({ type: "identifiers" }, line),
  });
}
