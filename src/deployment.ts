import { systemRandom } from "./clock.js";
import { ownEnvironment, type Settings } from "./config.js";
import { OperatorError } from "./errors/operator-error.js";
import { MasterKey } from "./keys/master-key.js";
import { masterKeyPath, readMasterKeyFile, makeMasterKeyFile } from "./keys/master-key-file.js";
import type { Caller } from "./store/audit-actor.js";
import { refuseRestored } from "./store/continuity.js";
import { describeDatabase } from "./store/database-url.js";
import { databaseFault } from "./store/failure.js";
import { claimInstallation, isClaimed } from "./store/installation.js";
import { migrate } from "./store/migrate.js";
import { closeDb, openDb, type Db } from "./store/open.js";

/** A migrated database and the master key that it was written under. A server and a command both work on one. */
export interface Deployment {
  readonly db: Db;
  readonly url: string;
  readonly master: MasterKey;
  readonly migrated: readonly string[];
  close(): Promise<void>;
}

interface DeploymentOptions {
  readonly role: "server" | "command";
  /** Whom the changes of a command are attributed to. */
  readonly caller?: Caller;
  /** Receives one line for each crash and recovery of the embedded PostgreSQL. */
  readonly report?: ((message: string) => void) | undefined;
  /** A backup is about to be restored: the database stays empty, and the master key has to exist. */
  readonly restoring?: boolean;
}

/**
 * Opens the database of the settings. Without DATABASE_URL it starts the embedded one.
 * @throws OperatorError in one line if the database cannot be used as it is; it is never replaced by a new one
 */
export async function openDeployment(settings: Settings, options: DeploymentOptions): Promise<Deployment> {
  if (settings.DATABASE_URL !== undefined) describeDatabase(settings.DATABASE_URL);
  if (options.restoring === true) await requireKey(settings);
  const embedded = settings.DATABASE_URL === undefined ? await startEmbedded(settings, options) : undefined;
  const url = settings.DATABASE_URL ?? embedded!.url;
  const db = openDb(url, undefined, options.caller);
  const close = async () => {
    await closeDb(db);
    await embedded?.stop();
  };
  try {
    const migrated = await migrate(url);
    const master = await readMasterKey(settings, db);
    if (options.restoring === true) return { db, url, master, migrated, close };
    await claim(db, master);
    if (options.role === "server") await refuseRestored(db);
    return { db, url, master, migrated, close };
  } catch (error) {
    await close();
    throw explain(error, url);
  }
}

/**
 * Opens the deployment that the primary of this worker has opened.
 * @param url of its database
 * @throws OperatorError in one line if it cannot be used
 */
export async function joinDeployment(settings: Settings, url: string): Promise<Omit<Deployment, "migrated">> {
  const db = openDb(url);
  const close = () => closeDb(db);
  try {
    const master = await readMasterKey(settings, db);
    await claim(db, master);
    await refuseRestored(db);
    return { db, url, master, close };
  } catch (error) {
    await close();
    throw explain(error, url);
  }
}

/** The master key of the settings. A first start generates it. */
async function readMasterKey({ MASTER_KEY, MASTER_KEY_PREVIOUS, DATA_DIR }: Settings, db: Db): Promise<MasterKey> {
  return new MasterKey(MASTER_KEY ?? (await generatedKey(DATA_DIR, db)), systemRandom, MASTER_KEY_PREVIOUS);
}

/** @throws OperatorError if the database was written under another master key */
async function claim(db: Db, master: MasterKey): Promise<void> {
  const { master_key_fingerprint, lasting_keys } = await claimInstallation(db, master.fingerprint);
  const isKnown = master.accepted.some(({ fingerprint }) => fingerprint === master_key_fingerprint);
  if (isKnown && master.useLasting(master_key_fingerprint, lasting_keys)) return;
  throw new OperatorError("the master key is not the one this database was written under");
}

/** @throws OperatorError if there is no master key: a new one could not read the backup */
async function requireKey({ MASTER_KEY, DATA_DIR }: Settings): Promise<void> {
  const path = masterKeyPath(DATA_DIR);
  if (MASTER_KEY !== undefined || (await readMasterKeyFile(path)) !== undefined) return;
  throw new OperatorError(`a backup needs the master key it was written under: put it at ${path} or set MASTER_KEY`);
}

async function startEmbedded({ DATA_DIR }: Settings, { role, report, restoring }: DeploymentOptions) {
  const { startEmbedded: start } = await import("./embedded/index.js");
  return start({ dataDir: DATA_DIR, role, environment: ownEnvironment(), report, restoring });
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

/** Classes of errors that only a bug in this program throws. */
const FAULTS = [TypeError, RangeError, ReferenceError, SyntaxError];

/** Turns an error of PostgreSQL, TLS or the network while the database is opened into one line for the operator. */
function explain(error: unknown, url: string): unknown {
  if (error instanceof OperatorError || FAULTS.some((kind) => error instanceof kind)) return error;
  const { code = "", message = "" } = error as NodeJS.ErrnoException;
  const said = databaseFault(error) ?? (message.split("\n")[0]?.replace(/^ERROR: /, "") || code);
  return new OperatorError(`${describeDatabase(url)} cannot be used: ${said}`);
}
