import pg from "pg";
import t, { type Test } from "tap";
import { openSweep } from "../../src/store/sweep.js";
import { BATCH, sweepsOf } from "../../src/store/sweep-kinds.js";
import { MAX_ROWS } from "../../src/store/batches.js";
import { allClientUris } from "../../src/store/clients.js";
import { listClients } from "../../src/store/client-lists.js";
import { configurationPage } from "../../src/store/configuration.js";
import { consentsBehind, withdrawConsent } from "../../src/store/consents.js";
import { DELETIONS, deleteClient, deleteUser } from "../../src/store/deletion.js";
import { listDialectUses } from "../../src/store/dialect-usage.js";
import type { Db } from "../../src/store/open.js";
import { endSession } from "../../src/store/sessions.js";
import { questionsTo } from "../../src/store/uma-approvals.js";
import {
  approvalsOfOwner,
  approvalsOfResource,
  listDecisions,
  policiesBehind,
  resourcesBehind,
} from "../../src/store/uma-lists.js";
import { deletePolicy } from "../../src/store/uma-policies.js";
import { deleteResource } from "../../src/store/uma-resources.js";
import { runCommand } from "../support/commands.js";
import { listUsers, listUsersByPrefix } from "../../src/store/user-lists.js";
import { ALICE, FLEET } from "../support/fleet.js";
import { openRefreshable } from "../support/grants.js";
import { startInstance } from "../support/instance.js";
import { fillDatabase, LARGE } from "../support/many.js";
import { mostRowsOf, statementsOf } from "../support/statements.js";
import { Browser } from "../support/web.js";

const SWEEPS = sweepsOf();

/** More grants than fit into one page of 8 KiB. */
const MAX_GRANTS_OF_PAGE = 50;

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

