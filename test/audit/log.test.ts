import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { runCommand } from "../support/commands.js";
import { sql } from "../support/database.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { ownFolder } from "../support/own-folder.js";
import { jetonHere } from "../support/process.js";
import { checkTlogProof, merkleTreeHash, openSignedCheckpoint, sha256 } from "../support/transparency.js";

const folder = ownFolder(t);
const server = await startInstance(t, { provision: FLEET });
const { database } = server;

/** More records than a tile has, so that the tree has two levels. */
const MANY = 600;

await sql(database, `INSERT INTO scopes (name, claims) SELECT 'scope-' || n, '{}' FROM generate_series(1, ${MANY}) n`);
await runCommand(server, ["user", "disable", "Alice"]);
await runCommand(server, ["client", "update", "mobile", "--client-name", "Renamed"]);

interface Line {
  readonly jeton_audit?: 1;
  readonly public_key?: string;
  readonly index?: number;
  readonly record?: string;
  readonly salt?: string;
  readonly commitment?: string;
  readonly checkpoint?: string;
  readonly size?: number;
}

let files = 0;

/** A new file of this test. */
function newFile(text?: string): Promise<string> {
  const file = join(folder, `file-${(files += 1)}`);
  return text === undefined ? Promise.resolve(file) : writeFile(file, text).then(() => file);
}

async function exported(): Promise<{ readonly file: string; readonly lines: readonly Line[] }> {
  const file = await newFile();
  await runCommand(server, ["audit", "export", "--file", file]);
  const lines = (await readFile(file, "utf8")).split("\n").slice(0, -1);
  return { file, lines: lines.map((line) => JSON.parse(line) as Line) };
}

/** What `audit verify` says offline, without a setting: the line of its error, or its result. */
async function verify(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await jetonHere({}, ["audit", "verify", ...words, "--json"]);
  return code === 0 ? stdout : stderr.replace("jeton: ", "").trim();
}

const before = await exported();
const key = before.lines[0]!.public_key!;
const size = before.lines.at(-1)!.size!;

t.test("AU-08 every change is a record, with its caller, and without secrets", async (t) => {
  const [renamed, ended, disabled, ...rest] = await runCommand(server, ["audit", "list"]);
  const test = { kind: "system_user", id: "test" };
  t.match(renamed, {
    ...{ by: test, what: "changed", table: "clients", of: "mobile", client: "mobile" },
    after: { client_name: "Renamed" },
  });
  t.match(disabled, { by: test, what: "changed", table: "users", of: "user-alice", user: "user-alice" });
  t.strictSame([disabled.before, disabled.after], [{ disabled: false }, { disabled: true }]);
  t.match([ended.before, ended.after], [{ token_epoch: 0 }, { token_epoch: 1 }]);
  t.match(rest[0], { by: { kind: "database_user", ip: "127.0.0.1" }, table: "scopes", what: "created" });

  t.strictSame(await runCommand(server, ["audit", "list", "--user", "user-alice", "--caller", "system_user:test"]), [
    ended,
    disabled,
  ]);
  t.strictSame(await runCommand(server, ["audit", "list", "--client", "mobile", "--since", renamed.at]), [renamed]);
  t.strictSame(
    await runCommand(server, ["audit", "list", "--table", "clients", "--since", renamed.at, "--until", renamed.at]),
    [],
  );
  t.equal((await runCommand(server, ["audit", "list", "--table", "scopes", "--user", "user-alice"])).length, 0);
  t.strictSame(await runCommand(server, ["audit", "show", disabled.id]), disabled);
  t.equal(await runCommand(server, ["audit", "show", "1-99999"]), "there is no record 1-99999");

  const text = before.lines.map(({ record }) => record ?? "").join("\n");
  const secrets = await sql(
    database,
    `SELECT password_hash AS secret FROM users UNION SELECT hash::text FROM client_secrets
     UNION SELECT sealed::text FROM client_secrets UNION SELECT sealed_private::text FROM signing_keys`,
  );
  const known = [SECRET, ALICE.password, ...secrets.map(({ secret }) => secret)].filter(
    (one) => typeof one === "string",
  );
  t.ok(known.length > 10);
  for (const secret of known) t.notOk(text.includes(secret), "no secret is in a record");
});

