import { createHash } from "node:crypto";
import pg from "pg";
import { systemClock, systemRandom, type Clock } from "../../src/clock.js";
import { buildCore } from "../../src/core.js";
import { MasterKey } from "../../src/keys/master-key.js";
import { apply } from "../../src/provisioning/apply.js";
import { NO_CHANGE_FEED } from "../../src/store/listen.js";
import { closeDb, openDb } from "../../src/store/open.js";
import { HASHING, MASTER_KEY, TEMPLATE } from "./run.js";

const DAY = 24 * 60 * 60 * 1000;

/** The provisioning file of the template whose signing keys all others have: making RSA keys takes half a second. */
const KEYS_ALONE = "{}";

/** Signing keys are made a day before the clock of any test starts. */
const YESTERDAY: Clock = { now: () => systemClock.now() - DAY, statement: () => new Date(systemClock.now() - DAY) };

/** Templates that this process has found or made. */
const made = new Set<string>();

/**
 * A database to copy, with the entries of a provisioning file and signing keys. The first test that needs one makes it,
 * once for a run: hashing its passwords takes longer than most tests.
 * @param url any database of the run's PostgreSQL
 */
export async function provisionedTemplate(url: string, file: object): Promise<string> {
  const text = JSON.stringify(file);
  const name = `${TEMPLATE}_${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
  if (made.has(name)) return name;
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query("SELECT pg_advisory_lock(hashtextextended($1, 0))", [name]);
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [name]);
    if (rowCount === 0) {
      // It gets its name when it is complete: an interrupted test leaves no half of it.
      const draft = `${name}_draft`;
      await client.query(`DROP DATABASE IF EXISTS ${draft}`);
      const base = text === KEYS_ALONE ? TEMPLATE : await provisionedTemplate(url, JSON.parse(KEYS_ALONE));
      await client.query(`CREATE DATABASE ${draft} TEMPLATE ${base} STRATEGY FILE_COPY`);
      await fill(url, draft, text);
      await client.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
    }
  } finally {
    await client.end();
  }
  made.add(name);
  return name;
}

async function fill(url: string, name: string, text: string): Promise<void> {
  const own = new URL(url);
  own.pathname = `/${name}`;
  const db = openDb(own.href);
  try {
    const master = new MasterKey(Buffer.from(MASTER_KEY, "base64url"));
    const core = await buildCore({
      issuer: "",
      db,
      feed: NO_CHANGE_FEED,
      master,
      clock: YESTERDAY,
      random: systemRandom,
      hashing: HASHING,
    });
    await apply(db, core, text);
  } finally {
    await closeDb(db);
  }
}
