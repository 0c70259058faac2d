// Runs once before all tests: a data folder to copy, a fresh PostgreSQL, left running when this process ends, and in it a
// migrated template.
import { readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import pg from "pg";
import { dataDirAt } from "../../src/embedded/data-dir.js";
import { startEmbedded } from "./embedded.js";
import { migrate } from "../../src/store/migrate.js";
import { PREPARED, prepareDataFolder } from "./prepared.js";
import { DATA_DIR, RUN_FOLDERS, TEMPLATE } from "./run.js";
import { ROOT } from "./root.js";
import { stopPostgres } from "./stop-postgres.js";

await removeLeftOvers();
// Compiled tests look for the migrations and the manifest where the compiled sources do.
for (const name of ["prisma", "package.json"]) {
  const link = join(ROOT, "build", "js", name);
  await rm(link, { force: true });
  await symlink(join(ROOT, name), link);
}
const prepared = await startEmbedded({ dataDir: PREPARED, role: "server" });
await migrate(prepared.url);
await prepared.stop();
await prepareDataFolder(DATA_DIR);
const { url } = await startEmbedded({ dataDir: DATA_DIR, role: "server" });
const client = new pg.Client(url);
await client.connect();
// A zone with a half hour and with summer time: a test that passes here does not rest on the server's own zone.
await client.query("ALTER SYSTEM SET timezone = 'America/St_Johns'");
// Data that a crash of the machine loses is not missed; the embedded PostgreSQL of its own tests does without this.
await client.query("ALTER SYSTEM SET full_page_writes = off");
await client.query("ALTER SYSTEM SET max_wal_size = '256MB'");
// A database of a run lives for seconds, and no vacuum of it would pay.
await client.query("ALTER SYSTEM SET autovacuum = off");
// Each of the run's 3,000 connections would take 4,096 rounds of a hash on both sides to log in, and two round trips more.
await client.query("ALTER SYSTEM SET scram_iterations = 1");
await client.query("SET scram_iterations = 1");
const rules = join(dataDirAt(DATA_DIR).cluster, "pg_hba.conf");
await writeFile(rules, (await readFile(rules, "utf8")).replaceAll("scram-sha-256", "password"));
await client.query("SELECT pg_reload_conf()");
await client.query(`ALTER ROLE CURRENT_USER PASSWORD ${pg.escapeLiteral(decodeURIComponent(new URL(url).password))}`);
await client.query(`CREATE DATABASE ${TEMPLATE} TEMPLATE jeton`);
await client.end();
await writeFile(join(DATA_DIR, "url"), url, { mode: 0o600 });
process.exit(0);

/** What interrupted runs left behind: their runner is gone. */
async function removeLeftOvers(): Promise<void> {
  const names = await readdir(dirname(RUN_FOLDERS));
  for (const name of names.filter((one) => one.startsWith(basename(RUN_FOLDERS)))) {
    const runner = Number(name.slice(basename(RUN_FOLDERS).length));
    if (runner === process.ppid || !isAlive(runner)) await stopPostgres(join(dirname(RUN_FOLDERS), name));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
