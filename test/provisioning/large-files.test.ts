import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { UnfinishedError } from "../../src/errors/operator-error.js";
import { runCommandLine } from "../../src/command-line.js";
import { apply, applyFile, type Applied } from "../../src/provisioning/apply.js";
import { ProvisioningError } from "../../src/provisioning/raw-entry.js";
import { sql } from "../support/database.js";
import { importedClient, importedUser, writeImport } from "../support/import-files.js";
import { startInstance, type Instance } from "../support/instance.js";
import { ROOT } from "../support/root.js";
import { MASTER_KEY } from "../support/run.js";

/** More than are written in one transaction. */
const MANY = 1_100;

const person = (number: number, more: object = {}) => ({
  sub: `p${number}`,
  preferred_username: `name-${number}`,
  ...more,
});
const people = (count: number) => Array.from({ length: count }, (_, number) => person(number));

async function applied(
  t: Test,
  { core }: Instance,
  name: string,
  content: string | Buffer,
  keepGoing = false,
): Promise<Applied> {
  const path = join(t.testdir(), name);
  await writeFile(path, content);
  return applyFile(core.db, core, path, { keepGoing });
}

const refusalOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "it was not refused",
    (error: unknown) => (error instanceof ProvisioningError ? error.message : String(error)),
  );

const countOf = async ({ database }: Instance, table: string): Promise<number> =>
  Number((await sql(database, `SELECT count(*) AS n FROM ${table}`))[0]!.n);

t.test("JSON, JSON Lines and CSV files of the same entries have the same effect", async (t) => {
  const server = await startInstance(t);
  const folder = t.testdir();
  const path = (name: string) => join(folder, name);
  for (const name of ["a.json", "a.jsonl", "a.csv"]) writeImport(path(name), 3, 5);
  const run = (name: string) => applyFile(server.core.db, server.core, path(name), {});
  t.match(await run("a.json"), { written: 8, entries: 8 });
  t.match(await run("a.jsonl"), { written: 0, entries: 8 });
  t.match(await run("a.csv"), { written: 0, entries: 5 });

  t.test("a line of JSON Lines may name its section, and blank lines are ignored", async (t) => {
    const lines = [
      JSON.stringify({ users: person(1) }),
      "",
      JSON.stringify({ clients: [importedClient(7), importedClient(8)] }),
      JSON.stringify({ vendor_thing_id: "t", app_id: "a", password: "p" }),
      JSON.stringify({ app_id: "a", app_key: "k", client_id: "admin", client_secret: "s" }),
      JSON.stringify({ name: "api9" }),
      JSON.stringify({ device_id: "d9", jwk: { kty: "EC", crv: "P-256", x: "x", y: "y" } }),
    ];
    t.match(await applied(t, server, "b.jsonl", `\ufeff${lines.join("\r\n")}\r\n`), { written: 7, entries: 7 });
  });

  t.test("a CSV field is read as text, number, list or JSON according to its key", async (t) => {
    const users = [
      "sub;preferred_username;email;email_verified;roles;address;note;password_hash",
      'c1;carol;carol@example.com;TRUE;"[""a b"",""c""]";"{""locality"":""Köln""}";"two',
      'lines";',
      "c2;dave;;;admin reader;;042;",
    ];
    await applied(t, server, "u.csv", `${users.join("\n")}\n`);
    t.match(await sql(server.database, "SELECT * FROM users WHERE sub IN ('c1', 'c2') ORDER BY sub"), [
      { email_verified: true, roles: ["a b", "c"], claims: { address: { locality: "Köln" }, note: "two\nlines" } },
      { email: null, email_verified: false, roles: ["admin", "reader"], claims: { note: "042" }, password_hash: null },
    ]);
    const clients =
      "client_id,client_secret,access_token_lifetime,grant_types,scope,require_pkce\nk1,x,60,password refresh_token,a b,false\n";
    await applied(t, server, "c.CSV", clients);
    t.match(await sql(server.database, "SELECT * FROM clients WHERE client_id = 'k1'"), [
      { access_token_lifetime: 60, grant_types: ["password", "refresh_token"], scope: ["a", "b"], require_pkce: false },
    ]);
  });
});