t.test("AU-03 a log is verified with the public key alone, in the database and in a file", async (t) => {
  t.match(await runCommand(server, ["audit", "verify", "--public-key", key]), [
    { whole: true, records: size, cut: 0, erased: 0 },
  ]);
  t.match(JSON.parse(await verify(before.file, "--public-key", key)), [{ whole: true, records: size }]);
  t.match(JSON.parse(await verify(before.file)), [{ whole: true, warnings: [/compare it with the one you know/] }]);

  const entries = before.lines.filter(({ index }) => index !== undefined);
  const commitments = entries.map(({ salt, record }) => sha256(Buffer.from(salt!, "base64"), Buffer.from(record!)));
  const checkpoint = openSignedCheckpoint(before.lines.at(-1)!.checkpoint!, key);
  t.strictSame(checkpoint.root, merkleTreeHash(commitments), "the root is that of RFC 6962");
  t.equal(checkpoint.size, size);

  for (const index of [0, 17, 255, 256, size - 1]) {
    const proof = await runCommand(server, ["audit", "export", `1-${index}`]);
    t.equal(checkTlogProof(proof, key).id, `1-${index}`);
    const file = await newFile(proof);
    t.match(JSON.parse(await verify(file, "--public-key", key)), [{ whole: true, index, records: size }]);
    const extra = proof.split("\n")[1];
    const forged = Buffer.from(extra.slice(6), "base64").toString().replace('\\"what\\"', '\\"What\\"');
    const edited = await newFile(proof.replace(extra, `extra ${Buffer.from(forged).toString("base64")}`));
    t.equal(await verify(edited, "--public-key", key), `record ${index} is not in the log of the checkpoint`);
  }
});

/** Tables whose changes are no records, and why. */
const NOT_RECORDED: Readonly<Record<string, string>> = {
  _prisma_migrations: "an update of the program writes it",
  account_names: "triggers derive it from users, identifiers and clients",
  deleted_clients: "triggers derive it from clients",
  provisioned_entries: "it remembers what was applied, and the applied rows are recorded",
  availability: "an instance marks itself in service",
  outage: "it follows from the marks of instances",
  restore_witnesses: "it recognises a restored database",
  decisions: "they are kept about requests, and change nothing",
  admin_answers: "it repeats the answers to administrators",
  dialect_usage: "it counts requests",
  tries: "it counts requests; a lock is recorded",
  logout_notices: "triggers derive it from sessions and users",
  ...Object.fromEntries(
    [
      ...["confirmation_codes", "device_codes", "device_jtis", "dpop_proofs", "interactions"],
      ...["pushed_requests", "revoked_tokens", "uma_decisions", "uma_tickets", "used_assertions"],
    ].map((name) => [name, "requests write it"]),
  ),
  ...Object.fromEntries(["log", "pending", "tiles", "trees"].map((name) => [`audit_${name}`, "it is the log itself"])),
};

/** Columns that look like secrets, and are none. */
const NO_SECRETS = ["device_psks.identity", "clients.client_secret_hash", "jobs.idempotency_key"];

t.test("AU-06 each table is recorded or has a reason not to be, and no column with a secret is shown", async (t) => {
  const columns = (await sql(
    database,
    `SELECT table_name AS "table", column_name AS "column", udt_name AS type FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name NOT LIKE 'saved%'`,
  )) as { table: string; column: string; type: string }[];
  const triggers = (await sql(
    database,
    `SELECT tgrelid::regclass::text AS "table", encode(tgargs, 'escape') AS arguments FROM pg_trigger
     WHERE tgname LIKE 'audit_%' AND tgnargs > 0`,
  )) as { table: string; arguments: string }[];
  const recorded = new Map(
    triggers.map((one) => [one.table, one.arguments.split("\\000").map((list) => list.split(","))]),
  );
  const tables = [...new Set(columns.map(({ table }) => table))];
  t.strictSame(
    tables.filter((table) => !recorded.has(table) && !Object.hasOwn(NOT_RECORDED, table)),
    [],
    "a table has no triggers for the audit, and no reason",
  );
  t.strictSame(
    Object.keys(NOT_RECORDED).filter((table) => !tables.includes(table)),
    [],
  );
  for (const [table, [keys = [], withheld = [], ignored = [], quiet = []]] of recorded) {
    const own = columns.filter((one) => one.table === table);
    const known = own.map(({ column }) => column);
    for (const name of [...keys, ...withheld, ...ignored, ...quiet])
      t.ok(name === "" || known.includes(name), `${table}.${name}`);
    const secret = own.filter(
      ({ column, type }) => type === "bytea" || /hash|secret|sealed|password|private|_key$/.test(column),
    );
    for (const { column } of secret) {
      t.ok(withheld.includes(column) || NO_SECRETS.includes(`${table}.${column}`), `${table}.${column} is withheld`);
    }
  }
});

