import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import pg from "pg";
import t from "tap";
import { cut } from "../../src/audit/remove.js";
import { AuditWriter } from "../../src/audit/writer.js";
import { MasterKey } from "../../src/keys/master-key.js";
import { claimInstallation } from "../../src/store/installation.js";
import { runCommand } from "../support/commands.js";
import { freshDatabase, sql } from "../support/database.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Instance } from "../support/instance.js";
import { ownFolder } from "../support/own-folder.js";
import { MASTER_KEY } from "../support/run.js";
import { checkTlogProof, openSignedCheckpoint } from "../support/transparency.js";
import { refresh } from "../support/tokens.js";
import { until } from "../support/until.js";

const folder = ownFolder(t);
const CHECKPOINT_FILE = join(folder, "checkpoint");
const received: string[] = [];
let status = 500;
const outside = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk as string;
  received.push(body);
  response.writeHead(status).end();
}).listen(0, "127.0.0.1");
await once(outside, "listening");
t.teardown(() => outside.close());

const database = await freshDatabase(t, FLEET);
const env = {
  AUDIT_CHECKPOINT_URL: `http://127.0.0.1:${(outside.address() as AddressInfo).port}/`,
};
const server = await startInstance(t, {
  database,
  auditInterval: 20,
  env: { ...env, AUDIT_CHECKPOINT_FILE: CHECKPOINT_FILE },
});
const second = await startInstance(t, { database, auditInterval: 20, env });

interface Listed {
  readonly id: string;
  readonly by: { readonly kind: string; readonly id: string };
  readonly what: string;
  readonly table: string;
  readonly of: string;
  readonly user?: string;
  readonly after?: Readonly<Record<string, unknown>>;
}

const list = async (...words: string[]): Promise<Listed[]> => runCommand(server, ["audit", "list", ...words]);
const verify = (at: Instance, ...words: string[]) => runCommand(at, ["audit", "verify", ...words]);

/** The stored size of the log. */
const size = async () => Number((await sql(database, "SELECT max(size) AS size FROM audit_trees"))[0]!.size);

t.test("the server appends records by itself, and publishes checkpoints in its log, a file and a URL", async (t) => {
  const checkpoints = () =>
    server.log.filter(({ type }) => type === "audit_checkpoint") as { checkpoint: string; public_key: string }[];
  await until("a checkpoint is delivered", () => received.length > 0);
  await until("a checkpoint is in the log", () => [...checkpoints(), ...second.log].length > 0);
  status = 204;
  await sql(database, "UPDATE audit_trees SET publishing_until = NULL");
  await sql(database, "INSERT INTO scopes (name, claims) VALUES ('published', '{}')");
  await until("the checkpoint of the last record is published", async () => {
    const [tree] = await sql(database, "SELECT size = published AS done FROM audit_trees");
    return tree!.done === true && (await sql(database, "SELECT 1 FROM audit_pending")).length === 0;
  });
  await until("the file has it too", async () =>
    (await readFile(CHECKPOINT_FILE, "utf8")).includes(`\n${await size()}\n`),
  );
  const note = await readFile(CHECKPOINT_FILE, "utf8");
  const [{ public_key }] = (await sql(database, "SELECT public_key FROM audit_trees")) as [{ public_key: string }];
  t.equal(openSignedCheckpoint(note, public_key).size, await size());
  t.match(await verify(server, "--checkpoint", CHECKPOINT_FILE, "--public-key", public_key), [
    { whole: true, records: await size() },
  ]);
});