t.test("a faulty file is refused with the line and the field, and nothing is written", async (t) => {
  const server = await startInstance(t);
  const good = JSON.stringify(person(1));
  const json = (...users: readonly object[]) => JSON.stringify({ users }, null, 1);
  const many = people(MANY);
  const cases: readonly (readonly [name: string, content: string | Buffer, message: RegExp | string])[] = [
    ["a.json", json(person(1), person(2, { email: "x" })), /^users\[1\]\.email: .* \(line 7\)$/],
    [
      "a.json",
      json(...many, person(-1, { roles: "admin" })),
      new RegExp(`^users\\[${MANY}\\]\\.roles: .* \\(line ${4 * MANY + 3}\\)$`),
    ],
    ["a.json", json(...many, person(5)), new RegExp(`^users\\[${MANY}\\]: repeats p5 \\(line`)],
    ["a.json", '{\n"users": [\n{"sub": "a"\n"b": 1}]}', /^it is not JSON \(line 4, in users\[0\]\)$/],
    ["a.json", '{"users": []} x', /^it is not JSON/],
    ["a.json", '{"users": [] []}', /^it is not JSON/],
    ["a.json", '{"users": [], }', /^it is not JSON/],
    ["a.json", '{"users": [{}}}', /^it is not JSON/],
    ["a.json", '{"users" []}', /^it is not JSON/],
    ["a.json", '{"users": [], "users": []}', "users: stands twice"],
    [
      "a.json",
      '{"users": [{"sub": "a", "roles": [], "\\u0072oles": []}]}',
      "users[0]: roles stands twice in one object",
    ],
    [
      "a.json",
      '{"users": [{"sub": "a", "address": {"country": "A", "country": "B"}}]}',
      "users[0]: country stands twice in one object",
    ],
    ["a.jsonl", '{"sub": "a", "sub": "b"}', "line 1: sub stands twice in one object"],
    ["a.json", '{"users": 5}', "users: must be a list"],
    ["a.json", `{"users": [{"sub": "${"x".repeat(2_000_000)}"}]}`, /longer than 1000000 characters/],
    ["a.json", Buffer.from('{"users": [\n{"sub": "M\xfcller"}]}', "latin1"), "it is not UTF-8 (after line 1)"],
    ["a.jsonl", `${good}\n{"sub": "p2", "email": "x"}\n`, /^line 2, preferred_username: /],
    ["a.jsonl", `${good}\n\n{"sub": `, "line 3: is not JSON"],
    ["a.jsonl", `${good}\n[]\n`, "line 2: must be an object"],
    ["a.jsonl", '{"who": 1}', /^line 1: no key tells what it is/],
    ["a.jsonl", `${good}\n${good}`, "line 2: repeats p1"],
    ["a.csv", "sub,preferred_username,emial\na,b,c\n", "line 2, emial: is no claim: it looks like email, misspelt"],
    ["a.csv", 'sub,preferred_username,note\na,b,"x\ny"\nc,d\n', "line 4: has 2 fields, and the first line has 3"],
    ["a.csv", "sub,preferred_username,disabled\na,b,perhaps\n", /^line 2, disabled: /],
    ["a.csv", "who,what\na,b\n", /^line 1: no key tells what it is/],
    ["a.csv", "sub,sub\na,b\n", "line 1: sub stands twice"],
    ["a.csv", 'sub,preferred_username\na,"b\n', /^line \d+: is not CSV: a quote is not closed/],
  ];
  for (const [name, content, message] of cases) t.match(await refusalOf(applied(t, server, name, content)), message);
  t.equal(await countOf(server, "users"), 0);
  t.match(
    await refusalOf(applyFile(server.core.db, server.core, "/nowhere.json", {})),
    "/nowhere.json cannot be read (ENOENT)",
  );
});

t.test("a document read in pieces of any size gives the same entries", async (t) => {
  const { JsonEntries } = await import("../../src/provisioning/json-entries.js");
  const text = JSON.stringify(
    { users: [person(1, { note: 'a"}],\\ [{"' }), person(2)], clients: [], things: [[], 1, "x"] },
    null,
    2,
  );
  const whole = new JsonEntries();
  const expected = whole.push(text);
  t.equal(expected.length, 5);
  for (const size of [1, 2, 3, 7, 64]) {
    const reader = new JsonEntries();
    const found = Array.from({ length: Math.ceil(text.length / size) }, (_, n) =>
      reader.push(text.slice(n * size, (n + 1) * size)),
    ).flat();
    reader.end();
    t.strictSame(found, expected, `${size} characters at a time`);
  }
});

