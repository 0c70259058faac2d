import pg from "pg";
import t from "tap";
import { openSweep } from "../../src/store/sweep.js";
import { TestClock } from "../support/clock.js";
import { sql } from "../support/database.js";
import { everythingIn } from "../support/dump.js";
import { SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { statementsOf } from "../support/statements.js";
import {
  allow,
  ask,
  FORMAT,
  idToken,
  introspect,
  json,
  PARTIES,
  pat,
  PHOTO,
  register,
  ticketFor,
} from "../support/uma.js";

t.test("a warm request runs the documented number of statements, and none of them scans a table", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: PARTIES, clock });
  const now = `timestamptz '${clock.statement().toISOString()}'`;
  const photos = await pat(server, "photos", "user-alice");
  const photo = await register(server, photos);
  await allow(server, photos, [photo], { users: ["user-bob"] });
  const asked = await register(server, photos);
  await allow(server, photos, [asked], { clients: ["printer"], consent_needed: true });
  // Enough rows for the planner to choose an index by itself.
  await sql(
    server.database,
    `INSERT INTO uma_resources (id, client_id, owner, scopes)
       SELECT 'r' || lpad(n::text, 21, '0'), 'photos', 'user-' || n % 50, '{view}' FROM generate_series(1, 5000) n;
     INSERT INTO uma_policies (id, client_id, rules)
       SELECT 'p' || lpad(n::text, 21, '0'), 'photos', '[{"clients":["printer"]}]' FROM generate_series(1, 5000) n;
     INSERT INTO uma_policy_resources
       SELECT 'p' || lpad(n::text, 21, '0'), 'r' || lpad(n::text, 21, '0') FROM generate_series(1, 5000) n;
     INSERT INTO uma_approvals
       SELECT 'r' || lpad(n::text, 21, '0'), 'printer', 'printer', 'view', 'user-' || n % 50, 'approved', ${now}
       FROM generate_series(1, 5000) n;
     INSERT INTO uma_tickets (id, resource_server, permissions, expires_at)
       SELECT 't' || lpad(n::text, 21, '0'), 'photos', '[]', ${now} FROM generate_series(1, 5000) n;
     INSERT INTO uma_decisions (id, resource_id, outcome, client_id, owner, trace, decided_at)
       SELECT n::text, 'r', 'granted', 'printer', 'user-' || n % 50, '{}', ${now} FROM generate_series(1, 5000) n;
     INSERT INTO users (sub, preferred_username) SELECT 'user-' || n, 'user-' || n FROM generate_series(1, 5000) n;
     INSERT INTO revoked_tokens SELECT n::text, ${now} FROM generate_series(1, 5000) n;
     ANALYZE`,
  );
  const claim = { claim_token: await idToken(server), claim_token_format: FORMAT };
  const ticket = () => ticketFor(server, photos, { [photo]: ["view"] });
  const { access_token: rpt } = (await ask(server, await ticket(), claim)).json;
  const bySecret = () => introspect(server, rpt);
  const byToken = () => server.post("/oauth2/introspect", { token: rpt }, { ...photos });
  const tickets = await Promise.all([ticket(), ticket(), ticketFor(server, photos, { [asked]: ["view"] })]);

  const work: Record<string, [number, () => Promise<unknown>]> = {
    "a permission request": [3, ticket],
    "a token for a ticket": [3, () => ask(server, tickets[0], claim)],
    "a token that is upgraded": [4, () => ask(server, tickets[1], { ...claim, rpt })],
    "a question to an owner": [3, () => ask(server, tickets[2])],
    "introspection of its token with a secret": [1, bySecret],
    "introspection of its token with a protection API token": [2, byToken],
    "a ticket that is none": [0, () => ask(server, "jtk_x")],
    "a resource": [2, () => json(server, "GET", `/uma/resources/${photo}`, undefined, photos)],
  };
  const seen = new Map<string, unknown[]>();
  const ofRequests = new Set<string>();
  for (const [name, [most, request]] of Object.entries(work)) {
    const sent = await withValues(seen, () => statementsOf(request));
    t.equal(sent.length, most, name);
    for (const text of sent) ofRequests.add(text);
  }

  const client = new pg.Client(server.database);
  await client.connect();
  t.teardown(() => client.end());
  for (const [text, values] of seen) {
    if (!ofRequests.has(text) || !/uma_|clients|users/.test(text)) continue;
    await client.query("BEGIN");
    const { rows } = await client.query(`EXPLAIN (FORMAT JSON) ${text}`, values);
    await client.query("ROLLBACK");
    const scans = nodesOf(rows[0]["QUERY PLAN"][0].Plan).filter((node) => node["Node Type"] === "Seq Scan");
    // The few clients and the one epoch fit on one page each, so that no index is faster.
    t.strictSame(
      scans.map((node) => node["Relation Name"]).filter((name) => !["clients", "deployment_epoch"].includes(name)),
      [],
      text.slice(0, 200),
    );
  }
});

