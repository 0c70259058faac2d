// Runs once before all tests: a fresh PostgreSQL, left running when this process ends, and a migrated template.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { startEmbedded } from "../../src/store/embedded/index.js";
import { migrate } from "../../src/store/migrate.js";
import { DATA_DIR, TEMPLATE } from "./run.js";

// What an interrupted run left behind is stopped first.
const leftOver = await startEmbedded({ dataDir: DATA_DIR, role: "server" }).catch(() => undefined);
await leftOver?.stop();
await rm(DATA_DIR, { recursive: true, force: true });

const { url } = await startEmbedded({ dataDir: DATA_DIR, role: "server" });
const client = new pg.Client(url);
await client.connect();
await client.query(`CREATE DATABASE ${TEMPLATE}`);
await client.end();
const template = new URL(url);
template.pathname = `/${TEMPLATE}`;
await migrate(template.href);
await writeFile(join(DATA_DIR, "url"), url, { mode: 0o600 });
process.exit(0);
