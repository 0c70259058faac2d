import t, { type Test } from "tap";
import { MasterKey } from "../../src/keys/master-key.js";
import { beginEra, markRestored, readEra, refuseRestored } from "../../src/store/continuity.js";
import { endEverything } from "../../src/store/epochs.js";
import { claimInstallation } from "../../src/store/installation.js";
import { closeDb, openDb, type Db } from "../../src/store/open.js";
import { freshDatabase, sql } from "../support/database.js";
import { ALICE, FLEET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { dataFolder, jetonHere, launchServer } from "../support/process.js";
import { MASTER_KEY } from "../support/run.js";
import { Browser } from "../support/web.js";

/** Ends every other connection to the database. */
const END_OTHERS = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`;

/** What an operator reads. */
const RESTORED = { message: /restored from a backup/ };

async function open(t: Test, url: string): Promise<Db> {
  const db = openDb(url);
  t.teardown(() => closeDb(db));
  return db;
}

/** A database that a server has served. */
async function servedDatabase(t: Test): Promise<{ readonly url: string; readonly name: string; readonly db: Db }> {
  const url = await freshDatabase(t);
  const db = await open(t, url);
  await claimInstallation(db, new MasterKey(Buffer.from(MASTER_KEY, "base64url")).fingerprint);
  await refuseRestored(db);
  return { url, name: new URL(url).pathname.slice(1), db };
}

/** Writes the witnesses again as a dump that is loaded does: all rows by one COPY, or each by an INSERT of its own. */
const RELOADED = {
  "by one statement": [
    "CREATE TABLE dumped AS TABLE restore_witnesses",
    "TRUNCATE restore_witnesses",
    "INSERT INTO restore_witnesses TABLE dumped",
  ],
  "row by row": [
    "CREATE TABLE dumped AS TABLE restore_witnesses",
    "TRUNCATE restore_witnesses",
    "INSERT INTO restore_witnesses SELECT * FROM dumped WHERE id = 1",
    "INSERT INTO restore_witnesses SELECT * FROM dumped WHERE id = 2",
  ],
};

t.test("a database stays accepted after VACUUM, CLUSTER and other maintenance", async (t) => {
  const { url, db } = await servedDatabase(t);
  for (const upkeep of [
    "VACUUM (FREEZE) restore_witnesses",
    "VACUUM FULL restore_witnesses",
    "CLUSTER restore_witnesses USING restore_witnesses_pkey",
    "REINDEX TABLE restore_witnesses",
    "SELECT * FROM restore_witnesses FOR UPDATE",
    "ANALYZE",
    "CHECKPOINT",
  ]) {
    await sql(url, upkeep);
    await t.resolves(refuseRestored(db), upkeep);
  }
});

for (const [how, statements] of Object.entries(RELOADED)) {
  t.test(`a database whose rows were dumped and loaded, ${how}, is refused`, async (t) => {
    const { url, db } = await servedDatabase(t);
    for (const statement of statements) await sql(url, statement);
    await t.rejects(refuseRestored(db), RESTORED);
    await t.rejects(refuseRestored(db), RESTORED, "nor at the second try");
  });
}

t.test("a copy of the database in the same cluster is refused, and the original is accepted", async (t) => {
  const { url, name } = await servedDatabase(t);
  await sql(url, END_OTHERS);
  const copy = new URL(url);
  copy.pathname = `/${name}_copy`;
  const admin = await freshDatabase(t);
  await sql(admin, `CREATE DATABASE ${name}_copy TEMPLATE ${name}`);
  t.teardown(() => sql(admin, `DROP DATABASE ${name}_copy WITH (FORCE)`));
  await t.rejects(refuseRestored(await open(t, copy.href)), RESTORED);
  await t.resolves(refuseRestored(await open(t, url)));
});

t.test("an interrupted first start and simultaneous first starts leave an accepted database", async (t) => {
  const { url, db } = await servedDatabase(t);
  await sql(url, "DELETE FROM restore_witnesses WHERE id = 2");
  await t.resolves(refuseRestored(db));
  await sql(url, "DELETE FROM restore_witnesses");
  const other = await open(t, url);
  await Promise.all([db, other, db, other].map((one) => refuseRestored(one)));
  await t.resolves(refuseRestored(db));
  t.strictSame(await sql(url, "SELECT id FROM restore_witnesses ORDER BY id"), [{ id: 1 }, { id: 2 }]);
});

t.test("an interrupted after-restore leaves the database refused until a second run completes", async (t) => {
  const { url, db } = await servedDatabase(t);
  await markRestored(db);
  await t.rejects(refuseRestored(db), RESTORED, "after the first step");
  await endEverything(db, null);
  await beginEra(db);
  await sql(url, "DELETE FROM restore_witnesses");
  await t.rejects(refuseRestored(db), RESTORED, "after any other");
  const before = await readEra(db);
  t.equal((await jetonHere({ DATABASE_URL: url, MASTER_KEY }, ["after-restore"])).code, 0);
  await t.resolves(refuseRestored(db));
  t.ok((await readEra(db)) > before, "each run begins another era");
});

t.test("after-restore --nothing-lost accepts a moved database and ends no grant", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  await claimInstallation(server.core.db, server.core.master.fingerprint);
  await refuseRestored(server.core.db);
  const { json } = await server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...ALICE });
  for (const statement of RELOADED["by one statement"]) await sql(server.database, statement);
  await t.rejects(refuseRestored(server.core.db), RESTORED);
  const env = { DATABASE_URL: server.database, MASTER_KEY };
  t.equal((await jetonHere(env, ["after-restore", "--nothing-lost"])).code, 0);
  await t.resolves(refuseRestored(server.core.db));
  const { refresh_token } = json;
  const form = { grant_type: "refresh_token", client_id: "mobile", refresh_token };
  const refreshed = await server.post("/oauth2/token", form);
  t.equal(refreshed.status, 200);
});

t.test("after-restore ends browser sessions, known browsers and consents", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const browser = new Browser(server);
  await browser.submit(await browser.open("/account"), "login", { ...ALICE, action: "login" });
  await sql(server.database, "INSERT INTO consents VALUES ('user-alice', 'narrow', '{}', now())");
  t.equal((await jetonHere({ DATABASE_URL: server.database, MASTER_KEY }, ["after-restore"])).code, 0);
  await server.stop();

  const again = await startInstance(t, { database: server.database });
  const same = new Browser(again);
  for (const [name, value] of browser.cookies) same.setCookie(name, value);
  const page = await same.open("/account");
  t.match(page.text, /name="password"/, "the browser is asked who it is");
  await same.submit(page, "login", { ...ALICE, action: "login" });
  t.not(same.cookies.get("jeton_known"), browser.cookies.get("jeton_known"), "it was not known any more");
  t.strictSame(await sql(server.database, "SELECT sub FROM consents"), []);
});

t.test("a running server whose database is restored ends with one line", async (t) => {
  const DATABASE_URL = await freshDatabase(t, FLEET);
  const server = await launchServer(t, { DATABASE_URL, MASTER_KEY, DATA_DIR: await dataFolder(t) }).ready();
  for (const statement of RELOADED["by one statement"]) await sql(DATABASE_URL, statement);
  await sql(DATABASE_URL, END_OTHERS);
  const ended = await server.ended;
  t.equal(ended.code, 1);
  t.match(ended.stderr, /^jeton: this database was restored from a backup.*`jeton after-restore`/m);
});
