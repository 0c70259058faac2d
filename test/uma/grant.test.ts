import { SignJWT } from "jose";
import t from "tap";
import { after, TestClock } from "../support/clock.js";
import { showToken } from "../support/commands.js";
import { sql } from "../support/database.js";
import { decided } from "../support/decided.js";
import { SECRET } from "../support/fleet.js";
import { basic, startInstance, type Reply } from "../support/instance.js";
import {
  allow,
  ask,
  FORMAT,
  idToken,
  introspect,
  json,
  PARTIES,
  pat,
  payloadOf,
  register,
  ticketFor,
} from "../support/uma.js";

const SIS = "/token";

t.test("a ticket becomes a token for the requested and allowed permissions", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: PARTIES, clock });
  const alices = await pat(server, "photos", "user-alice");
  const open = await register(server, alices);
  await allow(server, alices, [open], { clients: ["printer"], scopes: ["view", "print"] });
  const closed = await register(server, alices);
  const bobs = await register(server, alices);
  await allow(server, alices, [bobs], { users: ["user-bob"] });
  const consented = await register(server, alices);
  await allow(server, alices, [consented], { clients: ["printer"], consent_needed: true });

  const ticket = (resources: Record<string, readonly string[]>) => ticketFor(server, alices, resources);
  const bob = async () => ({ claim_token: await idToken(server), claim_token_format: FORMAT });

  t.test("the answer is a token with permissions, without a refresh token", async (t) => {
    const { status, json } = await ask(server, await ticket({ [open]: ["view"] }));
    t.equal(status, 200);
    t.strictSame(Object.keys(json).sort(), ["access_token", "expires_in", "token_type"]);
    t.equal(json.expires_in, 300);
    const claims = payloadOf(json.access_token);
    t.match(claims, {
      iss: server.core.issuer,
      aud: "photos",
      sub: "printer",
      client_id: "printer",
      scope: "",
      permissions: [{ resource_id: open, resource_scopes: ["view"] }],
    });
    t.equal(claims.exp - claims.iat, 300);
    const permissions = [{ resource_id: open, resource_scopes: ["view"] }];
    const shown = { kind: "requesting_party_token", client_id: "printer", aud: "photos" };
    t.match(await showToken(server, json.access_token), { ...shown, in_force: true, permissions });
    const unlink = "DELETE FROM uma_policy_resources WHERE resource_id = $1 RETURNING policy_id";
    const [link] = await sql(server.database, unlink, [open]);
    t.match(await showToken(server, json.access_token), { ...shown, reasons: ["no_permission_left"] });
    await sql(server.database, "INSERT INTO uma_policy_resources VALUES ($1, $2)", [link!.policy_id, open]);
    const text = await ticket({ [open]: ["view"] });
    t.match(await showToken(server, text), { kind: "permission_ticket", in_force: true, permissions });
    await ask(server, text);
    t.match(await showToken(server, text), { kind: "permission_ticket", reasons: ["used"] });
  });

  t.test("the grant has two names, and a client may be registered with either", async (t) => {
    const reply = await server.post(
      "/oauth2/token",
      { grant_type: "uma_ticket", ticket: await ticket({ [open]: ["view"] }) },
      basic("printer", SECRET),
    );
    t.equal(reply.status, 200);
    t.equal(
      (await ask(server, await ticket({ [open]: ["view"] }), {}, "no-printer")).json.error,
      "unauthorized_client",
    );
  });

  t.test("UM-11 UM-20 each resource is decided by itself, in any order", async (t) => {
    for (const order of [
      [open, closed],
      [closed, open],
      [closed, open, bobs],
    ]) {
      const asked = Object.fromEntries(order.map((one) => [one, ["view", "delete"]]));
      const { json } = await ask(server, await ticket(asked));
      t.strictSame(payloadOf(json.access_token).permissions, [{ resource_id: open, resource_scopes: ["view"] }]);
    }
  });

  t.test("UM-11 a resource without a policy is denied, without a reason", async (t) => {
    for (const asked of [{ [closed]: ["view"] }, { [open]: ["delete"] }, { [open]: [] }]) {
      const { status, json, headers } = await ask(server, await ticket(asked));
      t.equal(status, 403);
      t.strictSame(json, { error: "request_denied", error_description: "no policy allows what was asked" });
      t.match(headers.get("x-request-id"), /^[0-9a-f-]{36}$/);
    }
  });

  t.test("an unknown party is told the missing claims, with a new ticket", async (t) => {
    const first = await ticket({ [bobs]: ["view"] });
    const { status, json } = await ask(server, first);
    t.equal(status, 403);
    t.match(json, {
      error: "need_info",
      ticket: /^jtk_/,
      required_claims: [{ name: "sub", claim_type: "sub", issuer: [server.core.issuer], claim_token_format: [FORMAT] }],
      redirect_user: `${server.core.issuer}/uma/claims`,
    });
    t.not(json.ticket, first);
    const granted = await ask(server, json.ticket, await bob());
    t.equal(granted.status, 200);
    t.match(payloadOf(granted.json.access_token), { sub: "user-bob", permissions: [{ resource_id: bobs }] });
    t.match(granted.json.pct, /^jpct_/);
    t.match(await showToken(server, granted.json.pct), {
      kind: "persisted_claims_token",
      in_force: true,
      sub: "user-bob",
      client_id: "printer",
    });
    t.notOk((await ask(server, await ticket({ [open]: ["view"] }), {}, "other-printer")).json.redirect_user);
  });

  t.test("UM-02 the earlier ticket is invalid", async (t) => {
    const first = await ticket({ [bobs]: ["view"] });
    const second = (await ask(server, first)).json.ticket;
    t.match((await ask(server, first, await bob())).json, { error: "invalid_grant" });
    t.equal((await ask(server, second, await bob())).status, 200);
    t.match((await ask(server, second, await bob())).json, { error: "invalid_grant" });
  });

  t.test("UM-12 a claim token must be ours, unexpired and this client's", async (t) => {
    const good = await idToken(server);
    const [header, payload, signature] = good.split(".");
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const said = payloadOf(good);
    const symmetric = await new SignJWT(said)
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .sign(Buffer.from(JSON.stringify(server.core.ring.jwks.keys[0])));
    const signed = async (change: object, typ = "JWT") =>
      (await server.core.ring.sign("RS256", typ, { ...said, ...change })).text;
    const { auth_time: _a, ...noLogin } = said;
    const attempts: Record<string, Record<string, string>> = {
      unsigned: { claim_token: `${part({ alg: "none", typ: "JWT" })}.${payload}.` },
      "with another signature": { claim_token: `${header}.${part({ ...said, sub: "user-alice" })}.${signature}` },
      "signed with a public key": { claim_token: symmetric },
      "for another client": { claim_token: await idToken(server, "user-bob", "other-printer") },
      "for two clients": { claim_token: await signed({ aud: ["printer", "other"] }) },
      "of another issuer": { claim_token: await signed({ iss: "https://evil.example" }) },
      "without an end": { claim_token: await signed({ exp: undefined }) },
      over: { claim_token: await signed({ exp: Math.floor(clock.now() / 1000) - 1 }) },
      "an access token": { claim_token: await signed({}, "at+jwt") },
      "an answer of userinfo": { claim_token: (await server.core.ring.sign("RS256", "JWT", noLogin)).text },
      "in another format": { claim_token: good, claim_token_format: "urn:ietf:params:oauth:token-type:saml2" },
      "of an unknown person": { claim_token: await signed({ sub: "user-nobody" }) },
      garbage: { claim_token: "\u00e4.b.c" },
      huge: { claim_token: "a".repeat(16_384) },
    };
    for (const [name, form] of Object.entries(attempts)) {
      const { status, json } = await ask(server, await ticket({ [bobs]: ["view"] }), {
        claim_token_format: FORMAT,
        ...form,
      });
      t.match({ status, error: json.error }, { status: 403, error: "need_info" }, name);
    }
    t.match((await ask(server, await ticket({ [bobs]: ["view"] }), { claim_token: good })).json, {
      error: "invalid_request",
      error_description: "the parameter claim_token_format is missing",
    });
  });

  t.test(
    "a persisted claims token replaces the claims, for its client and until the person's tokens are revoked",
    async (t) => {
      const { pct } = (await ask(server, await ticket({ [bobs]: ["view"] }), await bob())).json;
      const again = await ask(server, await ticket({ [bobs]: ["view"] }), { pct });
      t.equal(again.status, 200);
      t.notOk(again.json.pct, "it does not renew itself");
      t.equal(
        (await ask(server, await ticket({ [bobs]: ["view"] }), { pct }, "other-printer")).json.error,
        "need_info",
      );
      t.equal((await ask(server, await ticket({ [bobs]: ["view"] }), { pct: `${pct}A` })).json.error, "need_info");
      await sql(server.database, "UPDATE users SET token_epoch = token_epoch + 1 WHERE sub = 'user-bob'");
      t.equal((await ask(server, await ticket({ [bobs]: ["view"] }), { pct })).json.error, "need_info");
      await sql(server.database, "UPDATE users SET token_epoch = 0 WHERE sub = 'user-bob'");
      clock.advance(14 * 24 * 60 * 60);
      const patLater = await pat(server, "photos", "user-alice");
      t.equal(
        (await ask(server, await ticketFor(server, patLater, { [bobs]: ["view"] }), { pct })).json.error,
        "need_info",
      );
    },
  );
});