t.test("a sweep reads only the rows that are due", async (t) => {
  const { server, client } = await filled(t, 20_000);
  const { db } = server.core;

  t.test("each sweep statement uses an index, also in a generic plan", async (t) => {
    for (const { of, byTime, byPages } of SWEEPS.filter(({ of }) => of !== "signing_keys")) {
      const planOf = async (text: string) => {
        const { rows } = await client.query(`EXPLAIN (GENERIC_PLAN) ${text}`);
        return rows.map((row) => row["QUERY PLAN"] as string).join("\n");
      };
      t.notMatch(await planOf(byTime.text), /Seq Scan on (?!deployment_epoch)/, of);
      const pages = await planOf(byPages.text);
      t.match(pages, /Tid Range Scan on/, of);
      t.notMatch(pages, /Seq Scan on (?!deployment_epoch)/, of);
    }
  });

  t.test("the pages that a sweep reads do not grow with the rows that are not due", async (t) => {
    for (const { of, byTime } of SWEEPS) {
      const { rows } = await client.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${byTime.text}`, [null, null]);
      const { Plan: plan } = rows[0]["QUERY PLAN"][0];
      const pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
      t.ok(pages < 40, `${of}: ${pages} pages`);
    }
  });

  t.test("a grant whose access tokens live for 68 years is checked again each week", async (t) => {
    await client.query(
      "UPDATE grants SET idle_expires_at = now() - interval '3 days', sweep_after = DEFAULT WHERE sub = 'large-user'",
    );
    const due = (await client.query("SELECT FROM grants WHERE sub = 'large-user'")).rowCount;
    // The server sweeps too, and a busy machine may need several rounds: what counts is what they leave.
    let looked = 0;
    for (let more = 1; more > 0; looked += more) {
      const { deleted, kept, failed } = await openSweep(db)(null);
      t.strictSame({ deleted, failed }, { deleted: {}, failed: {} });
      more = kept;
    }
    t.ok(looked > 0, `${looked} were looked at`);
    const { rowCount } = await client.query(
      "SELECT FROM grants WHERE sub = 'large-user' AND sweep_after > now() + interval '160 hours'",
    );
    t.equal(rowCount, due);

    // Its client is given short lifetimes; an hour later than a week from now it is gone. In hours, because a day of this
    // connection's time zone may have 23 of them.
    await client.query("UPDATE clients SET access_token_lifetime = 600");
    const { rows } = await client.query("SELECT now() + interval '169 hours' AS later");
    // A busy machine may need several rounds.
    for (let more = 1; more > 0;) more = (await openSweep(db)(rows[0].later)).deleted.grants ?? 0;
    t.equal((await client.query("SELECT FROM grants WHERE sub = 'large-user'")).rowCount, 0);
  });
});

t.test("a failing deletion of one kind of row does not stop the others or delay the round", async (t) => {
  const { server, client } = await filled(t, 5_000);
  const { db } = server.core;
  await client.query(
    "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '57014'; END $$",
  );
  await client.query("CREATE TRIGGER fails BEFORE DELETE ON grants EXECUTE FUNCTION fails()");
  const { rows } = await client.query("SELECT now() + interval '400 days' AS later");
  const { later } = rows[0];

  const stopped = await openSweep(db)(later, 1);
  t.strictSame(Object.keys(stopped.failed).sort(), ["grants"]);
  t.equal(stopped.deleted.revoked_tokens, BATCH.rows, "one batch of each kind");
  t.equal(stopped.backlog.revoked_tokens, 5_000 - BATCH.rows);
  t.ok(stopped.isBehind);

  await client.query("ALTER TABLE revoked_tokens RENAME TO gone");
  const counted = await openSweep(db)(later, 0);
  t.strictSame(Object.keys(counted.failed), ["revoked_tokens"], "what cannot be counted stops no other either");
  t.equal(counted.backlog.used_assertions, 5_000 - BATCH.rows);
  await client.query("ALTER TABLE gone RENAME TO revoked_tokens");

  const finished = await openSweep(db)(later);
  t.match(finished, { deleted: { revoked_tokens: 5_000 - BATCH.rows }, backlog: {}, isBehind: false });
  t.equal((await client.query("SELECT FROM sessions")).rowCount, 0);
  t.equal((await client.query("SELECT FROM grants")).rowCount, 5_000);

  await client.query("DROP TRIGGER fails ON grants");
  await client.query("UPDATE clients SET access_token_lifetime = 600");
  t.match(await openSweep(db)(later), { deleted: { grants: 5_000 } });
});

t.test("a sweep that is far behind walks through the table in bounded steps", async (t) => {
  const { server, client } = await filled(t, 20_000);
  await client.query("UPDATE clients SET access_token_lifetime = 600");
  await countChanges(client, ["grants"]);
  // A grant that was refreshed since its last check is among them: the sweep keeps it.
  await client.query(
    "UPDATE grants SET idle_expires_at = now() + interval '200 days', absolute_expires_at = now() + interval '200 days' WHERE id = 'grant-7'",
  );
  const { rows } = await client.query(
    "SELECT now() + interval '40 days' AS later, pg_relation_size('grants') / 8192 AS pages",
  );
  let sent: string[] = [];
  const most = await largestChange(client, async () => {
    sent = await statementsOf(() => openSweep(server.core.db)(rows[0].later));
  });
  const walked = sent.filter((text) => text === SWEEPS[0]!.byPages.text).length;
  t.ok(walked >= rows[0].pages / BATCH.pages, `${walked} steps through ${rows[0].pages} pages`);
  t.ok(most > BATCH.rows && most <= BATCH.pages * MAX_GRANTS_OF_PAGE, `one statement deleted ${most} rows`);
  t.strictSame((await client.query("SELECT id FROM grants")).rows, [{ id: "grant-7" }]);
});

t.test(
  "an ended grant is deleted after a day, and at most a week later, regardless of its client's lifetimes",
  async (t) => {
    const { server, client } = await filled(t, 1_000);
    const sweep = (now: Date | null) => openSweep(server.core.db)(now);
    await client.query("UPDATE clients SET access_token_lifetime = 2147483647");
    await client.query("UPDATE grants SET sweep_after = DEFAULT");
    await sweep(null);
    await client.query("UPDATE grants SET ended_at = now() WHERE sub = 'large-user'");
    const { rows } = await client.query(
      "SELECT now() + interval '23 hours' AS before, now() + interval '169 hours' AS later",
    );
    t.match(await sweep(rows[0].before), { deleted: {} });
    t.match(await sweep(rows[0].later), { deleted: { grants: 200 } });

    await client.query("UPDATE grants SET ended_at = now(), sweep_after = DEFAULT WHERE id = 'grant-1'");
    t.match(await sweep(rows[0].before), { deleted: {}, kept: 1 });
    const { rows: times } = await client.query(
      "SELECT sweep_after BETWEEN ended_at + interval '24 hours' AND ended_at + interval '25 hours' AS soon FROM grants WHERE id = 'grant-1'",
    );
    t.strictSame(times, [{ soon: true }], "it is looked at when its day is over");
  },
);

t.test("a request that updates a time writes to no index", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const { db } = server.core;
  const client = new pg.Client(server.database);
  await client.connect();
  t.teardown(() => client.end());
  /** Updates of a table, and those of them that touched no index, once every connection has told its counts. */
  const updatesOf = async (table: string) => {
    await Promise.all(
      Array.from({ length: 10 }, () => db.pool.query("SELECT pg_stat_force_next_flush(), pg_sleep(0.1)")),
    );
    const { rows } = await client.query(
      "SELECT n_tup_upd::int AS updates, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE relname = $1",
      [table],
    );
    return rows[0] as { updates: number; hot: number };
  };
  t.test("a refresh needs no index", async (t) => {
    const tokens = await Promise.all(Array.from({ length: 40 }, () => openRefreshable(server)));
    for (let round = 0; round < 10; round += 1) {
      for (const [index, refresh_token] of tokens.entries()) {
        const form = { grant_type: "refresh_token", client_id: "mobile", refresh_token };
        tokens[index] = (await server.post("/oauth2/token", form)).json.refresh_token;
      }
    }
    const { updates, hot } = await updatesOf("grants");
    t.equal(updates, 400);
    // A transaction in another database of the cluster delays the reuse of old row versions, and a full page then sends
    // updates elsewhere. With an index on a time, no update at all is hot.
    t.ok(hot > 0, `${hot} of ${updates}`);

    t.test("and a revocation needs none", async (t) => {
      for (const token of tokens) await server.post("/oauth2/revoke", { client_id: "mobile", token });
      const after = await updatesOf("grants");
      t.equal(after.updates, updates + 40);
      t.ok(after.hot > hot, `${after.hot - hot} of 40`);
    });
  });

  t.test(
    "an authorization step, a page of a logged-in user and a wrong password leave the indexes unchanged",
    async (t) => {
      const browser = new Browser(server);
      await browser.submit(await browser.open("/account"), "login", { ...ALICE, password: "wrong", action: "login" });
      await browser.submit(await browser.open("/account"), "login", { ...ALICE, action: "login" });
      for (let page = 0; page < 5; page += 1) await browser.open("/account");
      for (const table of ["sessions", "interactions", "tries"]) {
        const { updates, hot } = await updatesOf(table);
        t.ok(updates > 0, table);
        t.equal(hot, updates, table);
      }
    },
  );
});

/** How many rows each table lost or changed with the largest statement while something ran, counted by triggers. */
async function largestChange(client: pg.Client, work: () => Promise<unknown>): Promise<number> {
  await client.query("DELETE FROM changes");
  await work();
  const { rows } = await client.query("SELECT coalesce(max(rows), 0)::int AS most FROM changes");
  return rows[0].most;
}

/** Notes for each statement on a table how many rows it changed. */
async function countChanges(client: pg.Client, tables: readonly string[]): Promise<void> {
  await client.query("CREATE TABLE changes (rows bigint NOT NULL)");
  await client.query(
    `CREATE FUNCTION count_changes() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN INSERT INTO changes SELECT count(*) FROM before; RETURN NULL; END $$`,
  );
  for (const table of tables) {
    for (const change of ["UPDATE", "DELETE"]) {
      await client.query(
        `CREATE TRIGGER count_${change} AFTER ${change} ON ${table} REFERENCING OLD TABLE AS before
         FOR EACH STATEMENT EXECUTE FUNCTION count_changes()`,
      );
    }
  }
}

t.test("a user and a client with many rows are deleted in batches and completely", async (t) => {
  const { server, client } = await filled(t, 20_000);
  const { db } = server.core;
  // One client asks for everything here, so the planner would read all of it; what counts is that there is an index.
  await client.query("SET enable_seqscan = off");
  for (const { name, text } of DELETIONS) {
    const { rows } = await client.query(`EXPLAIN (GENERIC_PLAN) ${text}`);
    t.notMatch(rows.map((row) => row["QUERY PLAN"] as string).join("\n"), /Seq Scan on/, name);
  }
  const tables = [
    "grants",
    "sessions",
    "consents",
    "uma_approvals",
    "uma_policy_resources",
    "uma_policies",
    "uma_resources",
  ];
  await countChanges(client, tables);
  const { client_id, sub } = LARGE;
  const cases = [
    ["sub", "owner", sub, () => deleteUser(db, sub)],
    ["client_id", "client_id", client_id, () => deleteClient(db, client_id)],
  ] as const;
  for (const [column, umaColumn, id, work] of cases) {
    const left = async () => {
      const kinds = [`grants WHERE ${column}`, `consents WHERE ${column}`, `uma_resources WHERE ${umaColumn}`];
      const counts = await Promise.all(kinds.map((kind) => client.query(`SELECT FROM ${kind} = $1`, [id])));
      return counts.map(({ rowCount }) => rowCount!);
    };
    // The two share most of what they have.
    await client.query(`UPDATE grants SET ${column} = $1 WHERE id IN (SELECT id FROM grants LIMIT 5000)`, [id]);
    t.ok((await left())[0]! > MAX_ROWS, `${id}: there is much`);
    const most = await largestChange(client, work);
    t.ok(most > 0 && most <= MAX_ROWS, `${id}: one statement changed ${most} rows`);
    t.strictSame(await left(), [0, 0, 0], id);
  }
});

t.test("a request ends or deletes many rows in batches and completely", async (t) => {
  const { server, client } = await filled(t, 20_000);
  const { db } = server.core;
  await countChanges(client, [
    "grants",
    "sessions",
    "consents",
    "uma_approvals",
    "uma_policy_resources",
    "uma_resources",
  ]);
  const { client_id, sub, sid, resource_id, policy_id } = LARGE;
  const { rows: owners } = await client.query("SELECT client_id FROM uma_resources WHERE id = $1", [resource_id]);
  const reach = { client_id: owners[0].client_id as string };
  const reopen = () => client.query("UPDATE grants SET ended_at = NULL, sid = $1 WHERE sub = $2", [sid, sub]);
  const openOnes = "SELECT FROM grants WHERE sub = $1 AND ended_at IS NULL";
  type Case = readonly [what: string, work: () => Promise<unknown>, left: string, values: readonly string[]];
  const cases: readonly Case[] = [
    ["a consent", () => withdrawConsent(db, { sub, client_id }, null), openOnes, [sub]],
    [
      "a resource",
      () => deleteResource(db, reach, resource_id),
      "SELECT FROM uma_approvals WHERE resource_id = $1",
      [resource_id],
    ],
    [
      "a policy",
      () => deletePolicy(db, reach, policy_id),
      "SELECT FROM uma_policy_resources WHERE policy_id = $1",
      [policy_id],
    ],
  ];
  for (const [what, work, left, values] of cases) {
    t.ok((await client.query(left, [...values])).rowCount! > MAX_ROWS, `${what}: there is much`);
    const most = await largestChange(client, work);
    t.ok(most > 0 && most <= MAX_ROWS, `${what}: one statement changed ${most} rows`);
    t.equal((await client.query(left, [...values])).rowCount, 0, `${what}: nothing is left`);
  }

  await reopen();
  await client.query("UPDATE sessions SET ended_at = NULL WHERE sid = $1", [sid]);
  const most = await largestChange(client, () => endSession(db, { sid }, null));
  t.ok(most > 0 && most <= MAX_ROWS, `a logout: one statement changed ${most} rows`);
  t.equal((await client.query(openOnes, [sub])).rowCount, 0);
  t.equal((await client.query("SELECT FROM sessions WHERE sid = $1 AND ended_at IS NULL", [sid])).rowCount, 0);
});

t.test("a listing reads one page per statement and each row once", async (t) => {
  const { server, client } = await filled(t, 30_000);
  const { db } = server.core;
  const questions = await questionsTo(db, LARGE.sub, { after: 0, last: 100_000 }, null);
  t.equal(questions.length, 5_000, "of six thousand questions to one owner the latest are looked through");
  await client.query("UPDATE clients SET web_origins = '{https://app.example}' WHERE client_id LIKE 'client-%'");
  const listedBy = (name: string) => (): Promise<readonly object[]> => runCommand(server, name.split(" "));
  const lists = {
    clients: { read: listedBy("client list"), count: "SELECT count(*)::int AS n FROM clients" },
    origins: { read: allClientUris, count: "SELECT count(*)::int AS n FROM clients WHERE web_origins <> '{}'" },
    users: { read: listedBy("user list"), count: "SELECT count(*)::int AS n FROM users" },
    uses: { read: listedBy("dialects usage"), count: "SELECT count(*)::int AS n FROM dialect_usage" },
  };
  for (const [name, { read, count }] of Object.entries(lists)) {
    let rows: readonly object[] = [];
    t.ok((await mostRowsOf(async () => (rows = await read(db)))) <= MAX_ROWS, name);
    t.equal(new Set(rows.map((row) => JSON.stringify(row))).size, (await client.query(count)).rows[0].n, name);
  }

  t.test("an index gives the rows of each page in their order", async (t) => {
    await client.query("ANALYZE");
    // What matters is whether an index has the order: these tables are small enough to be read whole.
    await client.query("SET enable_seqscan = off; SET enable_bitmapscan = off");
    for (const text of new Set(await statementsOf(() => readLists(db)))) {
      const { rows } = await client.query(`EXPLAIN (GENERIC_PLAN) ${text}`);
      const plan = rows.map((row) => row["QUERY PLAN"] as string).join("\n");
      t.notMatch(plan, /Seq Scan on (?!deployment_epoch)/, text);
      t.notMatch(plan, /-> {2}Sort .*\n *Sort Key: (?!r\.place)/, `only rows that were read are sorted: ${text}`);
    }
  });
});

/** Reads a page of each list, with each of the filters that has an index. */
async function readLists(db: Db): Promise<void> {
  const { client_id, sub: owner, resource_id } = LARGE;
  const from = { after: undefined, limit: 100 };
  await listClients(db, { search: "x" }, from);
  await listUsers(db, { disabled: true }, from);
  await listUsersByPrefix(db, "user", {}, from);
  await consentsBehind(db, { sub: owner, client_id: "" }, 100);
  for (const filter of [{}, { dialect: "oauth2" }]) await listDialectUses(db, filter, from);
  for (const filter of [{}, { client_id }, { owner }, { client_id, owner }]) {
    await resourcesBehind(db, filter, "", 100);
    await policiesBehind(db, filter, "", 100);
  }
  await approvalsOfOwner(db, { owner, state: "pending" }, undefined, 100);
  await approvalsOfResource(db, { resource_id, state: undefined }, undefined, 100);
  for (const filter of [{ owner }, { client_id }]) await listDecisions(db, filter, undefined, 100);
  for (const section of ["clients", "users", "devices", "apps", "things"] as const)
    await configurationPage(db, section, from);
}
