// Measures what a large deployment costs: one PostgreSQL on the disk, with a million grants by default (or the number given).
// docs/operations.md, "Measuring", says what it prints. It fails where something grows with the deployment that must not.
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { closeDb, openDb } from "../../src/store/open.js";
import { migrate } from "../../src/store/migrate.js";
import { startEmbedded } from "../support/embedded.js";
import { fillDatabase } from "../support/many.js";
import { RECORDED } from "../support/recording.js";
import { ROOT } from "../support/root.js";
import { stopPostgres } from "../support/stop-postgres.js";
import { answerHelp } from "./help.js";
import { runLargeOperations } from "./scale-operations.js";
import { plansThatGrow } from "./scale-plans.js";

answerHelp(`Usage: npm run measure:scale [-- GRANTS]

Measures what the statements of a large deployment cost. GRANTS is the number of grants, by default 1000000.
It ends with 1 if a cost that must stay constant grows with the deployment.`);

const rows = Number(process.argv[2] ?? 1_000_000);

const migrations = join(ROOT, "build", "js", "prisma");
if (!existsSync(migrations)) await symlink(join(ROOT, "prisma"), migrations);
const folder = await mkdtemp(join(tmpdir(), "jeton-scale-"));
let failed = true;
try {
  const { url } = await startEmbedded({ dataDir: folder, role: "server" });
  failed = await measure(url);
} finally {
  await stopPostgres(folder);
  await rm(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

/** Whether anything grew that must not. */
async function measure(url: string): Promise<boolean> {
  await migrate(url);
  const client = new pg.Client(url);
  await client.connect();
  await client.query("ALTER SYSTEM SET max_wal_size = '8GB'");
  await client.query("SELECT pg_reload_conf()");
  await timed(`filling it with ${rows} grants`, () => fillDatabase(client, rows));
  await timed("VACUUM ANALYZE", () => client.query("VACUUM ANALYZE"));
  const db = openDb(url);

  const grown = await plansThatGrow(client, await recordedStatements());
  for (const line of grown) console.log(`grows: ${line}`);
  const slow = await runLargeOperations(db, client, rows);
  await closeDb(db);
  await client.end();
  return grown.length > 0 || slow;
}

/** What the last run of the tests recorded (test/support/recording.ts). */
async function recordedStatements(): Promise<readonly string[]> {
  if (!existsSync(RECORDED)) throw new Error("run the tests first: they record the statements");
  return JSON.parse(await readFile(RECORDED, "utf8")) as string[];
}

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const begun = performance.now();
  await work();
  console.log(`${what}: ${((performance.now() - begun) / 1_000).toFixed(1)} s`);
}