t.test("expired rows are swept, and no others", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: PARTIES, clock });
  const photos = await pat(server, "photos", "user-alice");
  const photo = await register(server, photos, PHOTO);
  await allow(server, photos, [photo], { clients: ["printer"], consent_needed: true });
  await ask(server, await ticketFor(server, photos, { [photo]: ["view"] }));
  const counts = async () => {
    const tables = ["uma_tickets", "uma_approvals", "uma_decisions", "uma_resources", "uma_policies"];
    return Promise.all(
      tables.map(async (table) => (await sql(server.database, `SELECT count(*)::int AS n FROM ${table}`))[0]!.n),
    );
  };
  const after = async (days: number) => {
    clock.advance(days * 24 * 60 * 60 + 600);
    await openSweep(server.core.db)(clock.statement());
    return counts();
  };
  t.strictSame(await after(0), [2, 1, 1, 1, 1]);
  t.strictSame(await after(1), [0, 1, 1, 1, 1], "tickets after a day");
  t.strictSame(await after(6), [0, 1, 0, 1, 1], "reasons after a week");
  t.strictSame(await after(24), [0, 0, 0, 1, 1], "questions without an answer after a month");
});

/** The two tests below share one server. */
const shared = await startInstance(t, { provision: PARTIES, clock: new TestClock() });

t.test("a disabled person shares nothing and gets nothing", async (t) => {
  const photos = await pat(shared, "photos", "user-alice");
  const photo = await register(shared, photos);
  await allow(shared, photos, [photo], { users: ["user-bob"] });
  const claim = { claim_token: await idToken(shared), claim_token_format: FORMAT };
  const request = async () => ask(shared, await ticketFor(shared, await pat(shared), { [photo]: ["view"] }), claim);
  const token = (await request()).json.access_token;
  const active = async () => (await introspect(shared, token)).json.active;
  const disable = (sub: string, disabled: boolean) =>
    sql(shared.database, "UPDATE users SET disabled = $2 WHERE sub = $1", [sub, disabled]);

  t.equal(await active(), true);
  await disable("user-alice", true);
  t.equal(await active(), false, "the owner");
  t.equal((await request()).json.error, "request_denied");
  await disable("user-alice", false);
  await disable("user-bob", true);
  t.equal(await active(), false, "the requesting party");
  t.equal((await request()).json.error, "need_info");
  await disable("user-bob", false);
  t.equal(await active(), true);
  await shared.post("/oauth2/revoke", { token }, basic("printer", SECRET));
  t.equal(await active(), false, "the token itself");
});

t.test("an unverified email address satisfies no rule", async (t) => {
  const photos = await pat(shared);
  const photo = await register(shared, photos);
  await allow(shared, photos, [photo], { claims: [{ type: "email", value: "bob@example.com" }] });
  const claim = { claim_token: await idToken(shared), claim_token_format: FORMAT };
  const request = async () => (await ask(shared, await ticketFor(shared, photos, { [photo]: ["view"] }), claim)).status;
  t.equal(await request(), 200);
  await sql(shared.database, "UPDATE users SET email_verified = false WHERE sub = 'user-bob'");
  t.equal(await request(), 403);
});

t.test("LG-01 neither the log nor the store contains a secret", async (t) => {
  const server = await startInstance(t, { provision: PARTIES, clock: new TestClock() });
  const photos = await pat(server, "photos", "user-alice");
  const photo = await register(server, photos);
  await allow(server, photos, [photo], { users: ["user-bob"] });
  const claim_token = await idToken(server);
  const first = await ticketFor(server, photos, { [photo]: ["view"] });
  const second = (await ask(server, first)).json.ticket;
  const { access_token, pct } = (await ask(server, second, { claim_token, claim_token_format: FORMAT })).json;
  const used = await ask(server, second, { pct, rpt: access_token });
  await introspect(server, access_token);
  await server.send(`/uma/claims?${new URLSearchParams({ client_id: "printer", ticket: second })}`);
  await server.send(`/uma/resources?ticket=${second}`, { headers: { ...photos } });

  const macs = [first, second].map((text) => text.split(".")[1]!);
  const secrets = [...macs, access_token, pct, claim_token, photos.Authorization.slice(7)];
  const log = JSON.stringify(server.log);
  const store = JSON.stringify(await everythingIn(server.database));
  t.match(used.json.error_description, /^the ticket jtk_[^.]+ doesn't exist$/);
  for (const secret of secrets) {
    t.notMatch(log, secret);
    t.notMatch(store, secret);
    t.notMatch(used.text, secret);
  }
  t.match(log, "uma-ticket", "the log was looked at");
  t.match(store, photo, "and the store");
});

/** Runs a function and records the values of each statement, by its text. */
async function withValues<T>(seen: Map<string, unknown[]>, work: () => Promise<T>): Promise<T> {
  const original = pg.Client.prototype.query;
  pg.Client.prototype.query = function (this: pg.Client, ...args: any[]) {
    const { text, values } = typeof args[0] === "object" ? args[0] : { text: "", values: [] };
    if (text !== "") seen.set(text, values ?? args[1] ?? []);
    return (original as (...given: unknown[]) => unknown).apply(this, args);
  } as typeof original;
  try {
    return await work();
  } finally {
    pg.Client.prototype.query = original;
  }
}

function nodesOf(plan: any): any[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}
