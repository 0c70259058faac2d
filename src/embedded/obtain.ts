import { setTimeout as delay } from "node:timers/promises";
import type { ClusterGuard } from "../store/cluster-guard.js";
import { acquireLock } from "./acquire-lock.js";
import { findBinaries } from "./binaries.js";
import { checkVersion, createCluster, inspectCluster, unusable } from "./cluster.js";
import { makeDataDir, makePassword, type DataDir } from "./data-dir.js";
import { EmbeddedPostgresError } from "./error.js";
import type { ObtainOptions } from "./obtain-options.js";
import { childOptions, osUserFor } from "./os-user.js";
import { readPidFile, removeStalePidFile } from "./pid-file.js";
import { freePort } from "./port.js";
import { launch, shutdown } from "./postmaster.js";
import { probe } from "./probe.js";

/** A running PostgreSQL whose lock is held. */
export interface Obtained {
  readonly guard: ClusterGuard;
  readonly port: number;
  /** Whether its cluster was made just now. */
  readonly fresh: boolean;
}

const MIN_PAUSE_MS = 20;
const MAX_PAUSE_MS = 1_000;

/** Complaints of PostgreSQL that pass by themselves: a faster starter, orphaned backends, a port in use. */
const PASSING =
  /lock file ".*" (already exists|is empty)|pre-existing shared memory block|could not create any TCP\/IP sockets/;

/**
 * Obtains a running PostgreSQL on this folder: the one that runs there, or a new one.
 * @throws OwnedElsewhereError if the caller is a server and another living server owns the folder
 * @throws EmbeddedPostgresError if PostgreSQL cannot be started, or not before the deadline
 */
export async function obtain(dir: DataDir, options: ObtainOptions): Promise<Obtained> {
  const { role, deadline } = options;
  const begun = Date.now();
  let fresh = false;
  let launched = false;
  let pause = MIN_PAUSE_MS;
  for (;;) {
    deadline.signal.throwIfAborted();
    const found = await probe(dir, role).catch(async (error: unknown) => {
      // A wrong password shows only now. A PostgreSQL that was just started is not left running then.
      if (launched) await shutdown(dir);
      throw error;
    });
    let obstacle: string;
    if (found.state === "running") {
      const refusal = await acquireLock(dir, options, found.guard, found.port, begun);
      if (refusal === undefined) return { guard: found.guard, port: found.port, fresh };
      obstacle = refusal;
    } else if (found.state === "busy") {
      obstacle = found.reason;
    } else {
      const started = await start(dir, options);
      fresh ||= started.fresh;
      launched = started.failure === undefined;
      if (started.failure === undefined) continue;
      obstacle = started.failure;
    }
    if (Date.now() > deadline.at)
      throw new EmbeddedPostgresError(`timed out waiting for PostgreSQL in ${dir.cluster}: ${obstacle}`);
    await delay(pause, undefined, { signal: deadline.signal });
    pause = Math.min(pause * 1.5, MAX_PAUSE_MS);
  }
}

/** Starts PostgreSQL, and makes the cluster if there never was one. After a `failure` another attempt may succeed. */
async function start(dir: DataDir, options: ObtainOptions): Promise<{ fresh: boolean; failure: string | undefined }> {
  const child = childOptions(await osUserFor(dir), options.environment);
  const found = await inspectCluster(dir, options.restoring);
  if (found === "missing" && options.port !== undefined) throw unusable(dir, "the folder is gone");
  const binaries = await findBinaries(child);
  let fresh = false;
  if (found === "missing") {
    await makeDataDir(dir);
    await makePassword(dir);
    fresh = await createCluster(dir, child, binaries);
  }
  await checkVersion(dir, binaries);
  // A stale pid file still names the last port, to which the pools of a running server will connect again.
  const port = options.port ?? (await freePort((await readPidFile(dir))?.port));
  const failure = await launch(dir, child, binaries, port, options.deadline);
  if (failure === undefined) return { fresh, failure };
  options.deadline.signal.throwIfAborted();
  if (!PASSING.test(failure))
    throw new EmbeddedPostgresError(`PostgreSQL does not start on ${dir.cluster}: ${failure}`);
  if (failure.includes("lock file")) await removeStalePidFile(dir);
  return { fresh, failure };
}