t.test("AU-07 a log whose end was altered gets no further record, and is reported", async (t) => {
  await sql(database, "CREATE TABLE saved AS TABLE audit_tiles");
  await sql(database, "UPDATE audit_tiles SET hashes = set_byte(hashes, 1, get_byte(hashes, 1) # 1) WHERE level = 0");
  await sql(database, "INSERT INTO scopes (name, claims) VALUES ('waiting', '{}')");
  const alarms = ({ log }: Instance) => log.filter(({ alarm }) => alarm === "audit_log");
  await until("both report it", () => alarms(server).length > 0 && alarms(second).length > 0);
  t.match(alarms(server)[0], { level: "error", msg: /the end of the log .* was altered/ });
  t.match(await runCommand(server, ["audit", "list"]), /the end of the log .* was altered/);
  await sql(database, "DELETE FROM audit_tiles; INSERT INTO audit_tiles TABLE saved; DROP TABLE saved");
  t.equal((await list("--table", "scopes"))[0]!.of, "waiting", "it is appended as soon as the log is whole again");
});

t.test("AU-04 two instances that append at once write one log, in which each record is once", async (t) => {
  const before = await size();
  const writers = [server, second].map(({ core }) => core.audit);
  const change = (n: number) => sql(database, `INSERT INTO scopes (name, claims) VALUES ('race-${n}', '{}')`);
  const changes = Array.from({ length: 20 }, (_, n) => change(n));
  const appends = changes.flatMap(() => writers.map((writer) => writer.append("wait")));
  await Promise.all([...changes, ...appends]);
  const names = (await list("--table", "scopes")).map(({ of }) => of).filter((of) => of.startsWith("race-"));
  t.strictSame(names.sort(), Array.from({ length: 20 }, (_, n) => `race-${n}`).sort());
  t.equal(await size(), before + 20);
  t.match(await verify(second), [{ whole: true }]);
});

t.test("a transaction that commits late is appended late, and one that is rolled back is not", async (t) => {
  const late = new pg.Client(database);
  await late.connect();
  try {
    await late.query("BEGIN; INSERT INTO scopes (name, claims) VALUES ('late', '{}')");
    await sql(database, "INSERT INTO scopes (name, claims) VALUES ('early', '{}')");
    t.equal((await list("--table", "scopes"))[0]!.of, "early", "a change waits for no other transaction");
    await late.query("COMMIT");
    const appended = async () => (await list("--table", "scopes")).filter(({ of }) => of === "late" || of === "early");
    const places = (await appended()).map(({ of, id }) => [of, Number(id.split("-")[1])] as const);
    const { early, late: then } = Object.fromEntries(places);
    t.ok(then! > early!, "the late one has the later number");
    await late.query("BEGIN; INSERT INTO scopes (name, claims) VALUES ('never', '{}'); ROLLBACK");
    t.notOk((await list("--table", "scopes")).some(({ of }) => of === "never"));
  } finally {
    await late.end();
  }
});

t.test(
  "what the server finds out itself is recorded by the statement that decides it; a token request is no record",
  async (t) => {
    const before = await size();
    const logIn = (password = ALICE.password) =>
      server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...ALICE, password });
    const { refresh_token } = (await logIn()).json;
    const next = (await refresh(server, refresh_token)).json.refresh_token;
    await refresh(server, next);
    await server.post("/oauth2/revoke", { token: (await logIn()).json.refresh_token, client_id: "mobile" });
    await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET));
    await list();
    t.equal(await size(), before, "issuing, rotating and revoking by a client write nothing");

    await sql(database, "UPDATE grants SET rotations = '{}'");
    t.equal((await refresh(server, refresh_token)).status, 400);
    t.match(await list("--table", "grants"), [
      {
        by: { kind: "server" },
        what: "ended",
        user: "user-alice",
        client: "mobile",
        after: { ended_because: "reuse" },
      },
    ]);

    for (let attempt = 0; attempt < 10; attempt += 1) {
      await sql(database, "UPDATE tries SET blocked_until = NULL");
      await logIn("wrong");
    }
    t.match(
      (await list("--table", "tries")).map(({ what, of }) => [what, of]),
      [["locked", "user-alice"]],
    );
    await runCommand(server, ["user", "unlock", "Alice"]);
  },
);

