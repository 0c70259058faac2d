import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import { systemRandom } from "../../src/clock.js";
import { writeBackupFile } from "../../src/admin/backup-file.js";
import { MasterKey } from "../../src/keys/master-key.js";
import { masterKeyPath } from "../../src/keys/master-key-file.js";
import type { BackupHeader } from "../../src/store/backup.js";
import { startEmbedded } from "../support/embedded.js";
import { freshDatabase, sql } from "../support/database.js";
import { everythingIn, stateIn } from "../support/dump.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic } from "../support/instance.js";
import { dataFolder, embeddedUrl, endPostgres, jetonHere, refusedHere, startProcess } from "../support/process.js";
import { MASTER_KEY } from "../support/run.js";
import { isActive, logIn, refresh } from "../support/tokens.js";

/** A folder that holds nothing but the master key of another one. */
async function folderWithKeyOf(t: Test, dataDir: string): Promise<string> {
  const folder = await dataFolder(t, "used");
  await rm(join(folder, "postgres"), { recursive: true });
  await rm(join(folder, "postgres.password"));
  await writeFile(masterKeyPath(folder), await readFile(masterKeyPath(dataDir)), { mode: 0o600 });
  return folder;
}

t.test("a backup of a running server is restored into a new folder, and nothing that ended comes back", async (t) => {
  const DATA_DIR = await dataFolder(t, "used");
  const file = join(dirname(DATA_DIR), "fleet.json");
  await writeFile(file, JSON.stringify(FLEET));
  const server = await startProcess(t, { DATA_DIR, PROVISION_FILE: file });
  const backup = join(dirname(DATA_DIR), "jeton.backup");
  const before = (await logIn(server)).json;
  const opaque = (await server.post("/oauth2/token", { grant_type: "password", ...ALICE }, basic("kiosk", SECRET)))
    .json;
  t.equal(await isActive(server, opaque.access_token), true);

  // The audit log has begun by then: the command appends what is missing.
  t.equal((await jetonHere({ DATA_DIR }, ["audit", "list"])).code, 0);
  const made = await jetonHere({ DATA_DIR }, ["backup", backup, "--json"]);
  t.equal(made.code, 0, made.stderr);
  t.equal((await stat(backup)).mode & 0o777, 0o600, "only its owner may read it");
  const text = await readFile(backup, "utf8");
  t.notOk(text.includes((await readFile(masterKeyPath(DATA_DIR), "utf8")).trim()), "the master key is not in it");
  const stored = await stateIn(await embeddedUrl(DATA_DIR));

  const refused = await jetonHere({ DATA_DIR }, ["restore", backup, "--replace"]);
  t.equal(refused.code, 1);
  t.match(refused.stderr, /^jeton: a server is running on this database: stop every server first\n$/);

  // What happens after the backup, and is forgotten by it.
  await server.post("/oauth2/revoke", { token: before.refresh_token, client_id: "mobile" });
  await server.post("/oauth2/revoke", { token: opaque.access_token }, basic("kiosk", SECRET));
  t.equal((await jetonHere({ DATA_DIR }, ["revoke", "--client", "kiosk"])).code, 0);
  const raised = (await server.post("/oauth2/token", { grant_type: "password", ...ALICE }, basic("kiosk", SECRET)))
    .json;
  t.equal((await jetonHere({ DATA_DIR }, ["revoke", "--client", "kiosk"])).code, 0);
  t.equal((await jetonHere({ DATA_DIR }, ["user", "disable", "bob"])).code, 0);
  server.signal("SIGKILL");
  await server.ended;
  await endPostgres(DATA_DIR);

  const folder = await folderWithKeyOf(t, DATA_DIR);
  const env = { DATA_DIR: folder };
  const restored = await jetonHere(env, ["restore", backup, "--json"]);
  t.equal(restored.code, 0, restored.stderr);
  t.match(JSON.parse(restored.stdout), { rows: { users: FLEET.users.length }, next: "jeton after-restore" });

  await t.test("the server refuses to start until it is told", async (t) => {
    const ended = await refusedHere(env);
    t.equal(ended.code, 1);
    t.match(ended.stderr, /^jeton: this database was restored from a backup.*`jeton after-restore`.*\n$/);
  });

  await t.test("every row is there as it was", async (t) => {
    const running = await startPostgres(t, folder);
    const found = await stateIn(running);
    for (const [table, rows] of Object.entries(stored)) {
      // The server goes on to write its log, and the restore is recorded.
      if (["_prisma_migrations", "installation"].includes(table) || table.startsWith("audit_")) continue;
      t.strictSame(found[table], rows, table);
    }
  });

  const after = await jetonHere(env, ["after-restore", "--json"]);
  t.equal(after.code, 0, after.stderr);
  const listed = JSON.parse(after.stdout) as Record<string, unknown>[];

  await t.test("those whose state may be old are listed", async (t) => {
    const bob = listed.find(({ sub }) => sub === "user-bob");
    t.match(bob, { kind: "user", preferred_username: "bob", disabled: false, has_password: true });
    const clients = listed.filter(({ kind, client_id }) => kind === "client" && client_id !== "jeton-console");
    t.equal(clients.length, FLEET.clients.length);
    t.match(
      listed.find(({ client_id }) => client_id === "desktop"),
      { disabled: false, secrets: 1 },
    );
  });

  await t.test("tokens from before and after the backup are refused", async (t) => {
    const again = await startProcess(t, env);
    t.equal((await refresh(again, before.refresh_token)).status, 400);
    t.equal(await isActive(again, before.access_token), false, "a JWT");
    t.equal(await isActive(again, opaque.access_token), false, "an opaque token");
    t.equal(await isActive(again, raised.access_token), false, "one of an epoch that the backup does not know");
    const { keys } = (await (await fetch(`${again.url}/oauth2/jwks`)).json()) as { keys: { kid: string }[] };
    t.notOk(
      keys.some(({ kid }) => text.includes(kid)),
      "the keys are new",
    );
    const fresh = (await logIn(again)).json;
    t.equal(await isActive(again, fresh.access_token), true, "a new login works");
    t.equal((await refresh(again, fresh.refresh_token)).status, 200);
    const { stdout } = await jetonHere(env, ["audit", "list", "--table", "audit_log", "--json"]);
    t.match(JSON.parse(stdout), [{ id: "2-0", what: "begun" }, { id: "1-0" }], "another audit log has begun");
    again.signal("SIGTERM");
    t.equal((await again.ended).code, 0);
  });
});

