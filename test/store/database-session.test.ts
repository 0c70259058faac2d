import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { OperatorError } from "../../src/errors/operator-error.js";
import { checkSession } from "../../src/store/connection.js";
import { dialectUsesOf } from "../../src/store/dialect-usage.js";
import { findClient } from "../../src/store/clients.js";
import { consentsOf } from "../../src/store/consents.js";
import { migrate } from "../../src/store/migrate.js";
import { closeDb, openDb, type Db } from "../../src/store/open.js";
import { allKeys } from "../../src/store/signing-keys.js";
import { readFacts } from "../../src/store/uma-facts.js";
import { sql } from "../support/database.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { INSTANTS, instantsIn, writeInstants } from "../support/instants.js";
import { jetonHere } from "../support/process.js";
import { ROOT } from "../support/root.js";
import { DATA_DIR, MASTER_KEY, TEMPLATE } from "../support/run.js";

/** Long after any day on which this runs, and not on a full second. */
const AT = new Date(Date.UTC(2150, 2, 28, 0, 59, 58, 789));

/** Zones with whole, half and quarter hours, on both sides, with summer time and without. */
const ZONES = ["UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Chatham"];

/** What a database or a role may say of everything that changes the meaning of a statement. */
const HOSTILE = {
  TimeZone: "Asia/Kolkata",
  DateStyle: "SQL, DMY",
  IntervalStyle: "sql_standard",
  bytea_output: "escape",
  extra_float_digits: "-10",
  default_transaction_isolation: "serializable",
  search_path: '"$user", pg_catalog',
  synchronous_commit: "off",
  statement_timeout: "7",
  lock_timeout: "7",
};

interface TestDatabase {
  readonly url: string;
  /** Of the database and of a role of its own alike. */
  readonly name: string;
  readonly admin: string;
}

/** A migrated database with a role of its own; both go with the test. */
async function database(t: Test, template = TEMPLATE): Promise<TestDatabase> {
  const admin = (await readFile(join(DATA_DIR, "url"), "utf8")).trim();
  const name = `session_${randomUUID().replaceAll("-", "")}`;
  await sql(admin, `CREATE ROLE ${name} LOGIN SUPERUSER PASSWORD 'only here'`);
  await sql(admin, `CREATE DATABASE ${name} OWNER ${name} TEMPLATE ${template}`);
  t.teardown(async () => {
    await sql(admin, `DROP DATABASE ${name} WITH (FORCE)`);
    await sql(admin, `DROP ROLE ${name}`);
  });
  const url = new URL(admin);
  url.pathname = `/${name}`;
  url.username = name;
  url.password = "only here";
  return { url: url.href, name, admin };
}

async function openFor(t: Test, url: string): Promise<Db> {
  const db = openDb(url);
  t.teardown(() => closeDb(db));
  return db;
}

async function holdsEveryInstant(t: Test, url: string): Promise<Db> {
  const db = await openFor(t, url);
  await writeInstants(db, AT);
  t.match(await instantsIn(url, AT), INSTANTS, "every instant, by SQL");
  const read = (seconds: number) => new Date(AT.getTime() + seconds * 1000);
  t.strictSame((await db.prisma.signingKey.findFirst())?.active_from, read(2), "read by Prisma");
  t.strictSame((await allKeys(db))[0]?.active_from, read(2));
  t.strictSame((await dialectUsesOf(db, "c"))[0]?.last_used_at, read(4));
  t.strictSame((await consentsOf(db, "u"))[0]?.given_at, read(12));
  const ends = (await findClient(db, "c"))?.secrets.map(({ expires_at }) => expires_at?.getTime());
  t.strictSame(ends?.sort(), [read(9), read(11)].map(Number), "read by a named statement");
  const question = { resource_ids: [], resource_server: "c", client_id: "c" };
  t.equal((await readFacts(db, question, AT)).now, AT.getTime(), "to the millisecond");
  return db;
}

for (const zone of ZONES) {
  t.test(`the time zone ${zone} changes no stored instant`, async (t) => {
    t.test("the database sets the zone", async (t) => {
      const { url, name, admin } = await database(t);
      await sql(admin, `ALTER DATABASE ${name} SET timezone = '${zone}'`);
      await holdsEveryInstant(t, url);
    });
    t.test("the role sets the zone", async (t) => {
      const { url, name, admin } = await database(t);
      await sql(admin, `ALTER ROLE ${name} SET timezone = '${zone}'`);
      await holdsEveryInstant(t, url);
    });
    t.test("the connection string sets the zone", async (t) => {
      const { url } = await database(t);
      const own = new URL(url);
      own.searchParams.set("options", `-c TimeZone=${zone}`);
      await holdsEveryInstant(t, own.href);
    });
    t.test("the process sets the zone", async (t) => {
      const before = process.env.TZ;
      process.env.TZ = zone;
      t.teardown(() => (before === undefined ? delete process.env.TZ : (process.env.TZ = before)));
      const { url } = await database(t);
      await holdsEveryInstant(t, url);
    });
  });
}