/** Edits the tables of the log by hand, and undoes it after `look`. */
async function edited(statements: string, look: () => Promise<void>): Promise<void> {
  const tables = ["audit_log", "audit_tiles", "audit_trees"];
  await sql(database, tables.map((name) => `CREATE TABLE saved_${name} AS TABLE ${name}`).join(";"));
  try {
    await sql(database, statements);
    await look();
  } finally {
    const undo = tables.map(
      (name) => `DELETE FROM ${name}; INSERT INTO ${name} TABLE saved_${name}; DROP TABLE saved_${name}`,
    );
    await sql(database, undo.join(";"));
  }
}

const LAST = size - 1;

/** Every way to edit the log by hand, and what verification says of it: of the database, and of a file that is exported then. */
const EDITS: Readonly<Record<string, readonly [statements: string, said: RegExp]>> = {
  "a record altered": [
    `UPDATE audit_log SET record = replace(record, 'jeton', 'nobody') WHERE index = 5`,
    /^record 1-5 is not as it was appended: it was altered$/,
  ],
  "a record altered with its column": [
    `UPDATE audit_log SET record = replace(record, 'test', 'root'), caller = 'system_user:root' WHERE index = ${LAST}`,
    new RegExp(`^record 1-${LAST} is not as it was appended: it was altered$`),
  ],
  "a record altered with its commitment and its tile": [
    `UPDATE audit_log SET record = replace(record, 'scope-', 'other-'),
       commitment = sha256(salt || convert_to(replace(record, 'scope-', 'other-'), 'UTF8')) WHERE index = 300;
     UPDATE audit_tiles t SET hashes = overlay(t.hashes PLACING sha256('\\x00' || l.commitment) FROM (300 - 256) * 32 + 1)
       FROM audit_log l WHERE l.index = 300 AND t.level = 0 AND t.index = 1`,
    /^record 1-300 is not as it was appended: it was altered$/,
  ],
  "the salt of a record altered": [
    `UPDATE audit_log SET salt = sha256(salt) WHERE index = 400`,
    /^record 1-400 is not as it was appended: it was altered$/,
  ],
  "a record removed": [
    `DELETE FROM audit_log WHERE index = 7`,
    /^record 1-7 is not as it was appended: it was removed$/,
  ],
  "a record removed, and the later ones moved up": [
    `DELETE FROM audit_log WHERE index = 7;
     UPDATE audit_log SET index = index + 100000 WHERE index > 7; UPDATE audit_log SET index = index - 100001 WHERE index > 7`,
    /^record 1-7 is not as it was appended: record 1-8 is in its place$/,
  ],
  "a record inserted, and the later ones moved down": [
    `UPDATE audit_log SET index = index + 100000 WHERE index >= 9; UPDATE audit_log SET index = index - 99999 WHERE index >= 9;
     INSERT INTO audit_log SELECT tree, 9, at, kind, caller, sub, client_id, commitment, salt,
       replace(record, 'created', 'deleted'), signature FROM audit_log WHERE index = 10`,
    /^record 1-9 is not as it was appended: another record was inserted before it$/,
  ],
  "a record inserted at the end": [
    `INSERT INTO audit_log SELECT tree, ${size}, at, kind, caller, sub, client_id, commitment, salt, record, signature
       FROM audit_log WHERE index = ${LAST}`,
    new RegExp(`^record 1-${size} is not as it was appended: record 1-${LAST} is in its place$`),
  ],
  "two records that changed places": [
    `UPDATE audit_log SET index = -1 WHERE index = 20; UPDATE audit_log SET index = 20 WHERE index = 21;
     UPDATE audit_log SET index = 21 WHERE index = -1`,
    /^record 1-20 is not as it was appended: record 1-21 is in its place$/,
  ],
  "the last records removed": [
    `DELETE FROM audit_log WHERE index >= ${size - 2}`,
    new RegExp(`^record 1-${size - 2} is not as it was appended: it was removed, with all records after it$`),
  ],
  "the first records removed": [
    `DELETE FROM audit_log WHERE index < 256`,
    /^record 1-0 is not as it was appended: it was removed$/,
  ],
  "the first records cut by hand": [
    `DELETE FROM audit_log WHERE index < 256; UPDATE audit_trees SET first = 256`,
    /records before 1-256 are missing, and no checkpoint fits the cut$/,
  ],
  "a record erased by hand": [
    `UPDATE audit_log SET record = NULL, salt = NULL WHERE index = 30`,
    /^record 1-30 is not as it was appended: no record says that it was erased$/,
  ],
  "a signature altered": [
    `UPDATE audit_log SET signature = set_byte(signature, 0, get_byte(signature, 0) # 1) WHERE index = 255`,
    /^record 1-255 is not as it was appended/,
  ],
  "a checkpoint forged": [
    `UPDATE audit_trees SET checkpoint = replace(checkpoint, E'\\n${size}\\n', E'\\n${size + 1}\\n')`,
    /its last checkpoint was altered$/,
  ],
  "a checkpoint of before": [
    `UPDATE audit_trees SET size = 10`,
    /^record 1-10 is not as it was appended: the log ends before it$/,
  ],
  "the key replaced": [
    `UPDATE audit_trees SET public_key = replace(public_key, '+A', '+B')`,
    /has no readable public key$/,
  ],
  "the whole log removed": [`TRUNCATE audit_log, audit_tiles, audit_trees`, /^there is no audit log$/],
};

