import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { codeOf } from "../errors/error-code.js";
import type { Binaries } from "./binaries.js";
import { clusterName, type DataDir } from "./data-dir.js";
import { EmbeddedPostgresError } from "./error.js";
import type { Deadline } from "./obtain-options.js";
import { inheritPaths, type ChildOptions } from "./os-user.js";
import { livingPostmaster, readPidFile, runsHere } from "./pid-file.js";
import { complaintIn, openLog } from "./postgres-log.js";

const POLL_MS = 15;
const FAST_SHUTDOWN_MS = 10_000;
const IMMEDIATE_SHUTDOWN_MS = 5_000;

/**
 * Starts a postmaster and waits until it is ready.
 * @returns undefined once it is ready, otherwise why it ended
 * @throws EmbeddedPostgresError if it is still recovering at the deadline; it continues, and a later start finds it
 */
export async function launch(
  dir: DataDir,
  options: ChildOptions,
  binaries: Binaries,
  port: number,
  deadline: Deadline,
): Promise<string | undefined> {
  const name = await clusterName(dir);
  const log = await openLog(dir);
  const paths = await inheritPaths(options, dir.cluster);
  let ended = false;
  let problem: Error | undefined;
  const child = spawn(binaries.postgres, ["-D", paths.names[0] ?? dir.cluster, ...settings(port, name)], {
    ...options,
    // A session of its own: the terminal's Ctrl-C reaches this process only, which then stops PostgreSQL in order.
    detached: true,
    windowsHide: true,
    stdio: ["ignore", log.handle.fd, log.handle.fd, ...paths.descriptors],
  });
  child.once("exit", () => (ended = true));
  child.once("error", (error) => ((ended = true), (problem = error)));
  child.unref();
  await log.handle.close();
  await paths.close();

  const stopChild = (): unknown => child.kill("SIGINT");
  deadline.signal.addEventListener("abort", stopChild, { once: true });
  try {
    while (!ended) {
      const file = await readPidFile(dir);
      if (file?.pid === child.pid && file?.status === "ready") return undefined;
      if (Date.now() > deadline.at) {
        throw new EmbeddedPostgresError(
          `the database in ${dir.cluster} is still recovering: start again to go on waiting`,
        );
      }
      await delay(POLL_MS);
    }
  } finally {
    deadline.signal.removeEventListener("abort", stopChild);
  }
  return problem?.message ?? (await complaintIn(dir, log.start));
}

/** Settings on the command line, where neither postgresql.conf nor ALTER SYSTEM can override them. */
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

/** Requests a fast shutdown. If that takes too long, an immediate one follows, after which the next start recovers. */
export async function shutdown(dir: DataDir): Promise<void> {
  for (const [signal, limit] of [
    ["SIGINT", FAST_SHUTDOWN_MS],
    ["SIGQUIT", IMMEDIATE_SHUTDOWN_MS],
  ] as const) {
    const pid = (await livingPostmaster(dir))?.pid;
    if (pid === undefined) return;
    sendSignal(pid, signal);
    const deadline = Date.now() + limit;
    while (Date.now() < deadline) {
      if (!(await runsHere(dir, pid))) return;
      await delay(POLL_MS);
    }
  }
  throw new EmbeddedPostgresError(`the embedded PostgreSQL in ${dir.cluster} does not stop`);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error;
  }
}
