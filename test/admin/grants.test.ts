import pg from "pg";
import t from "tap";
import { countGrants, listGrants } from "../../src/store/grant-list.js";
import { runCommand } from "../support/commands.js";
import { sql } from "../support/database.js";
import { FLEET } from "../support/fleet.js";
import { startInstance, type Instance } from "../support/instance.js";
import { plannedBy, type Query } from "../support/statements.js";

/** Grants of Alice for the mobile app and of Bob for another, 30 s apart; the first one is the newest. */
async function addGrants({ database }: Instance, count: number): Promise<void> {
  await sql(
    database,
    `INSERT INTO grants (id, client_id, sub, scope, user_epoch, client_epoch, auth_time, amr, created_at,
                         idle_expires_at, absolute_expires_at, dialect, ended_at, sid)
     SELECT 'many-' || n, CASE WHEN n % 10 = 0 THEN 'tablet' ELSE 'mobile' END,
            CASE WHEN n % 100 = 0 THEN 'user-bob' ELSE 'user-alice' END,
            CASE WHEN n % 500 = 0 THEN '{openid,api2}' ELSE '{openid,api1}' END::text[], 0, 0, now(), '{pwd}',
            now() - (n / 2) * interval '30 seconds', now() + interval '1 day', now() + interval '1 day',
            CASE WHEN n % 1000 = 0 THEN 'kii' ELSE 'oauth2' END, CASE WHEN n % 3 = 0 THEN now() END, 'many'
     FROM generate_series(1, $1::int) n`,
    [count],
  );
  await sql(database, "ANALYZE grants");
}

const MANY = 15_000;

t.test("lists of grants are flat in cost, and have each grant once", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const { db } = server.core;
  await addGrants(server, MANY);
  const list = (...words: readonly string[]) => runCommand(server, ["grant", "list", ...words]);
  const count = async (where: string) => (await sql(server.database, `SELECT FROM grants WHERE ${where}`)).length;

  t.test("every filter alone and with others", async (t) => {
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ["true", []],
      ["client_id = 'mobile'", ["--client", "mobile"]],
      ["sub = 'user-bob'", ["--user", "bob"]],
      ["sub = 'user-bob' AND client_id = 'mobile'", ["--user", "bob", "--client", "mobile"]],
      ["'api2' = ANY (scope)", ["--scope", "api2"]],
      ["dialect = 'kii' AND client_id = 'tablet'", ["--dialect", "kii", "--client", "tablet"]],
      ["ended_at IS NOT NULL AND client_id = 'tablet'", ["--state", "ended", "--client", "tablet"]],
      ["sub = 'user-bob' AND ended_at IS NULL", ["--state", "in_force", "--user", "bob"]],
      ["created_at < now() - interval '24 hours' AND sub = 'user-bob'", ["--user", "bob", "--older-than", "24h"]],
      [
        "created_at >= now() - interval '24 hours' AND client_id = 'tablet'",
        ["--client", "tablet", "--younger-than", "24h"],
      ],
    ];
    for (const [where, words] of cases) {
      const found = (await list(...words)) as { grant_id: string; created_at: string }[];
      t.equal(found.length, await count(where), where);
      t.equal(new Set(found.map(({ grant_id }) => grant_id)).size, found.length, `${where}: each once`);
      const times = found.map(({ created_at }) => created_at);
      if (/sub|client_id/.test(where)) t.strictSame(times, [...times].sort().reverse(), `${where}: the newest first`);
    }
    t.equal(await list("--user", "nobody"), "there is no user nobody");
    t.strictSame(await list("--client", "none"), []);
  });

  t.test("AM-22 no page and no count reads more than it says, whatever the filter", async (t) => {
    const client = new pg.Client(server.database);
    await client.connect();
    t.teardown(() => client.end());
    const read = async ({ text, values }: Query) => {
      const { rows } = await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, [...values]);
      return rowsRead(rows[0]["QUERY PLAN"][0].Plan);
    };
    const [newest, middle] = (await sql(
      server.database,
      "SELECT created_at, id FROM grants WHERE id IN ('many-1', 'many-8001') ORDER BY created_at DESC",
    )) as { created_at: Date; id: string }[];
    const places = [undefined, middle];
    const filters = [{ client_id: "mobile" }, { sub: "user-alice" }, {}, { client_id: "mobile", dialect: "none" }];
    const made_before = newest!.created_at;
    for (const filter of filters) {
      for (const after of places) {
        const asked = await plannedBy(() => listGrants(db, { filter, after, limit: 50 }, null));
        for (const query of asked)
          t.ok((await read(query)) <= 1_010, `${JSON.stringify(filter)}: ${await read(query)}`);
      }
      const counted = await plannedBy(() => countGrants(db, { ...filter, made_before }));
      for (const query of counted) t.ok((await read(query)) <= 10_010, `count of ${JSON.stringify(filter)}`);
    }
    const short = await plannedBy(() => listGrants(db, { filter: { client_id: "mobile" }, limit: 50 }, null));
    t.equal(short.length, 1);
    t.ok((await read(short[0]!)) <= 120, "a full page reads little more than it shows");
  });

  t.test("a count says whether it is all", async (t) => {
    const counted = (...words: readonly string[]) => runCommand(server, ["grant", "count", ...words]);
    t.strictSame(await counted("--client", "tablet"), { grants: 1_000, at_least: false });
    const large = await counted("--client", "mobile");
    t.match(large, { at_least: true });
    t.ok(large.grants > 6_000 && large.grants <= 10_000, `at least ${large.grants}`);
    const old = await count("client_id = 'mobile' AND ended_at IS NULL AND created_at < now() - interval '48 hours'");
    t.strictSame(await counted("--client", "mobile", "--older-than", "2d"), { grants: old, at_least: false });
    t.strictSame(await counted("--user", "bob", "--scope", "api2"), { grants: 20, at_least: false });
  });
});

/** The most rows that a part of a plan read from a table or an index. */
function rowsRead(plan: Record<string, any>): number {
  const own =
    "Relation Name" in plan ? (plan["Actual Rows"] + (plan["Rows Removed by Filter"] ?? 0)) * plan["Actual Loops"] : 0;
  return Math.max(own, ...(plan.Plans ?? []).map(rowsRead));
}
