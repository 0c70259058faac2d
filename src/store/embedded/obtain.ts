import { setTimeout as delay } from "node:timers/promises";
import { findBinaries } from "./binaries.js";
import { claim } from "./claim.js";
import { checkVersion, createCluster, inspectCluster, unusable } from "./cluster.js";
import { EmbeddedPostgresError } from "./error.js";
import type { Guard, Role } from "./guard.js";
import { look } from "./look.js";
import { readPidFile, removeStalePidFile } from "./pidfile.js";
import { makeDataDir, makePassword } from "./place.js";
import type { Place } from "./place.js";
import { launch, shutdown } from "./postmaster.js";
import type { Patience } from "./postmaster.js";
import { freePort } from "./port.js";
import { servantFor } from "./servant.js";

export interface Wish {
  readonly role: Role;
  readonly patience: Patience;
  /** Start again what ran on this port: no other port will do, and no new cluster. */
  readonly port?: number;
  /** A master key without its cluster is expected: a backup is about to be restored. */
  readonly restoring?: boolean;
}

export interface Obtained {
  readonly guard: Guard;
  readonly port: number;
  readonly fresh: boolean;
}

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

/** PostgreSQL's complaints that pass by themselves: a faster starter, orphaned backends, a port in use. */
const PASSING =
  /lock file ".*" (already exists|is empty)|pre-existing shared memory block|could not create any TCP\/IP sockets/;

/**
 * Comes to hold a running PostgreSQL on this folder: the one that runs there, or one started now.
 * @throws OwnedElsewhereError when a server wishes and another living server holds it
 * @throws EmbeddedPostgresError when it cannot be had, or not before the deadline
 */
export async function obtain(place: Place, wish: Wish): Promise<Obtained> {
  const begun = Date.now();
  let fresh = false;
  let launched = false;
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    wish.patience.signal.throwIfAborted();
    const seen = await look(place, wish.role).catch(async (error: unknown) => {
      // A wrong password shows only now; what was started for nothing is not left running.
      if (launched) await shutdown(place);
      throw error;
    });
    let obstacle: string;
    if (seen.state === "running") {
      const refusal = await claim(place, wish, seen.guard, seen.port, begun);
      if (refusal === undefined) return { guard: seen.guard, port: seen.port, fresh };
      obstacle = refusal;
    } else if (seen.state === "busy") {
      obstacle = seen.what;
    } else {
      const started = await start(place, wish);
      fresh ||= started.fresh;
      launched = started.failure === undefined;
      if (started.failure === undefined) continue;
      obstacle = started.failure;
    }
    if (Date.now() > wish.patience.deadline)
      throw new EmbeddedPostgresError(`PostgreSQL in ${place.cluster} was waited for in vain: ${obstacle}`);
    await delay(pause, undefined, { signal: wish.patience.signal });
    pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS);
  }
}

/** Makes the cluster if there never was one, and starts it. A `failure` is worth another try. */
async function start(place: Place, wish: Wish): Promise<{ fresh: boolean; failure: string | undefined }> {
  const servant = await servantFor(place);
  const found = await inspectCluster(place, wish.restoring);
  if (found === "missing" && wish.port !== undefined) throw unusable(place, "the folder is gone");
  const binaries = await findBinaries(servant);
  let fresh = false;
  if (found === "missing") {
    await makeDataDir(place);
    await makePassword(place);
    fresh = await createCluster(place, servant, binaries);
  }
  await checkVersion(place, binaries);
  // A stale pid file still names the port which a server that is about to start it again has promised to its pools.
  const port = wish.port ?? (await freePort((await readPidFile(place))?.port));
  const failure = await launch(place, servant, binaries, port, wish.patience);
  if (failure === undefined) return { fresh, failure };
  wish.patience.signal.throwIfAborted();
  if (!PASSING.test(failure))
    throw new EmbeddedPostgresError(`PostgreSQL does not start on ${place.cluster}: ${failure}`);
  if (failure.includes("lock file")) await removeStalePidFile(place);
  return { fresh, failure };
}