t.test("a ticket works once", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: PARTIES, clock });
  const other = await startInstance(t, { database: server.database, clock });
  const photos = await pat(server);
  const photo = await register(server, photos);
  await allow(server, photos, [photo], { clients: ["printer", "other-printer"] }, { users: ["user-bob"] });
  const ticket = () => ticketFor(server, photos, { [photo]: ["view"] });
  const sis = (text: string, client_id = "printer") =>
    server.post(SIS, { grant_type: "uma_ticket", ticket: text }, basic(client_id, SECRET));

  t.test("UM-01 fifty simultaneous uses on two instances have one outcome", async (t) => {
    const text = await ticket();
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, n) => decided(() => ask(n % 2 ? server : other, text))),
    );
    t.strictSame(count(replies), { 200: 1, 400: 49 });
    t.equal(new Set(replies.filter(({ status }) => status === 400).map(({ text }) => text)).size, 1);
  });

  t.test("UM-01 a ticket belongs to the first client that uses it", async (t) => {
    const text = await ticket();
    const replies = await Promise.all([ask(server, text), ask(other, text, {}, "other-printer")]);
    t.strictSame(count(replies), { 200: 1, 400: 1 });
  });

  t.test("a request that names a resource server is refused, and uses no ticket up", async (t) => {
    const text = await ticket();
    t.equal((await ask(server, text, { resource: server.core.issuer })).json.error, "invalid_target");
    t.equal((await ask(server, text)).status, 200);
  });

  t.test("UM-04 the new ticket belongs to the same client", async (t) => {
    const bobs = await register(server, photos);
    await allow(server, photos, [bobs], { users: ["user-bob"] });
    const next = (await ask(server, await ticketFor(server, photos, { [bobs]: ["view"] }))).json.ticket;
    t.equal((await ask(server, next, {}, "other-printer")).json.error, "invalid_grant");
    t.equal((await ask(server, next)).json.error, "need_info", "and it was not used up by the attempt");
  });

  t.test("UM-04 expired, guessed and garbled tickets are refused in the words of each dialect", async (t) => {
    const late = await ticket();
    const id = /^jtk_(.{22})/.exec(late)![1]!;
    clock.advance(300);
    const table = [
      { text: late, says: "the ticket is expired", sis: "expired_ticket" },
      { text: `jtk_${id}.${"A".repeat(43)}`, says: `the ticket jtk_${id} doesn't exist`, sis: "invalid_ticket" },
      { text: "garbage", says: "the ticket garbage doesn't exist", sis: "invalid_ticket" },
    ];
    for (const { text, says, sis: word } of table) {
      const standard = await ask(server, text);
      t.match(
        { status: standard.status, ...standard.json },
        { status: 400, error: "invalid_grant", error_description: says },
      );
      const answer = await sis(text);
      t.strictSame([answer.status, answer.json], [400, { error: word, error_description: says, error_uri: null }]);
    }
  });

  t.test("the largest ticket becomes a readable token, also in a dialect that writes it twice", async (t) => {
    const later = await pat(server);
    const names = Array.from({ length: 100 }, (_, n) => `${"s".repeat(60)}${n}`);
    const wide = await register(server, later, { resource_scopes: names });
    await allow(server, later, [wide], { clients: ["printer"], not_after: after(clock, 60).toISOString() });
    const request = (count: number) =>
      json(server, "POST", "/uma/permissions", { resource_id: wide, resource_scopes: names.slice(0, count) }, later);
    t.match((await request(70)).json, { error_description: "the permissions do not fit into one token" });
    const most = await request(60);
    const { access_token } = (await sis(most.json.ticket)).json;
    t.ok(access_token.length < 16_000);
    t.equal((await introspect(server, access_token)).json.permissions[0].resource_scopes.length, 60);

    const many = await Promise.all(
      Array.from({ length: 59 }, () => register(server, later, { resource_scopes: ["view", "print"] })),
    );
    await allow(server, later, many, { clients: ["printer"], not_after: after(clock, 60).toISOString() });
    const all = () => ticketFor(server, later, Object.fromEntries(many.map((id) => [id, ["view"]])));
    t.ok((await sis(await all())).json.access_token.length < 16_000);
    t.match((await ask(server, await all(), { scope: "print" })).json, {
      error: "invalid_request",
      error_description: "the permissions do not fit into one token",
    });
  });

  t.test("a missing ticket and a negative decision are answered in the words of SimpleIdentityServer", async (t) => {
    const later = await pat(server);
    const closed = await register(server, later);
    const missing = await server.post(SIS, { grant_type: "uma_ticket" }, basic("printer", SECRET));
    t.match(
      [missing.status, missing.json],
      [400, { error: "invalid_request", error_description: "the parameter ticket needs to be specified" }],
    );
    const denied = await sis(await ticketFor(server, later, { [closed]: ["view"] }));
    t.strictSame(
      [denied.status, denied.json],
      [
        400,
        { error: "invalid_grant", error_description: "the authorization policy is not satisfied", error_uri: null },
      ],
    );
    const granted = await sis(await ticketFor(server, later, { [photo]: ["view"] }));
    t.equal(granted.status, 200);
    t.match(granted.json, { id_token: null, refresh_token: null, token_type: "Bearer" });
    t.strictSame(granted.json.scope, ["openid"]);
    t.strictSame(payloadOf(granted.json.access_token).ticket, [{ resource_id: photo, scopes: "view" }]);
  });

  t.test("the scope parameter adds scopes that the client is registered for", async (t) => {
    const later = await pat(server);
    const granted = await ask(server, await ticketFor(server, later, { [photo]: ["view"] }), { scope: "print delete" });
    t.strictSame(payloadOf(granted.json.access_token).permissions, [
      { resource_id: photo, resource_scopes: ["view", "print"] },
    ]);
    const foreign = await ask(server, await ticketFor(server, later, { [photo]: ["view"] }), { scope: "Print" });
    t.match(foreign.json, { error: "invalid_scope", error_description: "none of the resources has the scopes Print" });
  });
});