t.test("the records of a person are erased, and the log stays whole", async (t) => {
  const about = await list("--user", "user-alice");
  t.ok(about.length >= 3);
  t.strictSame(await runCommand(server, ["audit", "erase", "user-alice"]), { sub: "user-alice", erased: about.length });
  t.strictSame(await list("--user", "user-alice"), []);
  t.match(await runCommand(server, ["audit", "show", about[0]!.id]), { id: about[0]!.id, erased: true });
  t.match(await runCommand(server, ["audit", "export", about[0]!.id]), /was erased$/);
  const rows = await sql(database, "SELECT * FROM audit_log WHERE record LIKE '%user-alice%' OR sub = 'user-alice'");
  t.strictSame(rows, [], "nothing of the person is left");
  const [last] = await list("--table", "audit_log");
  t.match(last, { by: { kind: "system_user", id: "test" }, what: "erased" });
  t.strictSame([...(last!.after!.ids as string[])].sort(), about.map(({ id }) => id).sort());
  t.match(await verify(server, "--checkpoint", CHECKPOINT_FILE), [{ whole: true, erased: about.length }]);
});

/** An instance whose log is written by commands only, and what tests do with it. */
const quiet = await startInstance(t, { provision: FLEET });
await claimInstallation(quiet.core.db, quiet.core.master.fingerprint);
const quietSql = (text: string, values?: unknown[]) => sql(quiet.database, text, values);
const addScopes = (prefix: string, count = 1) =>
  quietSql(`INSERT INTO scopes (name, claims) SELECT '${prefix}-' || n, '{}' FROM generate_series(1, ${count}) n`);
const quietTree = async () =>
  (await quietSql("SELECT size::int, checkpoint, sealed FROM audit_trees ORDER BY tree DESC"))[0]!;
/** Appends what waits. */
const append = (at = quiet) => runCommand(at, ["audit", "list", "--table", "apps"]);

t.test("the log goes on under another master key, and its public key stays", async (t) => {
  const { db, issuer, random, master } = quiet.core;
  const appendUnder = async (another: MasterKey) => {
    await addScopes(`key-${random(4).toString("hex")}`);
    return new AuditWriter({ db, issuer, random, master: another }).append("wait");
  };
  await append();
  const next = new MasterKey(random(32), random, [Buffer.from(MASTER_KEY, "base64url")]);
  await appendUnder(next);
  await t.rejects(appendUnder(new MasterKey(random(32), random)), { message: /cannot be opened with this master key/ });
  const { sealed } = (await quietTree()) as { sealed: Buffer };
  await quietSql("UPDATE audit_trees SET sealed = $1", [next.reseal("audit-key", sealed)]);
  await appendUnder(next);
  await quietSql("UPDATE audit_trees SET sealed = $1", [master.seal("audit-key", next.open("audit-key", sealed)!)]);
  await append();
  t.match(await verify(quiet), [{ whole: true }]);
});

t.test("a log is cut at a checkpoint, and the rest can be verified", async (t) => {
  await addScopes("old", 400);
  await append();
  await addScopes("new", 400);
  await append();
  const [{ at }] = (await quietSql("SELECT to_jsonb(at) #>> '{}' AS at FROM audit_log WHERE index = 500")) as [
    { at: string },
  ];
  const { size: before } = await quietTree();
  const hour = 3_600;
  await cut(quiet.core.audit, hour, new Date(Date.parse(at) + hour * 1_000));
  t.match(await verify(quiet), [{ whole: true, cut: 256, records: Number(before) + 1 - 256 }]);
  t.strictSame(await quietSql("SELECT 1 FROM audit_log WHERE index < 256"), []);
  const [record] = await runCommand(quiet, ["audit", "list", "--table", "audit_log"]);
  t.match(record, { what: "cut", after: { tree: 1, first: 256 } });
  t.equal(await runCommand(quiet, ["audit", "show", "1-255"]), "there is no record 1-255");
  const [{ public_key }] = await verify(quiet);
  t.match(checkTlogProof(await runCommand(quiet, ["audit", "export", "1-300"]), public_key), { id: "1-300" });
  await append();
  t.match(await verify(quiet), [{ whole: true }], "and it goes on");

  await quietSql("CREATE TABLE kept AS TABLE audit_log");
  await quietSql("DELETE FROM audit_log WHERE index < 512; UPDATE audit_trees SET first = 512");
  t.match(await verify(quiet), /records before 1-512 are missing, and no checkpoint fits the cut$/);
  await quietSql("DELETE FROM audit_log; INSERT INTO audit_log TABLE kept; UPDATE audit_trees SET first = 256");
});

