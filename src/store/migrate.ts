import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import pg from "pg";
import { OperatorError } from "../errors/operator-error.js";
import { checkSession, SessionClient } from "./connection.js";
import { nameCollisions } from "./name-collisions.js";
import { LOCKS } from "./open.js";

/** The folder of the migrations, relative to both src/store and dist/store. */
const FOLDER = fileURLToPath(new URL("../../prisma/migrations/", import.meta.url));

/** The data of the thread that applies migrations. */
export interface ToMigrate {
  readonly url: string;
  readonly folder: string;
  readonly migrations: readonly Migration[];
}

/** Its answer: the names of the applied migrations, or the message of the engine. */
export type Migrated = { readonly applied: readonly string[] } | { readonly failed: string };

interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** A database whose schema this program must not touch; the message is one line for the operator. */
class MigrationError extends OperatorError {}

/**
 * Brings the schema up to date, one instance at a time. For a current database it only reads.
 * @returns the names of the applied migrations
 * @throws OperatorError if a pooler drops session settings
 * @throws MigrationError if the database is newer than this program, or an earlier migration failed
 */
export async function migrate(url: string): Promise<readonly string[]> {
  const migrations = await readMigrations();
  // Connections of its own, because waiting for the lock and building an index may exceed the limits of requests.
  const pool = new pg.Pool({ Client: SessionClient, connectionString: url, max: 3, connectionTimeoutMillis: 5_000 });
  pool.on("error", () => {});
  try {
    await checkSession(pool);
    if (await isUpToDate(pool, migrations)) return [];
    const holder = await pool.connect();
    try {
      await holder.query("SELECT pg_advisory_lock($1)", [LOCKS.migrate]);
      if (await isUpToDate(pool, migrations)) return [];
      await refuseCollisions(pool);
      return await apply(url, migrations);
    } finally {
      holder.release(true);
    }
  } finally {
    await pool.end();
  }
}

async function readMigrations(): Promise<readonly Migration[]> {
  const entries = await readdir(FOLDER, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => ({ name, sql: await readFile(`${FOLDER}${name}/migration.sql`, "utf8") })),
  );
}

interface AppliedMigration {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

async function isUpToDate(pool: pg.Pool, migrations: readonly Migration[]): Promise<boolean> {
  const { rows: tables } = await pool.query<{ found: string | null }>(
    "SELECT to_regclass('_prisma_migrations') AS found",
  );
  if (tables[0]?.found === null) return false;
  const { rows } = await pool.query<AppliedMigration>(
    "SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL",
  );
  const known = new Map(migrations.map(({ name, sql }) => [name, createHash("sha256").update(sql).digest("hex")]));
  for (const { migration_name: name, checksum, finished_at } of rows) {
    if (finished_at === null)
      throw new MigrationError(`the migration ${name} failed before; repair the database first`);
    if (!known.has(name)) throw new MigrationError(`the database was migrated by a newer Jeton (${name})`);
    if (known.get(name) !== checksum) throw new MigrationError(`the migration ${name} is not the one that was applied`);
  }
  return rows.length === migrations.length;
}

/** A migration that fails half way has to be repaired by hand. So known obstacles are detected first. */
async function refuseCollisions(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ found: string | null }>("SELECT to_regclass('account_names') AS found");
  const collisions = rows[0]?.found === null ? await nameCollisions(pool) : undefined;
  if (collisions !== undefined) throw new MigrationError(collisions);
}

/**
 * Applies the missing migrations in a thread of its own. The engine occupies about 80 MiB, which the system gets back when the
 * thread ends (docs/decisions/0022).
 */
async function apply(url: string, migrations: readonly Migration[]): Promise<readonly string[]> {
  const workerData: ToMigrate = { url, folder: FOLDER, migrations };
  const thread = new Worker(new URL("./migration-thread.js", import.meta.url), { workerData });
  const ended = once(thread, "exit").then(() => Promise.reject(new Error("the thread of the migrations has ended")));
  const [migrated] = (await Promise.race([once(thread, "message"), ended])) as [Migrated];
  // The engine would keep the thread alive.
  await thread.terminate();
  if ("applied" in migrated) return migrated.applied;
  // The stack of the engine follows the message of PostgreSQL.
  const [said = ""] = migrated.failed.split("\n");
  throw new MigrationError(`the schema cannot be brought up to date: ${said.replace(/^ERROR: /, "").trim()}`);
}