t.test("apply --keep-going skips and reports faulty entries and applies the others", async (t) => {
  const server = await startInstance(t, { provision: { users: [person(9_000, { preferred_username: "taken" })] } });
  const lines = [
    ...people(MANY),
    person(-1, { preferred_username: "TAKEN" }),
    person(-2, { preferred_username: "name-3" }),
  ].map((one) => JSON.stringify(one));
  lines.splice(1, 0, "not json", JSON.stringify({ sub: "x", preferred_username: "a@b.example" }));
  const path = join(t.testdir(), "a.jsonl");
  await writeFile(path, lines.join("\n"));
  const reported: string[] = [];
  const env = { DATABASE_URL: server.database, MASTER_KEY };
  const run = runCommandLine(
    ["apply", path, "--keep-going"],
    async () => "",
    env,
    undefined,
    (line) => reported.push(line),
  );
  const error = await run.then(
    () => undefined,
    (error: unknown) => error as UnfinishedError,
  );
  t.type(error, UnfinishedError);
  t.equal(error!.message, `4 of ${MANY + 4} entries were skipped`);
  t.match(error!.printed, new RegExp(`^written=${MANY}\\b`));
  t.match(reported, [
    "refused: line 2: is not JSON",
    /^refused: line 3, preferred_username: /,
    /^refused: line \d+ \(p-1\): its sub, login name/,
    /^refused: line \d+ \(p-2\): its sub, login name/,
  ]);
  t.equal(await countOf(server, "users"), MANY + 1);

  t.test(
    "without --keep-going the message names the first conflicting entry, and the others are applied",
    async (t) => {
      const more = [...people(MANY + 1), person(-1, { preferred_username: "taken" })];
      const { core } = server;
      const message = await refusalOf(apply(core.db, core, JSON.stringify({ users: more })));
      t.match(message, /^users\[1101\] \(p-1\): its sub, .*; 1101 of 1102 entries are applied/);
      t.equal(await countOf(server, "users"), MANY + 2);
    },
  );
});

t.test("an entry may depend on a later entry of the file", async (t) => {
  const server = await startInstance(t);
  const { core } = server;
  await apply(core.db, core, JSON.stringify({ users: people(MANY) }));
  const swapped = people(MANY).map((one, number) => ({
    ...one,
    preferred_username: `name-${number === 0 ? MANY - 1 : number === MANY - 1 ? 0 : number}`,
  }));
  const things = [{ app_id: "a", vendor_thing_id: "t", password: "p" }];
  const apps = [{ app_id: "a", app_key: "k", client_id: "admin", client_secret: "s" }];
  t.match(await apply(core.db, core, JSON.stringify({ things, users: swapped, apps })), { written: 4 });
  t.match(await sql(server.database, "SELECT value FROM user_identifiers WHERE sub = 'p0'"), [
    { value: `name-${MANY - 1}` },
  ]);
});

t.test("a killed import continues with the entries that are not applied yet", async (t) => {
  const server = await startInstance(t);
  const path = join(t.testdir(), "a.json");
  writeImport(path, 500, 3_000);
  const cli = spawn(process.execPath, [join(ROOT, "build/js/src/cli.js"), "apply", path], {
    env: { ...process.env, DATABASE_URL: server.database, MASTER_KEY },
    stdio: "ignore",
  });
  const ended = once(cli, "exit");
  while ((await countOf(server, "provisioned_entries")) === 0 && cli.exitCode === null);
  cli.kill("SIGKILL");
  t.strictSame(await ended, [null, "SIGKILL"]);
  const before = await countOf(server, "provisioned_entries");
  t.ok(before > 0 && before < 3_500, `${before} were written`);
  t.equal(
    (await countOf(server, "users")) + (await countOf(server, "clients")),
    before,
    "and each is marked as applied",
  );
  const { core } = server;
  t.match(await applyFile(core.db, core, path, {}), { entries: 3_500, written: 3_500 - before });
  t.equal(await countOf(server, "users"), 3_000);
  t.equal(await countOf(server, "client_secrets"), 500);
  t.match(importedUser(1), { sub: "user-1" });
});
