import pg from "pg";
import t, { type Test } from "tap";
import { sweep, SWEEPS } from "../../src/store/sweep.js";
import { ALICE, FLEET } from "../support/fleet.js";
import { openRefreshable } from "../support/grants.js";
import { startInstance } from "../support/instance.js";
import { fillDatabase } from "../support/many.js";
import { Browser } from "../support/web.js";

/** A migrated database in which nothing is due, and what its sweep would visit. */
async function filled(t: Test, rows: number) {
  const server = await startInstance(t, { provision: FLEET });
  const client = new pg.Client(server.database);
  await client.connect();
  t.teardown(() => client.end());
  await fillDatabase(client, rows);
  await client.query("ANALYZE");
  return { server, client };
}

t.test("a round looks at what is due and at nothing else", async (t) => {
  const { server, client } = await filled(t, 20_000);
  const { db } = server.core;

  t.test("each statement goes by an index, also where the planner knows no times", async (t) => {
    for (const { of, statement } of SWEEPS.filter(({ of }) => of !== "signing_keys")) {
      const { rows } = await client.query(`EXPLAIN (GENERIC_PLAN) ${statement.text}`);
      const plan = rows.map((row) => row["QUERY PLAN"] as string).join("\n");
      // What a batch of grants is joined with is read whole only as long as that costs less than a thousand lookups.
      t.notMatch(plan, /Seq Scan on (?!deployment_epoch|clients c|users u)/, of);
    }
  });

  t.test("what it reads does not grow with what is not due", async (t) => {
    for (const { of, statement } of SWEEPS) {
      const { rows } = await client.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${statement.text}`, [null]);
      const { Plan: plan } = rows[0]["QUERY PLAN"][0];
      const pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
      t.ok(pages < 40, `${of}: ${pages} pages`);
    }
  });

  t.test("a grant whose access tokens live for 68 years is looked at once, and not again for months", async (t) => {
    await client.query("UPDATE grants SET idle_expires_at = now() - interval '3 days', sweep_after = DEFAULT WHERE sub = 'large-user'");
    const due = (await client.query("SELECT FROM grants WHERE sub = 'large-user'")).rowCount;
    const first = await sweep(db, null);
    t.match(first, { deleted: {}, kept: due, backlog: {}, failed: {} });
    t.match(await sweep(db, null), { kept: 0 });

    // Its client is given short lifetimes; an hour later than months from now it is gone.
    await client.query("UPDATE clients SET access_token_lifetime = 600");
    const { rows } = await client.query("SELECT now() + interval '90 days 1 hour' AS later");
    t.match(await sweep(db, rows[0].later), { deleted: { grants: 20_000 } });
  });
});

t.test("one kind of row that cannot be deleted stops no other, and a round ends in time", async (t) => {
  const { server, client } = await filled(t, 5_000);
  const { db } = server.core;
  await client.query(
    "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '57014'; END $$",
  );
  await client.query("CREATE TRIGGER fails BEFORE DELETE ON grants EXECUTE FUNCTION fails()");
  const { rows } = await client.query("SELECT now() + interval '400 days' AS later");
  const { later } = rows[0];

  const stopped = await sweep(db, later, 1);
  t.strictSame(Object.keys(stopped.failed).sort(), ["ended_grants", "grants"]);
  t.equal(stopped.deleted["revoked_tokens"], 1_000, "one batch of each kind");
  t.equal(stopped.backlog["revoked_tokens"], 4_000);

  const finished = await sweep(db, later);
  t.match(finished, { deleted: { revoked_tokens: 4_000, used_assertions: 4_000 }, backlog: {} });
  t.equal((await client.query("SELECT FROM sessions")).rowCount, 0);
  t.equal((await client.query("SELECT FROM grants")).rowCount, 5_000);

  await client.query("DROP TRIGGER fails ON grants");
  await client.query("UPDATE clients SET access_token_lifetime = 600");
  t.match(await sweep(db, later), { deleted: { grants: 5_000 } });
});

t.test("an ended grant is gone after a day, whatever its client's lifetimes", async (t) => {
  const { server, client } = await filled(t, 1_000);
  await client.query("UPDATE grants SET ended_at = now() WHERE sub = 'large-user'");
  const { rows } = await client.query("SELECT now() + interval '23 hours' AS before, now() + interval '25 hours' AS later");
  t.match(await sweep(server.core.db, rows[0].before), { deleted: {} });
  t.match(await sweep(server.core.db, rows[0].later), { deleted: { ended_grants: 200 } });
});

t.test("a request that moves a time writes to no index", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const { db } = server.core;
  const client = new pg.Client(server.database);
  await client.connect();
  t.teardown(() => client.end());
  /** Updates of a table, and those of them that touched no index, once every connection has told its counts. */
  const updatesOf = async (table: string) => {
    await Promise.all(Array.from({ length: 10 }, () => db.pool.query("SELECT pg_stat_force_next_flush(), pg_sleep(0.1)")));
    const { rows } = await client.query(
      "SELECT n_tup_upd::int AS updates, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relname = $1",
      [table],
    );
    return rows[0] as { updates: number; hot: number };
  };
  const indexSize = async () =>
    (await client.query("SELECT pg_indexes_size('grants')::int AS bytes")).rows[0].bytes as number;

  t.test("a refresh", async (t) => {
    const tokens = await Promise.all(Array.from({ length: 40 }, () => openRefreshable(server)));
    const bytes = await indexSize();
    for (let round = 0; round < 10; round += 1) {
      for (const [index, refresh_token] of tokens.entries()) {
        const form = { grant_type: "refresh_token", client_id: "mobile", refresh_token };
        tokens[index] = (await server.post("/oauth2/token", form)).json.refresh_token;
      }
    }
    const { updates, hot } = await updatesOf("grants");
    t.equal(updates, 400);
    t.ok(hot >= 0.95 * updates, `${hot} of ${updates}`);
    t.equal(await indexSize(), bytes, "the indexes do not grow");
  });

  t.test("a step of an authorization, a page of somebody who is logged in, and a wrong password", async (t) => {
    const browser = new Browser(server);
    await browser.submit(await browser.open("/account"), "login", { ...ALICE, password: "wrong", action: "login" });
    await browser.submit(await browser.open("/account"), "login", { ...ALICE, action: "login" });
    for (let page = 0; page < 5; page += 1) await browser.open("/account");
    for (const table of ["sessions", "interactions", "tries"]) {
      const { updates, hot } = await updatesOf(table);
      t.ok(updates > 0, table);
      t.equal(hot, updates, table);
    }
  });
});