/** Edits of what repeats the records in the database, of which a file has nothing. */
const STORED_EDITS: Readonly<Record<string, readonly [statements: string, said: RegExp]>> = {
  "the caller altered, by which lists are filtered": [
    `UPDATE audit_log SET caller = 'person:nobody' WHERE index = 40`,
    /^record 1-40 is not as it was appended: its column caller was altered$/,
  ],
  "the time altered": [
    `UPDATE audit_log SET at = at - interval '1 day' WHERE index = 41`,
    /^record 1-41 is not as it was appended: its column at was altered$/,
  ],
  "a full tile altered": [
    `UPDATE audit_tiles SET hashes = set_byte(hashes, 9, get_byte(hashes, 9) # 1) WHERE level = 0 AND index = 0`,
    /^tile 0\/0 of log 1 is not as it was written: the records are whole$/,
  ],
  "a tile of the second level altered": [
    `UPDATE audit_tiles SET hashes = set_byte(hashes, 9, get_byte(hashes, 9) # 1) WHERE level = 1`,
    /^tile 1\/0 of log 1/,
  ],
  "a tile removed": [`DELETE FROM audit_tiles WHERE level = 0 AND index = 2`, /^tile 0\/2 of log 1/],
};

t.test("AU-01 each way to edit the log by hand is found, and the first record that it changed is named", async (t) => {
  const checkpoint = await newFile(before.lines.at(-1)!.checkpoint);
  for (const [name, [statements, said]] of Object.entries({ ...EDITS, ...STORED_EDITS })) {
    await edited(statements, async () => {
      t.match(await runCommand(server, ["audit", "verify", "--public-key", key]), said, name);
      const { file } = await exported();
      const offline = await verify(file, "--public-key", key);
      if (Object.hasOwn(EDITS, name)) t.match(offline, said, `${name}, in a file`);
      else t.match(offline, /"whole":true/, `${name}, in a file`);
    });
  }
  t.match(
    await runCommand(server, ["audit", "verify", "--checkpoint", checkpoint]),
    [{ whole: true }],
    "all is as before",
  );
});

t.test(
  "AU-02 a log that lost its end is whole by itself, and is found by a checkpoint that was kept outside",
  async (t) => {
    const checkpoint = await newFile(before.lines.at(-1)!.checkpoint);
    const { lines } = before;
    const shorter = lines.filter(({ index }) => index === undefined || index < 300);
    // Without the key of the server, a log can be cut at one of its earlier checkpoints.
    const { signature, index } = lines.find((one) => one.index === 299) as { signature: string; index: number };
    const commitments = lines.flatMap(({ salt, record, index }) =>
      index === undefined || index > 299 ? [] : [sha256(Buffer.from(salt!, "base64"), Buffer.from(record!))],
    );
    const [name, id] = key.split("+") as [string, string];
    const signed = Buffer.concat([Buffer.from(id, "hex"), Buffer.from(signature, "base64")]).toString("base64");
    const root = merkleTreeHash(commitments).toString("base64");
    const note = `${name}\n${index + 1}\n${root}\n\n\u2014 ${name} ${signed}\n`;
    const end = { size: index + 1, checkpoint: note };
    const file = await newFile([...shorter.slice(0, -1), end].map((one) => `${JSON.stringify(one)}\n`).join(""));
    t.match(await verify(file, "--public-key", key), /"whole":true/);
    const said = await verify(file, "--public-key", key, "--checkpoint", checkpoint);
    t.equal(said, `records from 1-300 on are missing: the known checkpoint has ${size}`);

    const earlier = await newFile(note);
    t.match(
      await verify(before.file, "--checkpoint", earlier),
      /"whole":true/,
      "a longer log contains an earlier checkpoint",
    );
    const forged = await newFile(note.replace("\n300\n", "\n301\n"));
    t.equal(await verify(before.file, "--checkpoint", forged), "the known checkpoint is not signed by this key");
    const foreign = await newFile(note.replaceAll(name, "example.com/audit"));
    t.equal(
      await verify(before.file, "--checkpoint", foreign),
      "the log example.com/audit of the known checkpoint is missing",
    );
  },
);
