import { unusable } from "./cluster.js";
import { EmbeddedPostgresError, isShutdown, messageOf, OwnedElsewhereError } from "./error.js";
import type { Guard, Role } from "./guard.js";
import type { Wish } from "./obtain.js";
import { isAlive } from "./pidfile.js";
import { isThere } from "./place.js";
import type { Place } from "./place.js";
import { shutdown } from "./postmaster.js";

/** A killed server's lock outlives it by the moment its backend needs to notice. */
const GHOST_MS = 300;

/**
 * Takes the lock that goes with the role.
 * @param begun when the first try was made, as Date.now()
 * @returns undefined when it is held and the database stands, otherwise what is in the way for the moment
 */
export async function claim(
  place: Place,
  wish: Wish,
  guard: Guard,
  port: number,
  begun: number,
): Promise<string | undefined> {
  try {
    if (!(await guard.take())) {
      await refuseToShare(place, wish, guard, begun);
      await guard.close();
      return "it is just being stopped";
    }
    if (wish.port !== undefined && wish.port !== port) {
      await letGo(place, wish.role, guard);
      return `it was started on port ${port} instead of ${wish.port} and has to be started again`;
    }
    await ensureDatabase(place, wish, guard);
    return undefined;
  } catch (error) {
    const brokeOff = !(error instanceof EmbeddedPostgresError) && (!guard.alive || isShutdown(error));
    await guard.close();
    if (brokeOff) return messageOf(error);
    throw error;
  }
}

async function refuseToShare(place: Place, wish: Wish, guard: Guard, begun: number): Promise<void> {
  const owner = await guard.owner();
  // A leaving command holds the server's lock for the moment it takes to stop PostgreSQL: that is worth waiting for.
  if (wish.role !== "server" || owner?.role !== "server") return;
  if (!(await isAlive(owner.pid)) && Date.now() - begun < GHOST_MS) return;
  throw ownedBy(place, owner.pid);
}

export function ownedBy(place: Place, pid: number): OwnedElsewhereError {
  return new OwnedElsewhereError(`another Jeton server is running on ${place.dataDir} (process ${pid})`);
}

/** The database `jeton` may only be missing before the first start is through, when there is no master key yet. */
async function ensureDatabase(place: Place, { role, restoring = false }: Wish, guard: Guard): Promise<void> {
  const state = await guard.database();
  if (state === "intact") return;
  try {
    if (state === "broken") throw unusable(place, 'the files of its database "jeton" are missing');
    if (!restoring && (await isThere(place.masterKey)))
      throw unusable(place, `it has no database "jeton", but its master key is there`);
    await guard.createDatabase();
  } catch (error) {
    await letGo(place, role, guard);
    throw error;
  }
}

/**
 * Gives the database back. A server stops it; a command does so only when nobody else uses it. PostgreSQL is stopped while
 * the locks are still held, so that nobody adopts it in between.
 */
export async function letGo(place: Place, role: Role, guard: Guard): Promise<void> {
  try {
    // A command whose question fails has lost its database to somebody else, who then looks after it.
    if (role === "server" || (await guard.isLast().catch(() => false))) await shutdown(place);
  } finally {
    await guard.close();
  }
}