t.test("introspection evaluates the policies again", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: PARTIES, clock });
  const photos = await pat(server, "photos", "user-alice");
  const [one, two] = [await register(server, photos), await register(server, photos)] as const;
  const policy = await allow(server, photos, [one, two], { roles: ["editor"] });
  const claim = { claim_token: await idToken(server), claim_token_format: FORMAT };
  const get = async (resources: Record<string, string[]>, form: object = {}) =>
    (await ask(server, await ticketFor(server, photos, resources), { ...claim, ...form })).json;
  const held = async (token: string) => (await introspect(server, token)).json.permissions;
  const token = (await get({ [one]: ["view"], [two]: ["view"] })).access_token;

  t.test("only its resource server learns the permissions, with its secret or its PAT", async (t) => {
    const said = await introspect(server, token);
    t.match(said.json, {
      active: true,
      aud: "photos",
      username: "bob",
      permissions: [
        { resource_id: one, resource_scopes: ["view"] },
        { resource_id: two, resource_scopes: ["view"] },
      ],
    });
    const byToken = await server.post("/oauth2/introspect", { token }, { ...photos });
    t.strictSame(byToken.json, said.json);
    t.strictSame((await introspect(server, token, "other-server")).json, { active: false });
    const sis = await server.post("/introspect", { token }, basic("photos", SECRET));
    t.strictSame(sis.json.permissions[0], { resource_set_id: one, scopes: ["view"] });
  });

  t.test("a client without the UMA grant has no permissions, and the log names the rules", async (t) => {
    await allow(server, photos, [one], { clients: ["no-printer", "other-printer"], scopes: ["print"] });
    const issued = async (client_id: string) => {
      const client = (await server.core.registry.find(client_id))!;
      const permissions = [{ resource_id: one, resource_scopes: ["print"] }];
      const rpt = { permissions, audience: "photos", lifetime: 300 };
      return (
        await server.core.accessTokens.issue({ client, scope: [], spelling: { idTokenCarriesClaims: false }, rpt })
      ).text;
    };
    t.equal((await introspect(server, await issued("other-printer"))).json.active, true);
    const line = server.log.findLast(({ operation }) => operation === "introspect")!.uma as {
      readonly resources: readonly { readonly rules: readonly string[] }[];
    };
    t.match(line, { outcome: "granted", resources: [{ resource_id: one, granted: ["print"] }] });
    t.strictSame(line.resources[0]!.rules.map((told) => told.split(" ").at(-1)).sort(), ["needs_claims", "passes"]);
    t.strictSame((await introspect(server, await issued("no-printer"))).json, { active: false });
  });

  t.test("a removed role counts with the next request", async (t) => {
    await sql(server.database, "UPDATE users SET roles = '{user}' WHERE sub = 'user-bob'");
    t.strictSame((await introspect(server, token)).json, { active: false });
    await sql(server.database, "UPDATE users SET roles = '{editor}' WHERE sub = 'user-bob'");
    t.equal((await held(token)).length, 2);
  });

  t.test("UM-15 a deleted resource disappears from tokens and tickets", async (t) => {
    const gone = await register(server, photos);
    await allow(server, photos, [gone], { roles: ["editor"] });
    const both = (await get({ [one]: ["view"], [gone]: ["view"] })).access_token;
    const ticket = await ticketFor(server, photos, { [gone]: ["view"] });
    t.equal((await json(server, "DELETE", `/uma/resources/${gone}`, undefined, photos)).status, 204);
    t.strictSame(await held(both), [{ resource_id: one, resource_scopes: ["view"] }]);
    t.equal((await ask(server, ticket, claim)).json.error, "request_denied");
  });

  t.test("UM-10 a token is upgraded only by its own client, for its own party, while it is active", async (t) => {
    const rpt = (await get({ [one]: ["view"] })).access_token;
    const more = await get({ [one]: ["print"], [two]: ["view"] }, { rpt });
    t.equal(more.upgraded, true);
    t.strictSame((await introspect(server, rpt)).json, { active: false }, "the token before ends");
    t.notOk((await get({ [two]: ["view"] }, { rpt })).upgraded, "and is upgraded once");
    t.strictSame(payloadOf(more.access_token).permissions, [
      { resource_id: one, resource_scopes: ["print", "view"] },
      { resource_id: two, resource_scopes: ["view"] },
    ]);
    const live = (await get({ [one]: ["view"] })).access_token;
    const carols = { claim_token: await idToken(server, "user-carol"), claim_token_format: FORMAT };
    const all = await register(server, photos);
    await allow(server, photos, [all], { clients: ["printer", "other-printer"] });
    const foreign: Record<string, [object, string]> = {
      "another client": [{ claim_token: await idToken(server, "user-bob", "other-printer") }, "other-printer"],
      "another party": [carols, "printer"],
      "no party": [{ claim_token: undefined }, "printer"],
    };
    for (const [name, [form, client_id]] of Object.entries(foreign)) {
      const reply = await ask(
        server,
        await ticketFor(server, photos, { [all]: ["view"] }),
        { ...claim, ...form, rpt: live },
        client_id,
      );
      t.match(reply, { status: 200 }, name);
      t.notOk(reply.json.upgraded, name);
      t.strictSame(
        payloadOf(reply.json.access_token).permissions,
        [{ resource_id: all, resource_scopes: ["view"] }],
        name,
      );
    }
    await server.post("/oauth2/revoke", { token: live }, basic("printer", SECRET));
    t.notOk((await get({ [two]: ["view"] }, { rpt: live })).upgraded, "a revoked one is not");
    t.notOk((await get({ [two]: ["view"] }, { rpt: "garbage" })).upgraded);
    const late = (await get({ [one]: ["view"] })).access_token;
    clock.advance(301);
    const form = { claim_token: await idToken(server), claim_token_format: FORMAT, rpt: late };
    t.notOk((await ask(server, await ticketFor(server, await pat(server), { [two]: ["view"] }), form)).json.upgraded);
  });

  t.test("an earlier token does not influence the decision, and is upgraded as a whole or not at all", async (t) => {
    const later = await pat(server, "photos", "user-alice");
    const claimed = { claim_token: await idToken(server), claim_token_format: FORMAT };
    const request = (resources: Record<string, string[]>, form: object = {}) =>
      ticketFor(server, later, resources).then((ticket) => ask(server, ticket, { ...claimed, ...form }));
    const allowed = async (...rules: object[]) => {
      const id = await register(server, later);
      if (rules.length > 0) await allow(server, later, [id], ...rules);
      return id;
    };
    const rpt = (await request({ [one]: ["view"] })).json.access_token;
    const closed = await allowed();
    const consented = await allowed({ clients: ["printer"], consent_needed: true });
    const outcomeOf = async (id: string) => (await request({ [id]: ["view"] }, { rpt })).json.error;
    t.strictSame(await Promise.all([closed, consented].map(outcomeOf)), ["request_denied", "request_submitted"]);

    const alone = await register(server, later, { resource_scopes: ["view", "print", "fly"] });
    const rule = await allow(server, later, [alone], { clients: ["printer"] });
    const unknown = { claim_token: undefined, claim_token_format: undefined };
    const own = (await request({ [alone]: ["view"] }, unknown)).json.access_token;
    t.equal((await request({ [one]: ["view"] }, { ...unknown, rpt: own })).json.error, "need_info");

    const open = await allowed({ clients: ["printer"] });
    const beyond = await request({ [open]: ["view"] }, { ...unknown, rpt: own, scope: "fly" });
    t.equal(beyond.json.error, "invalid_scope");
    const wider = await request({ [open]: ["view"] }, { ...unknown, rpt: own, scope: "print" });
    t.strictSame(
      payloadOf(wider.json.access_token).permissions,
      [
        { resource_id: open, resource_scopes: ["view", "print"] },
        { resource_id: alone, resource_scopes: ["view"] },
      ],
      "a scope is about the resources of the ticket",
    );
    await json(server, "DELETE", `/uma/policies/${rule}`, undefined, later);
    const rest = (await request({ [open]: ["print"] }, { ...unknown, rpt: wider.json.access_token })).json;
    t.strictSame(
      [rest.upgraded, payloadOf(rest.access_token).permissions],
      [undefined, [{ resource_id: open, resource_scopes: ["print"] }]],
    );
  });

  t.test("UM-14 a deleted policy counts with the next request", async (t) => {
    const later = await pat(server, "photos", "user-alice");
    const claimed = { claim_token: await idToken(server), claim_token_format: FORMAT };
    const fresh = (await ask(server, await ticketFor(server, later, { [one]: ["view"] }), claimed)).json.access_token;
    t.equal((await held(fresh)).length, 1);
    t.equal((await json(server, "DELETE", `/uma/policies/${policy}`, undefined, later)).status, 204);
    t.strictSame((await introspect(server, fresh)).json, { active: false });
  });
});

function count(replies: readonly Reply[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of replies) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