/** The embedded PostgreSQL of a folder without a server, until the test ends. */
async function startPostgres(t: Test, dataDir: string): Promise<string> {
  const { url, stop } = await startEmbedded({ dataDir, role: "command", restoring: true });
  t.teardown(stop);
  return url;
}

t.test("a backup that cannot be restored changes nothing", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "jeton-backup-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const backup = join(folder, "jeton.backup");
  const source = await freshDatabase(t, FLEET);
  const url = await freshDatabase(t);
  t.equal((await jetonHere({ DATABASE_URL: source, MASTER_KEY }, ["backup", backup])).code, 0);
  const whole = await readFile(backup);
  const restore = (env = {}, ...more: string[]) =>
    jetonHere({ DATABASE_URL: url, MASTER_KEY, ...env }, ["restore", backup, ...more]);
  const isRefused = async (t: Test, saying: RegExp, env = {}) => {
    const ended = await restore(env);
    t.equal(ended.code, 1, ended.stdout);
    t.match(ended.stderr, saying);
    t.equal(ended.stderr.trim().split("\n").length, 1, ended.stderr);
    const tables = await everythingIn(url);
    t.strictSame([tables.clients, tables.installation], [[], []], "the database is still empty");
  };

  await t.test("cut anywhere", async (t) => {
    for (const length of [whole.length - 1, whole.length - 60, Math.floor(whole.length / 2), 3_000, 0]) {
      await writeFile(backup, whole.subarray(0, length));
      await isRefused(t, /^jeton: .* is cut off: nothing was restored\n$/);
    }
    await writeFile(backup, "something else\n");
    await isRefused(t, /is no backup of Jeton/);
  });

  await t.test("changed", async (t) => {
    await writeFile(backup, whole.toString("utf8").replace("Alice Example", "Alice Exbmple"));
    await isRefused(t, /^jeton: .* was changed: nothing was restored\n$/);
    await writeFile(backup, Buffer.concat([whole, Buffer.from('"(x)"\n')]));
    await isRefused(t, /goes on after its end/);
  });

  await writeFile(backup, whole);
  await t.test("of another master key", async (t) => {
    const other = { MASTER_KEY: Buffer.alloc(32, 9).toString("base64url") };
    await isRefused(t, /^jeton: the master key is not the one this backup was written under\n$/, other);
  });

  await t.test("without a master key", async (t) => {
    const DATA_DIR = await dataFolder(t);
    const ended = await jetonHere({ DATA_DIR }, ["restore", backup]);
    t.match(ended.stderr, /^jeton: a backup needs the master key it was written under: put it at .*master\.key/);
    await t.rejects(stat(DATA_DIR), "and no folder is made");
  });

  await t.test("of a newer schema, or an older one", async (t) => {
    await rewriteHeader(backup, (header) => ({ ...header, migrations: [...header.migrations, "29991231_later"] }));
    await isRefused(t, /^jeton: the backup was made by a newer Jeton \(29991231_later\)\n$/);
    await writeFile(backup, whole);
    await rewriteHeader(backup, (header) => ({ ...header, migrations: header.migrations.slice(0, -1) }));
    await isRefused(t, /^jeton: the backup was made by an older Jeton, before 2026/);
    await writeFile(backup, whole);
  });

  await t.test("into a database with rows, unless the command may replace them", async (t) => {
    t.equal((await restore()).code, 0);
    const again = await restore();
    t.equal(again.code, 1);
    t.match(again.stderr, /^jeton: the database is not empty \(\w+\): --replace deletes what is in it\n$/);
    await sql(url, "DELETE FROM clients");
    t.equal((await restore({}, "--replace")).code, 0);
    t.equal((await everythingIn(url)).clients?.length, FLEET.clients.length);
  });
});

/** Writes another header into a backup, as a server with the master key would have written it. */
async function rewriteHeader(backup: string, change: (header: BackupHeader) => BackupHeader): Promise<void> {
  const [header, ...lines] = (await readFile(backup, "utf8")).trimEnd().split("\n").slice(0, -1);
  const changed = (async function* () {
    yield JSON.stringify(change(JSON.parse(header!) as BackupHeader));
    yield* lines;
  })();
  const key = new MasterKey(Buffer.from(MASTER_KEY, "base64url")).derive("backup");
  await writeBackupFile(backup, changed, key, systemRandom);
}
