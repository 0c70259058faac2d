import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import type { Binaries } from "./binaries.js";
import { codeOf, EmbeddedPostgresError } from "./error.js";
import { complaintIn, openLog } from "./log.js";
import { livingPostmaster, readPidFile, runsHere } from "./pidfile.js";
import { clusterName } from "./place.js";
import type { Place } from "./place.js";
import { lend, servantEnvironment } from "./servant.js";
import type { Servant } from "./servant.js";

/** How long to try, and when to give up at once. */
export interface Patience {
  readonly deadline: number;
  readonly signal: AbortSignal;
}

const POLL_MS = 15;
const FAST_SHUTDOWN_MS = 10_000;
const IMMEDIATE_SHUTDOWN_MS = 5_000;

/**
 * Starts a postmaster and waits until it is ready.
 * @returns undefined when it is, otherwise why it ended
 * @throws EmbeddedPostgresError when it is still recovering at the deadline; it goes on, and a later start finds it
 */
export async function launch(
  place: Place,
  servant: Servant,
  binaries: Binaries,
  port: number,
  patience: Patience,
): Promise<string | undefined> {
  const name = await clusterName(place);
  const log = await openLog(place);
  const lent = await lend(servant, place.cluster);
  let ended = false;
  let problem: Error | undefined;
  const child = spawn(binaries.postgres, ["-D", lent.names[0] ?? place.cluster, ...settings(port, name)], {
    // A session of its own: the terminal's Ctrl-C is for us, who then stop it in order.
    ...servant,
    cwd: "/",
    env: servantEnvironment(),
    detached: true,
    windowsHide: true,
    stdio: ["ignore", log.handle.fd, log.handle.fd, ...lent.descriptors],
  });
  child.once("exit", () => (ended = true));
  child.once("error", (error) => ((ended = true), (problem = error)));
  child.unref();
  await log.handle.close();
  await lent.close();

  const stopChild = (): unknown => child.kill("SIGINT");
  patience.signal.addEventListener("abort", stopChild, { once: true });
  try {
    while (!ended) {
      const file = await readPidFile(place);
      if (file?.pid === child.pid && file?.status === "ready") return undefined;
      if (Date.now() > patience.deadline) {
        throw new EmbeddedPostgresError(
          `the database in ${place.cluster} is still recovering: start again to go on waiting`,
        );
      }
      await delay(POLL_MS);
    }
  } finally {
    patience.signal.removeEventListener("abort", stopChild);
  }
  return problem?.message ?? (await complaintIn(place, log.start));
}

/** On the command line, where neither postgresql.conf nor ALTER SYSTEM can undo them. */
function settings(port: number, name: string): string[] {
  const fixed = {
    port,
    cluster_name: name,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: 100,
    fsync: "on",
    synchronous_commit: "on",
    log_destination: "stderr",
    logging_collector: "off",
    log_checkpoints: "off",
    lc_messages: "C",
  };
  return Object.entries(fixed).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
}

/** Fast shutdown, and an immediate one (the next start then recovers) if that takes too long. */
export async function shutdown(place: Place): Promise<void> {
  for (const [signal, patienceMs] of [
    ["SIGINT", FAST_SHUTDOWN_MS],
    ["SIGQUIT", IMMEDIATE_SHUTDOWN_MS],
  ] as const) {
    const pid = (await livingPostmaster(place))?.pid;
    if (pid === undefined) return;
    sendSignal(pid, signal);
    const deadline = Date.now() + patienceMs;
    while (Date.now() < deadline) {
      if (!(await runsHere(place, pid))) return;
      await delay(POLL_MS);
    }
  }
  throw new EmbeddedPostgresError(`the embedded PostgreSQL in ${place.cluster} does not stop`);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error;
  }
}