t.test("no setting of the database or the role changes the result of a statement", async (t) => {
  for (const subject of ["DATABASE", "ROLE"] as const) {
    t.test(subject.toLowerCase(), async (t) => {
      const { url, name, admin } = await database(t, "template0");
      for (const [setting, value] of Object.entries(HOSTILE)) {
        const written = setting === "search_path" ? value : `'${value}'`;
        await sql(admin, `ALTER ${subject} ${name} SET ${setting} = ${written}`);
      }
      await migrate(url);
      const db = await holdsEveryInstant(t, url);
      for (const { name, value } of await sessionsOf(db)) t.not(value, HOSTILE[name as keyof typeof HOSTILE], name);
    });
  }
});

/** What a connection of the pool and one that Prisma took have of each setting in HOSTILE. */
async function sessionsOf(db: Db): Promise<readonly { readonly name: string; readonly value: string }[]> {
  const query = "SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name";
  const names = Object.keys(HOSTILE);
  const { rows } = await db.pool.query<{ name: string; value: string }>(query, [names]);
  return [...rows, ...(await db.prisma.$queryRawUnsafe<typeof rows>(query, names))];
}

t.test("PGOPTIONS of the process changes no session setting", async (t) => {
  process.env.PGOPTIONS = "-c TimeZone=Asia/Kolkata -c DateStyle=SQL -c default_transaction_isolation=serializable";
  t.teardown(() => delete process.env.PGOPTIONS);
  const { url } = await database(t);
  const db = await holdsEveryInstant(t, url);
  const { rows } = await db.pool.query("SHOW default_transaction_isolation");
  t.strictSame(rows, [{ default_transaction_isolation: "read committed" }]);
});

t.test("a rotated secret is valid for its overlap in every time zone", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const name = new URL(server.database).pathname.slice(1);
  const works = async (secret: string) => {
    const headers = basic("backend", secret);
    return (await server.post("/oauth2/token", { grant_type: "client_credentials" }, headers)).status;
  };
  for (const zone of ["Asia/Kolkata", "America/St_Johns"]) {
    await sql(server.database, `ALTER DATABASE ${name} SET timezone = '${zone}'`);
    const env = { DATABASE_URL: server.database, MASTER_KEY };
    const rotated = await jetonHere(env, ["client", "rotate-secret", "backend", "--overlap", "1h", "--json"]);
    t.equal(rotated.code, 0, rotated.stderr);
    const rows = await sql(
      server.database,
      "SELECT extract(epoch FROM expires_at - now())::int AS left FROM client_secrets WHERE client_id = 'backend'",
    );
    for (const left of rows.map((row) => row.left as number | null)) {
      t.ok(left === null || (left > 0 && left <= 60 * 60), `${left} seconds left`);
    }
    t.equal(await works(SECRET), 200, "the secret before");
    t.equal(await works(JSON.parse(rotated.stdout).client_secret), 200, "the new one");
  }
});

t.test("the connection string cannot lift the statement and lock timeouts", async (t) => {
  const { url } = await database(t);
  const own = new URL(url);
  own.searchParams.set("options", "-c lock_timeout=0");
  const db = await openFor(t, own.href);
  t.strictSame((await db.pool.query("SHOW statement_timeout")).rows, [{ statement_timeout: "5s" }]);
  t.strictSame((await db.pool.query("SHOW lock_timeout")).rows, [{ lock_timeout: "2s" }]);
  own.searchParams.set("statement_timeout", "0");
  t.throws(() => openDb(own.href), /^DATABASE_URL has the parameter statement_timeout, which Jeton does not take$/);
});

t.test("a session whose settings a pooler changed is refused in one line", async (t) => {
  const { url } = await database(t);
  for (const [name, value] of Object.entries(HOSTILE).filter(([name]) => !name.endsWith("_timeout"))) {
    const db = await openFor(t, url);
    // A pooler does so when another client has used SET in the session.
    db.pool.options.max = 1;
    await db.pool.query("SELECT set_config($1, $2, false)", [name, value]);
    const refused = await checkSession(db.pool).then(
      () => undefined,
      (error: unknown) => error,
    );
    t.ok(refused instanceof OperatorError, name);
    t.ok((refused as Error | undefined)?.message.includes(`have ${name} = `), name);
  }
});

t.test("a write to a read-only database fails with code 25006", async (t) => {
  const { url, name, admin } = await database(t);
  await sql(admin, `ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  const db = await openFor(t, url);
  await t.rejects(db.pool.query("DELETE FROM tries"), { code: "25006" });
});

t.test(
  "the statements of docs/operations.md repair instants that an earlier version stored in a time zone",
  async (t) => {
    const { url } = await database(t);
    const db = await openFor(t, url);
    await writeInstants(db, AT);
    // Prisma's instants have no zone, and the session's was taken for it.
    const shift = (column: string) => `${column} = ${column} AT TIME ZONE 'UTC' AT TIME ZONE 'Asia/Kolkata'`;
    const keys = ["published_at", "active_from", "retain_until"].map(shift).join(", ");
    await sql(url, `UPDATE signing_keys SET ${keys}`);
    await sql(url, `UPDATE client_secrets SET ${["created_at", "expires_at"].map(shift).join(", ")}`);
    t.equal((await instantsIn(url, AT))["signing_keys.active_from"]?.[0], 2 - 5.5 * 60 * 60);

    const page = await readFile(join(ROOT, "docs/operations.md"), "utf8");
    await sql(url, /```sql\n(UPDATE client_secrets[^`]*)```/.exec(page)![1]!);
    t.match(await instantsIn(url, AT), INSTANTS);
  },
);
