import { randomUUID } from "node:crypto";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import t, { type Test } from "tap";
import { readSettings, SETTINGS } from "../../src/config.js";
import { OperatorError } from "../../src/errors/operator-error.js";
import { readDatabaseUrl } from "../../src/store/database-url.js";
import { isStoreUnavailable } from "../../src/store/failure.js";
import { closeDb, openDb } from "../../src/store/open.js";
import { makeCa } from "../support/certificate.js";
import { openGate, type GateTerms } from "../support/database-gate.js";
import { freshDatabase, sql } from "../support/database.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { refusedHere } from "../support/process.js";
import { MASTER_KEY } from "../support/run.js";
import { until } from "../support/until.js";

const PASSWORD = "marker-password";

/** What a start with this connection string is refused with; undefined where it is not. */
async function saidOf(DATABASE_URL: string): Promise<string | undefined> {
  const { code, stderr } = await refusedHere({ DATABASE_URL, MASTER_KEY });
  if (code === 0) return undefined;
  const [line = "", ...more] = stderr.split("\n");
  if (more.length !== 1 || more[0] !== "") throw new Error(`more than one line: ${stderr}`);
  if (/marker|password@/.test(line)) throw new Error(`it holds the password: ${line}`);
  return line.replace(/^jeton: /, "");
}

t.test("a connection string that Jeton cannot follow exactly is refused in one line", async (t) => {
  const at = (rest: string) => `postgres://jeton:${PASSWORD}@${rest}`;
  const refused: Readonly<Record<string, RegExp>> = {
    "mysql://127.0.0.1/jeton": /^DATABASE_URL must begin with postgres:\/\/$/,
    [at("host:port/jeton")]: /^DATABASE_URL is not a URL; special characters in the password must be percent-encoded$/,
    [at("host/jeton#fragment")]: /^DATABASE_URL is not a URL/,
    [at("%zz/jeton")]: /^DATABASE_URL is not a URL/,
    [at("host:0/jeton")]: /port that is not from 1 to 65535$/,
    [at("host:65536/jeton")]: /port that is not from 1 to 65535$/,
    [at("h/jeton?host=a,b,c&port=1,2")]: /^DATABASE_URL names 3 hosts and 2 ports$/,
    [at("h/jeton?schema=jeton")]:
      /^DATABASE_URL has schema, which can only be public here: Jeton's tables are in the schema public$/,
    [at("h/jeton?search_path=jeton")]: /^DATABASE_URL has search_path, which can only be public here/,
    [at("h/jeton?options=-c%20search_path%3Djeton")]:
      /^DATABASE_URL sets search_path in options, which can only be public here$/,
    [at("h/jeton?options=--search_path%3Djeton")]: /^DATABASE_URL sets search_path in options/,
    [at("h/jeton?target_session_attrs=standby")]: /target_session_attrs, which can only be read-write or primary here/,
    [at("h/jeton?channel_binding=require")]: /^DATABASE_URL has channel_binding/,
    [at("h/jeton?gssencmode=require")]: /^DATABASE_URL has gssencmode/,
    [at("h/jeton?connection_limit=3")]: /^DATABASE_URL has the parameter connection_limit, which Jeton does not take$/,
    [at("h/jeton?toString=3")]: /^DATABASE_URL has the parameter toString, which Jeton does not take$/,
    [at("h/jeton?%0Aa=3")]: /^DATABASE_URL has the parameter with an odd name, which Jeton does not take$/,
    [at("h/jeton?host=a&host=b")]: /^DATABASE_URL has the parameter host twice$/,
    [at("h/jeton?sslmode=sometimes")]:
      /an sslmode that is none of disable, allow, prefer, require, verify-ca, verify-full$/,
    [at("h/jeton?sslmode=no-verify")]: /an sslmode that is none of/,
    [at("h/jeton?sslmode=verify-ca")]: /^DATABASE_URL has sslmode=verify-ca, which needs sslrootcert$/,
    [at("h/jeton?sslrootcert=system&sslmode=require")]:
      /^DATABASE_URL has sslrootcert=system, which needs sslmode=verify-full$/,
    [at("h/jeton?sslrootcert=/nowhere.pem")]: /^DATABASE_URL names an sslrootcert that cannot be read \(ENOENT\)$/,
    [at(`h/jeton?sslrootcert=${import.meta.filename}`)]:
      /^DATABASE_URL names an sslrootcert that holds no certificate in PEM$/,
    [at("h/jeton?sslcert=/nowhere.pem")]: /^DATABASE_URL needs sslcert and sslkey together$/,
    [at("h/jeton?ssl=1")]: /^DATABASE_URL has the parameter ssl, which can only be true/,
  };
  for (const [url, message] of Object.entries(refused)) t.match(await saidOf(url), message, url);
});

