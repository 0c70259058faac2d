import { systemRandom } from "./clock.js";
import type { Settings } from "./config.js";
import { OperatorError } from "./errors/operator-error.js";
import { MasterKey } from "./keys/master-key.js";
import { masterKeyPath, readMasterKeyFile, makeMasterKeyFile } from "./keys/master-key-file.js";
import { refuseRestored } from "./store/continuity.js";
import { isStoreUnavailable } from "./store/failure.js";
import { claimInstallation, isClaimed } from "./store/installation.js";
import { migrate } from "./store/migrate.js";
import { closeDb, openDb, type Db } from "./store/open.js";

/** What a server and a command alike work on: a migrated database and the master key it was written under. */
export interface Deployment {
  readonly db: Db;
  readonly url: string;
  readonly master: MasterKey;
  readonly migrated: readonly string[];
  close(): Promise<void>;
}

export interface DeploymentOptions {
  readonly role: "server" | "command";
  /** Told what happens to an embedded Postgres. */
  readonly report?: (message: string) => void;
  /** A backup is about to be restored: the database is left empty, and the master key has to be there. */
  readonly restoring?: boolean;
}

/**
 * Opens the database of the settings, starting the embedded one where none is named.
 * @throws OperatorError in one line when it cannot be used as it is; nothing is ever started anew over it
 */
export async function openDeployment(settings: Settings, options: DeploymentOptions): Promise<Deployment> {
  if (settings.DATABASE_URL !== undefined) describeDatabase(settings.DATABASE_URL);
  if (options.restoring === true) await requireKey(settings);
  const embedded = settings.DATABASE_URL === undefined ? await startEmbedded(settings, options) : undefined;
  const url = settings.DATABASE_URL ?? embedded!.url;
  const db = openDb(url);
  const close = async () => {
    await closeDb(db);
    await embedded?.stop();
  };
  try {
    const migrated = await migrate(url);
    const master = new MasterKey(settings.MASTER_KEY ?? (await generatedKey(settings.DATA_DIR, db)));
    if (options.restoring === true) return { db, url, master, migrated, close };
    if ((await claimInstallation(db, master.fingerprint)) !== master.fingerprint) {
      throw new OperatorError("the master key is not the one this database was written under");
    }
    if (options.role === "server") await refuseRestored(db);
    return { db, url, master, migrated, close };
  } catch (error) {
    await close();
    throw explain(error, url);
  }
}

/** @throws OperatorError where a key would have to be made: no backup was written under a new one */
async function requireKey({ MASTER_KEY, DATA_DIR }: Settings): Promise<void> {
  const path = masterKeyPath(DATA_DIR);
  if (MASTER_KEY !== undefined || (await readMasterKeyFile(path)) !== undefined) return;
  throw new OperatorError(`a backup needs the master key it was written under: put it at ${path} or set MASTER_KEY`);
}

async function startEmbedded({ DATA_DIR }: Settings, { role, report, restoring = false }: DeploymentOptions) {
  const { startEmbedded: start } = await import("./store/embedded/index.js");
  return start({ dataDir: DATA_DIR, role, restoring, ...(report === undefined ? {} : { report }) });
}

async function generatedKey(dataDir: string, db: Db): Promise<Buffer> {
  const path = masterKeyPath(dataDir);
  const existing = await readMasterKeyFile(path);
  if (existing !== undefined) return existing;
  if (await isClaimed(db)) {
    throw new OperatorError(
      `${path} is gone, and without it this database cannot be read: put it back or set MASTER_KEY`,
    );
  }
  return makeMasterKeyFile(path, systemRandom);
}

/** 28…: not let in; 3D000: no such database; 42501: no right to make tables; the others: what TLS says of the server. */
const NOT_USABLE = /^(28|3D|42501)|CERT|ERR_TLS|ERR_SSL/;

function explain(error: unknown, url: string): unknown {
  const { code = "", message = "", syscall } = error as NodeJS.ErrnoException;
  const isOutOfReach = isStoreUnavailable(error) || syscall === "connect";
  const isUnfit = NOT_USABLE.test(code) || /support SSL connections/.test(message);
  return isOutOfReach || isUnfit
    ? new OperatorError(`${describeDatabase(url)} cannot be used: ${message || code}`)
    : error;
}

/**
 * Database and host of a connection string, without user and password.
 * @throws OperatorError where it is no URL; the parsers' own errors quote it whole
 */
function describeDatabase(url: string): string {
  try {
    // As node-postgres does: no host means the socket that a parameter names.
    const { host, pathname } = new URL(URL.canParse(url) ? url : url.replace("@/", "@localhost/"));
    return `the database ${pathname.slice(1)} at ${host || "localhost"}`;
  } catch {
    throw new OperatorError("DATABASE_URL is not a URL; special characters in the password must be percent-encoded");
  }
}