t.test(
  "AU-05 after a restore of an older backup no log gets a second history, and what is missing is found",
  async (t) => {
    const tables = ["audit_log", "audit_tiles", "audit_trees"];
    await quietSql(tables.map((name) => `CREATE TABLE backup_${name} AS TABLE ${name}`).join(";"));
    const older = Number((await quietTree()).size);
    const size = async () => Number((await quietTree()).size);
    await addScopes("forgotten");
    await append();
    const newer = join(folder, "newer");
    await writeFile(newer, String((await quietTree()).checkpoint));

    const restored = tables.map((name) => `DELETE FROM ${name}; INSERT INTO ${name} TABLE backup_${name}`);
    await quietSql(`${restored.join(";")}; UPDATE installation SET restored_at = now()`);
    await addScopes("pending");
    await append();
    t.equal(await size(), older, "nothing is appended before the database is accepted");
    const missing = `records from 1-${older} on are missing: the known checkpoint has ${older + 1}`;
    t.equal(await verify(quiet, "--checkpoint", newer), missing);

    await quietSql("UPDATE installation SET restored_at = NULL");
    t.match(await append(), `records from 1-${older} on are missing`, "a server that knows better appends nothing");
    const env = { AUDIT_CHECKPOINT_FILE: newer };
    const another = await startInstance(t, { database: quiet.database, env });
    t.match(
      await append(another),
      /^the audit log is older than the checkpoint in/,
      "nor does one whose file knows better",
    );
    t.equal(await size(), older);

    await quietSql("UPDATE installation SET era = era + 1");
    const accepted = await startInstance(t, { database: quiet.database });
    await append(accepted);
    const [begun] = (await runCommand(accepted, ["audit", "list", "--table", "audit_log"])) as Listed[];
    t.match(begun, { id: "2-0", what: "begun" });
    const verified = await verify(accepted);
    t.match(verified, [{ records: older - 256 }, { whole: true }]);
    t.not(verified[0].origin, verified[1].origin, "the new log has an origin of its own");
    const keys = verified.map(({ public_key }: { public_key: string }) => public_key.split("+").slice(2).join("+"));
    t.equal(keys[0], keys[1], "the key is the same");
    t.equal(await verify(accepted, "--checkpoint", newer, "--public-key", verified[0].public_key), missing);
    const shorter = `
    UPDATE audit_trees t SET size = size - 1 WHERE tree = 1;
    DELETE FROM audit_log WHERE tree = 1 AND index = (SELECT size FROM audit_trees WHERE tree = 1)`;
    await quietSql(shorter);
    t.match(await verify(accepted), /its last checkpoint is of/);
  },
);

t.test("a client that registers itself is the caller of its registration, with its address", async (t) => {
  const open = await startInstance(t, { provision: FLEET, env: { REGISTRATION: "open" } });
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ redirect_uris: ["https://app.example/cb"], token_endpoint_auth_method: "none" });
  const answer = await fetch(`${open.url}/oauth2/register`, { method: "POST", headers, body });
  const { client_id: id } = (await answer.json()) as { client_id: string };
  const by = { kind: "client", id, ip: "127.0.0.1" };
  t.match(await runCommand(open, ["audit", "list", "--table", "clients", "--client", id]), [
    { by, what: "created", of: id },
  ]);
});