t.test("a database that cannot be used is refused in one line", async (t) => {
  const database = await freshDatabase(t);
  const empty = await emptyDatabase(t);
  const role = `poor_${randomUUID().replaceAll("-", "")}`;
  await sql(database, `CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
  const poor = (url: string) => {
    const own = new URL(url);
    [own.username, own.password] = [role, PASSWORD];
    return own.href;
  };
  t.match(await saidOf(poor(empty)), /^the schema cannot be brought up to date: permission denied for schema public$/);
  t.match(await saidOf(poor(database)), /^the database .* cannot be used: permission denied for (table|schema) /);
  await sql(database, `GRANT SELECT ON _prisma_migrations TO ${role}`);
  t.match(await saidOf(poor(database)), /^the database .* cannot be used: permission denied for table /);
  await sql(empty, "DROP SCHEMA public");
  t.match(await saidOf(poor(empty)), /(permission denied for|no schema has been selected)/);
  await sql(database, `REVOKE ALL ON _prisma_migrations FROM ${role}`);
  await sql(database, `DROP ROLE ${role}`);
});

t.test("random text in any setting is accepted or refused in one line that names the setting", async (t) => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 30 }),
    fc.constantFrom(
      "\n",
      "\u2028",
      "-1",
      "0",
      "1e9",
      "99999999999999999999",
      ",",
      ",,",
      "a,b",
      "http://",
      "https://[",
      "::/200",
    ),
    fc.constantFrom(
      "postgres://",
      "postgres://@",
      "postgres://:@:/?",
      "postgres://h,h,/d?host=",
      "postgres://u:p@h/?%",
      "postgresql://?=&=&",
      "postgres://h/d?toString",
      "postgres://h/d?__proto__=1",
    ),
    fc.webUrl(),
    fc.string({ unit: "binary", maxLength: 20 }).map((rest) => `postgres://u:${PASSWORD}@${rest}`),
    fc.string({ unit: "binary", maxLength: 20 }).map((rest) => `postgres://h/d?${rest}`),
    fc.constant("x".repeat(100_000)),
  );
  for (const name of Object.keys(SETTINGS)) {
    const { failed, counterexample, errorInstance } = fc.check(
      fc.property(text, (value) => {
        try {
          readSettings({
            MASTER_KEY,
            ...(name === "ROOT_METADATA" ? {} : { TLS_CERT: "c", TLS_KEY: "k" }),
            [name]: value,
          });
        } catch (error) {
          if (!(error instanceof OperatorError)) throw error;
          // Some settings go together, so a second one may be named.
          const oneLine = /^[A-Z_]+ [^\p{Cc}\p{Zl}\p{Zp}]{1,300}$/u.test(error.message);
          return oneLine && !error.message.includes("marker");
        }
        return true;
      }),
      { numRuns: 60, seed: 4 },
    );
    t.notOk(failed, `${name} ${JSON.stringify(counterexample)} ${String(errorInstance)}`);
  }
});

t.test("each sslmode has the meaning that libpq gives it", async (t) => {
  const database = await freshDatabase(t);
  const folder = t.testdir({});
  const [ca, stranger] = [makeCa("Database CA"), makeCa("Another CA")];
  const own = ca.issue({ subject: [["CN", "127.0.0.1"]], san: [{ ip: [127, 0, 0, 1] }] });
  const misnamed = ca.issue({ subject: [["CN", "db.example"]], san: [{ dns: "db.example" }] });
  const client = ca.issue({ subject: [["CN", "jeton"]] });
  const file = async (name: string, text: string, mode = 0o600) => {
    const path = join(folder, name);
    await writeFile(path, text);
    await chmod(path, mode);
    return path;
  };
  const files = {
    ca: await file("ca.pem", ca.cert),
    stranger: await file("stranger.pem", stranger.cert),
    cert: await file("client.pem", client.cert),
    key: await file("client.key", client.key),
    openKey: await file("open.key", client.key, 0o644),
  };
  const right: GateTerms = { tls: { cert: own.cert, key: own.key } };
  const wrongName: GateTerms = { tls: { cert: misnamed.cert, key: misnamed.key } };
  const cases: readonly (readonly [parameters: string, terms: GateTerms, outcome: "clear" | "tls" | RegExp])[] = [
    ["", right, "clear"],
    ["sslmode=disable", right, "clear"],
    ["sslmode=allow", right, "clear"],
    ["sslmode=allow", { ...right, refuses: "clear" }, "tls"],
    ["sslmode=prefer", right, "tls"],
    ["sslmode=prefer", {}, "clear"],
    ["sslmode=prefer", { ...right, refuses: "tls" }, "clear"],
    ["sslmode=require", wrongName, "tls"],
    ["ssl=true", wrongName, "tls"],
    ["sslmode=require", {}, /does not support SSL/],
    [`sslmode=require&sslrootcert=${files.ca}`, wrongName, "tls"],
    [`sslmode=require&sslrootcert=${files.stranger}`, wrongName, /cannot be used: .*certificate/],
    [`sslmode=verify-ca&sslrootcert=${files.ca}`, wrongName, "tls"],
    [`sslmode=verify-ca&sslrootcert=${files.stranger}`, right, /cannot be used: .*certificate/],
    [`sslmode=verify-full&sslrootcert=${files.ca}`, right, "tls"],
    [`sslmode=verify-full&sslrootcert=${files.ca}`, wrongName, /cannot be used: .*(IP|altnames)/],
    ["sslmode=verify-full", right, /cannot be used: .*certificate/],
    [
      `sslmode=require&sslcert=${files.cert}&sslkey=${files.key}`,
      { tls: { ...right.tls, ca: ca.cert, requestCert: true, rejectUnauthorized: true } },
      "tls",
    ],
    [
      `sslmode=require&sslcert=${files.cert}&sslkey=${files.openKey}`,
      right,
      /an sslkey that is open to others \(mode 0644\)/,
    ],
    [`sslmode=require&sslcert=${files.ca}&sslkey=${files.key}`, right, /do not go together/],
  ];
  for (const [parameters, terms, outcome] of cases) {
    await t.test(`${parameters} ${Object.keys(terms).join(" ")}`, async (t) => {
      const gate = await openGate(t, database, terms);
      const url = new URL(database);
      url.port = String(gate.port);
      url.search = parameters;
      const said = await saidOf(url.href);
      if (outcome instanceof RegExp) return void t.match(said, outcome);
      t.equal(said, undefined);
      t.ok(
        gate.begun[outcome] > 0 && (outcome === "tls" ? gate.begun.clear : gate.begun.tls) === 0,
        JSON.stringify(gate.begun),
      );
    });
  }
});

