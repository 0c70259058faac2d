import pg from "pg";
import t from "tap";
import { systemClock } from "../../src/clock.js";
import { openKeeper } from "../../src/decisions/keeper.js";
import { Refusal } from "../../src/errors/refusal.js";
import { keepDecisions } from "../../src/store/decisions.js";
import { openSweep } from "../../src/store/sweep.js";
import { sql } from "../support/database.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { converse, write } from "../support/raw.js";

/** Keeping decisions, so that they can be explained. It never makes a request wait or fail. */

const BACKEND = basic("backend", SECRET);
const SERVICE = { grant_type: "client_credentials", scope: "api1" };

/** The members that the log adds to each of its lines. */
const OF_EVERY_LINE = ["level", "time", "instance", "decision_id", "msg"];

t.test("decisions are kept beside the requests", async (t) => {
  const server = await startInstance(t, { provision: FLEET, env: { ADMIN: "on" } });
  const { core, database } = server;
  const kept = async (where = "true") => {
    await core.keeper?.flush();
    return sql(database, `SELECT id, code, client_id, sub, facts FROM decisions WHERE ${where} ORDER BY seq`);
  };
  const count = async () => (await kept()).length;
  const ask = (form = SERVICE, headers = BACKEND) => server.post("/oauth2/token", form, headers);

  await t.test("each one as its line in the log", async (t) => {
    const { json } = await server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...ALICE });
    const { refresh_token } = json;
    await server.post("/oauth2/token", { grant_type: "refresh_token", client_id: "mobile", refresh_token });
    await server.post("/token", { ...SERVICE, client_id: "poster", client_secret: "wrong" });
    await ask({ ...SERVICE, scope: "api1 nothing" });
    await server.post("/oauth2/revoke", { client_id: "mobile", token: refresh_token });
    await converse(server.url, "POST /oauth2/token HTTP/1.1\r\nHost : x\r\n\r\n");
    const lines = server.log.filter(({ type }) => type === "decision");
    const rows = await kept();
    t.equal(rows.length, 6);
    for (const line of lines) {
      const row = rows.find(({ id }) => id === line.decision_id);
      const { again, ...facts } = row?.facts as Record<string, unknown>;
      const { operation: _operation, ...early } = facts;
      const shown = Object.keys(line).filter((name) => !OF_EVERY_LINE.includes(name));
      t.strictSame(
        line.client_id === undefined ? early : facts,
        Object.fromEntries(shown.map((name) => [name, line[name]])),
      );
      t.strictSame(
        [row?.client_id, row?.sub, row?.code],
        [line.client_id ?? null, line.sub ?? null, line.refused_with ?? null],
      );
      if (line.sub !== undefined) t.match(again, { client_epoch: 0, user_epoch: 0 });
    }
    t.match(
      rows.find(({ client_id }) => client_id === null),
      { code: "http_malformed", facts: { operation: "token", dialect: "oauth2" } },
    );
  });

  await t.test("but none that decides nothing", async (t) => {
    const { json } = await ask();
    const before = await count();
    await server.post("/oauth2/introspect", { token: json.access_token }, basic("gateway", SECRET));
    await server.send("/account");
    await server.send("/nothing/here");
    await converse(server.url, write({ target: "/%zz" }));
    t.equal(await count(), before);
    await server.post("/oauth2/introspect", { token: json.access_token }, basic("gateway", "wrong"));
    t.equal(await count(), before + 1, "a refused introspection has a reason");
  });

  await t.test("no request waits for a table that is locked", async (t) => {
    const before = await count();
    const client = new pg.Client(database);
    await client.connect();
    t.teardown(() => client.end());
    await client.query("BEGIN; LOCK TABLE decisions IN ACCESS EXCLUSIVE MODE");
    const first = await ask();
    const written = core.keeper!.flush();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask()));
    t.strictSame(new Set([first, ...answers].map(({ status }) => status)), new Set([200]));
    await client.query("COMMIT");
    await written;
    t.equal(await count(), before + 21);
  });

  await t.test("no connection is taken that a request may need", async (t) => {
    const { pool } = core.db;
    const connections = await Promise.all(Array.from({ length: 9 }, () => pool.connect()));
    t.notOk(pool.hasSpare, "the last one is for requests");
    connections.pop()!.release();
    t.ok(pool.hasSpare);
    for (const connection of connections) connection.release();
  });

  await t.test("a database that fails makes no request fail, and what is lost is counted", async (t) => {
    await count();
    await sql(database, "ALTER TABLE decisions RENAME TO gone");
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask()));
    t.strictSame(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 200],
    );
    await core.keeper!.flush();
    await sql(database, "ALTER TABLE gone RENAME TO decisions");
    const page = await (await fetch(`${server.url}/metrics`)).text();
    t.match(page, /^jeton_decisions_dropped_total\{reason="failed"\} 5$/m);
    t.equal(server.log.filter(({ type }) => type === "decisions").length, 1, "one line says so");
  });

  await t.test("DE-03 a flood of one outcome takes no room of the other", async (t) => {
    const dropped: Record<string, number> = {};
    const keeper = openKeeper({
      ...{ kept: 60, db: core.db, clock: systemClock, log: { warn: () => {} } },
      names: async () => ({ scopes: await core.registry.scopes(), issuer: core.issuer }),
      metrics: { dropped: (reason, number) => (dropped[reason] = (dropped[reason] ?? 0) + number) },
    })!;
    const before = await count();
    const request = { method: "POST", target: "/", origin: { ip: "", peer_ip: "" }, status: 400, endpoint: undefined };
    const refusal = new Refusal("code_invalid");
    for (let number = 0; number < 1_500; number += 1)
      keeper.keep(crypto.randomUUID(), { operation: "token", refusal }, request);
    for (let number = 0; number < 300; number += 1) keeper.keep(crypto.randomUUID(), { operation: "token" }, request);
    await keeper.close();
    t.strictSame(dropped, { rate: 500 });
    t.equal(await count(), before + 1_300);
  });

  await t.test("the rows are bounded, and the oldest ones make room", async (t) => {
    const at = (seconds: number) => new Date(Date.UTC(2030, 0, 1) + seconds * 1_000);
    let from: Date | null = null;
    for (let batch = 0; batch < 6; batch += 1) {
      const rows = Array.from({ length: 400 }, (_, index) => ({
        ...{ id: crypto.randomUUID(), age: 0, code: null, client_id: "bounded", sub: null },
        facts: { batch, index },
      }));
      from = await keepDecisions(core.db, rows, at(batch), from, 500);
    }
    t.ok((await count()) <= 900, "at most those, and as many as were written last");
    t.strictSame(
      (await kept("client_id = 'bounded'")).filter(({ facts }) => (facts as { batch: number }).batch < 4),
      [],
    );
  });

  await t.test("the sweep deletes them when their time has come", async (t) => {
    const sweep = openSweep(core.db, 11 * 3_600);
    const after = (hours: number) => new Date(Date.UTC(2030, 0, 1, hours));
    t.match(await sweep(after(10)), { failed: {} });
    t.not(await count(), 0, "not earlier");
    t.match(await sweep(after(12)), { failed: {} });
    t.equal(await count(), 0);
  });

  await t.test("with DECISIONS_KEPT=0 none is kept", async (t) => {
    const other = await startInstance(t, { database, env: { DECISIONS_KEPT: "0" } });
    t.equal(other.core.keeper, undefined);
    t.equal((await other.post("/oauth2/token", SERVICE, BACKEND)).status, 200);
    await other.stop();
    t.equal(await count(), 0);
  });

  await t.test("those that wait are written when the server stops", async (t) => {
    await ask();
    await server.stop();
    t.equal((await sql(database, "SELECT 1 FROM decisions")).length, 1);
  });
});
