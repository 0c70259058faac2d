import { messageOf } from "../errors/error-code.js";
import { isShutdown, type ClusterGuard, type Role } from "../store/cluster-guard.js";
import { unusable } from "./cluster.js";
import { exists, type DataDir } from "./data-dir.js";
import { EmbeddedPostgresError, OwnedElsewhereError } from "./error.js";
import type { ObtainOptions } from "./obtain-options.js";
import { isAlive } from "./pid-file.js";
import { shutdown } from "./postmaster.js";

/** Milliseconds for which PostgreSQL may still hold the advisory lock of a server that was killed. */
const KILLED_SERVER_MS = 300;

/**
 * Acquires the lock of the role and makes sure that the database `jeton` exists.
 * @param begun when the first attempt began, as of Date.now()
 * @returns undefined once the lock is held, otherwise the obstacle; another attempt may find it gone
 */
export async function acquireLock(
  dir: DataDir,
  options: ObtainOptions,
  guard: ClusterGuard,
  port: number,
  begun: number,
): Promise<string | undefined> {
  try {
    if (!(await guard.acquire())) {
      await refuseToShare(dir, options, guard, begun);
      await guard.close();
      return "it is just being stopped";
    }
    if (options.port !== undefined && options.port !== port) {
      await release(dir, options.role, guard);
      return `it was started on port ${port} instead of ${options.port} and has to be started again`;
    }
    await ensureDatabase(dir, options, guard);
    return undefined;
  } catch (error) {
    const isInterrupted = !(error instanceof EmbeddedPostgresError) && (!guard.alive || isShutdown(error));
    await guard.close();
    if (isInterrupted) return messageOf(error);
    throw error;
  }
}

async function refuseToShare(dir: DataDir, options: ObtainOptions, guard: ClusterGuard, begun: number): Promise<void> {
  const owner = await guard.owner();
  // The last command holds the server's lock while it stops PostgreSQL. That takes a moment, so the caller retries.
  if (options.role !== "server" || owner?.role !== "server") return;
  if (!(await isAlive(owner.pid)) && Date.now() - begun < KILLED_SERVER_MS) return;
  throw ownedBy(dir, owner.pid);
}

export function ownedBy(dir: DataDir, pid: number): OwnedElsewhereError {
  return new OwnedElsewhereError(`another Jeton server is running on ${dir.path} (process ${pid})`);
}

/** Creates the database `jeton`. It may be missing only before the first start is complete, so while no master key exists. */
async function ensureDatabase(
  dir: DataDir,
  { role, restoring = false }: ObtainOptions,
  guard: ClusterGuard,
): Promise<void> {
  const state = await guard.database();
  if (state === "intact") return;
  try {
    if (state === "broken") throw unusable(dir, 'the files of its database "jeton" are missing');
    if (!restoring && (await exists(dir.masterKey)))
      throw unusable(dir, `it has no database "jeton", but its master key is there`);
    await guard.createDatabase();
  } catch (error) {
    await release(dir, role, guard);
    throw error;
  }
}

/**
 * Releases the lock. A server stops PostgreSQL first, and so does the last command. The locks are held during the shutdown,
 * so that no other process adopts a PostgreSQL that is about to stop.
 */
export async function release(dir: DataDir, role: Role, guard: ClusterGuard): Promise<void> {
  try {
    // If the question fails, this command has lost its connection: another process looks after PostgreSQL then.
    if (role === "server" || (await guard.isLast().catch(() => false))) await shutdown(dir);
  } finally {
    await guard.close();
  }
}