t.test("of several hosts the writable one is used, also after a failover", async (t) => {
  const database = await freshDatabase(t, FLEET);
  const standby = await openGate(t, database, { readOnly: true });
  const primary = await openGate(t, database);
  const closed = await openGate(t, "postgres://127.0.0.1:1/");
  const url = new URL(database);
  const hosts = [closed, standby, primary].map(({ port }) => `127.0.0.1:${port}`).join(",");
  const several = `postgres://${url.username}:${url.password}@${hosts}${url.pathname}?target_session_attrs=read-write`;
  t.equal(await saidOf(several), undefined);

  const server = await startInstance(t, { database: several });
  const token = () => server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET));
  t.equal((await token()).status, 200);
  await writes(t, several);

  standby.terms.readOnly = false;
  primary.terms.readOnly = true;
  for (const gate of [standby, primary]) gate.cut();
  await writes(t, several);
  await until("the instance is in service", async () => (await server.send("/readyz")).status === 200);
  t.equal((await token()).status, 200);

  standby.terms.readOnly = true;
  for (const gate of [standby, primary]) gate.cut();
  const db = openDb(several);
  const failure = await db.pool.query("SELECT 1").catch((error: unknown) => error);
  t.ok(isStoreUnavailable(failure), "without one that can be written to, requests are answered 503");
  await closeDb(db);
  t.match(
    await saidOf(several),
    /^the database .* at 127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+, .* cannot be used: no server can be written to$/,
  );
  primary.terms.readOnly = false;
});

async function writes(t: Test, url: string): Promise<void> {
  const db = openDb(url);
  const { rows } = await db.pool.query("SHOW transaction_read_only");
  t.strictSame(rows, [{ transaction_read_only: "off" }]);
  await closeDb(db);
}

t.test("a host may be a socket, an IPv6 address or a list in a parameter", async (t) => {
  const servers = (url: string) => readDatabaseUrl(url).servers;
  t.strictSame(servers("postgres://u@/d?host=/var/run/postgresql"), [{ host: "/var/run/postgresql", port: undefined }]);
  t.strictSame(servers("postgres://u@%2Fvar%2Frun/d"), [{ host: "/var/run", port: undefined }]);
  t.strictSame(servers("postgres://[::1]:5433,h:5434/d"), [
    { host: "::1", port: 5433 },
    { host: "h", port: 5434 },
  ]);
  t.strictSame(servers("postgres:///d?host=a,b&port=5433"), [
    { host: "a", port: 5433 },
    { host: "b", port: 5433 },
  ]);
  t.strictSame(servers("postgres:///d?host=a,b&port=1,2"), [
    { host: "a", port: 1 },
    { host: "b", port: 2 },
  ]);
  t.strictSame(servers("postgres://"), [{ host: undefined, port: undefined }]);
  const { user, password, database } = readDatabaseUrl("postgres://a%40b:p%2F%3A@h/d%20e");
  t.strictSame([user, password, database], ["a@b", "p/:", "d e"]);
});

/** A database without a single table. */
async function emptyDatabase(t: Test): Promise<string> {
  const other = await freshDatabase(t);
  const url = new URL(other);
  const name = `empty_${randomUUID().replaceAll("-", "")}`;
  await sql(other, `CREATE DATABASE ${name} TEMPLATE template0`);
  t.teardown(() => sql(other, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  url.pathname = `/${name}`;
  return url.href;
}
