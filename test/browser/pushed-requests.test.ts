import t from "tap";
import { openSweep } from "../../src/store/sweep.js";
import { authorizationAt } from "../support/authorization.js";
import { TestClock } from "../support/clock.js";
import { sql } from "../support/database.js";
import { SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Instance } from "../support/instance.js";
import { answerOf, Browser, formOf, pkce, query } from "../support/web.js";
import { authorize, BOB, CALLBACK, change, exchange, loggedIn, WEB } from "../support/web-fleet.js";

/** Pushed authorization requests (RFC 9126). */

const PAR = "/oauth2/par";
const LIFETIME = 90;
const INTERACTION = 15 * 60;

const clock = new TestClock();
const app = WEB.clients.find(({ client_id }) => client_id === "web")!;
const server = await startInstance(t, {
  provision: {
    ...WEB,
    clients: [
      ...WEB.clients,
      { ...app, client_id: "pushing", consent: "implicit", require_pushed_authorization_requests: true },
    ],
  },
  clock,
});
const { refusedHere, toldClient } = authorizationAt(server);
const alice = await loggedIn(server);
const { verifier, challenge } = pkce();

const REQUEST = { response_type: "code", redirect_uri: CALLBACK, scope: "openid profile", state: "s" };
const UNKNOWN = "the request_uri is unknown, or it has expired";
const ANSWERED = "the request_uri has been answered already";

/** The number of rows of a table. */
async function countOf(table: string): Promise<number> {
  const [row] = await sql(server.database, `SELECT count(*)::int AS n FROM ${table}`);
  return row!.n as number;
}

const push = (parameters: Form = {}, as: Record<string, string> = basic("trusted", SECRET), at: Instance = server) =>
  at.post(PAR, { ...REQUEST, ...parameters }, as);

/** The address that a client sends a browser to. */
const addressOf = (request_uri: string, more: Form = {}) =>
  `/oauth2/authorize?${query({ client_id: "trusted", request_uri, ...more })}`;

async function pushed(parameters: Form = {}, more: Form = {}): Promise<string> {
  return addressOf((await push(parameters)).json.request_uri, more);
}

t.test("a pushed request is answered like one whose parameters a browser brings", async (t) => {
  const reply = await push({ ...challenge });
  t.equal(reply.status, 201);
  t.strictSame(Object.keys(reply.json), ["request_uri", "expires_in"]);
  t.match(reply.json, { request_uri: /^urn:ietf:params:oauth:request_uri:[\w-]{22}$/, expires_in: LIFETIME });
  t.equal(reply.headers.get("cache-control"), "no-store");

  const { code, state } = answerOf(await alice.get(addressOf(reply.json.request_uri)));
  t.equal(state, "s");
  const form = { code: code!, code_verifier: verifier };
  t.match((await exchange(server, form, basic("trusted", SECRET))).json, { scope: "openid profile" });
});

t.test("parameters beside a request_uri are ignored", async (t) => {
  const beside = { redirect_uri: "https://evil.example/", scope: "api1", state: "other", response_mode: "fragment" };
  const reply = await alice.get(await pushed({}, beside));
  t.match(answerOf(reply), { code: String, state: "s" });
  t.ok(reply.headers.get("location")!.startsWith(`${CALLBACK}?`));
});

t.test("the client authenticates as at the token endpoint, and a public client sends its client_id", async (t) => {
  t.match(await push({}, {}), { status: 401, json: { error: "invalid_client" } });
  t.match(await push({}, basic("trusted", "wrong")), { status: 401, json: { error: "invalid_client" } });
  t.match(await push({ client_id: "trusted", client_secret: SECRET }, {}), { status: 201 });
  t.match(await push({ client_id: "web" }), { status: 400, json: { error: "invalid_request" } });
  t.match(await push({ client_id: "spa", ...challenge }, {}), { status: 201 });
});

/** What the authorization endpoint refuses is refused here, before a user is sent anywhere. */
const REFUSED: readonly (readonly [string, Form, string])[] = [
  ["an unregistered redirect_uri", { redirect_uri: "https://app.example/unknown" }, "invalid_request"],
  ["a request_uri", { request_uri: "urn:ietf:params:oauth:request_uri:x" }, "invalid_request"],
  ["a response_type that is unknown", { response_type: "token" }, "unsupported_response_type"],
  ["no response_type", { response_type: undefined }, "invalid_request"],
  ["a scope that the client does not have", { scope: "docs" }, "invalid_scope"],
  ["a PKCE method that is unknown", { ...challenge, code_challenge_method: "plain" }, "invalid_request"],
  ["a malformed prompt", { prompt: "none login" }, "invalid_request"],
];
for (const [what, parameters, error] of REFUSED) {
  t.test(`pushing ${what} is refused`, async (t) => {
    const before = await countOf("pushed_requests");
    t.match(await push(parameters), { status: 400, json: { error } });
    t.equal(await countOf("pushed_requests"), before);
  });
}

t.test("no credential of the client is stored with its request", async (t) => {
  await push({ client_id: "trusted", client_secret: SECRET, unknown: "x" }, {});
  const [row] = await sql(server.database, "SELECT parameters FROM pushed_requests ORDER BY expires_at DESC LIMIT 1");
  t.notMatch(JSON.stringify(row), new RegExp(`${SECRET}|unknown`));
});

t.test("PR-01 another client, a changed and an invented request_uri get a page and no redirect", async (t) => {
  const { request_uri } = (await push()).json;
  await refusedHere(t, await alice.get(addressOf(request_uri, { client_id: "web" })), UNKNOWN);
  const other = request_uri.replace(/.$/, (last: string) => (last === "A" ? "B" : "A"));
  for (const uri of [other, `${request_uri}A`, "urn:ietf:params:oauth:request_uri:", `${request_uri}\u0000`])
    await refusedHere(t, await alice.get(addressOf(uri)), /request_uri is unknown|body/);
  t.match(answerOf(await alice.get(addressOf(request_uri))), { code: String }, "and its client can still use it");
});

t.test("PR-02 a request_uri gets one answer", async (t) => {
  for (const [kind, parameters, answer] of [
    ["a code", {}, { code: String }],
    ["an error", { prompt: "none", max_age: "0" }, { error: "login_required" }],
  ] as const) {
    const address = await pushed(parameters);
    t.match(answerOf(await alice.get(address)), answer, kind);
    const again = await alice.get(address);
    await refusedHere(t, again, ANSWERED);
    t.match(again.text, /id="app"[^>]*href="https:\/\/app\.example"|href="https:\/\/app\.example/, "with a way back");
  }
});

t.test("PR-03 a request_uri expires after 90 seconds without a browser", async (t) => {
  const [first, second] = [await pushed(), await pushed()];
  clock.advance(LIFETIME - 1);
  t.match(answerOf(await alice.get(first)), { code: String });
  clock.advance(1);
  await refusedHere(t, await alice.get(second), UNKNOWN);
});

t.test("PR-04 of many tabs of one request on two instances one gets an answer", async (t) => {
  const second = await startInstance(t, { database: server.database, clock, env: { ISSUER: server.core.issuer } });
  const address = await pushed({ prompt: "login" });
  const tabs = await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const browser = new Browser(index % 2 === 0 ? server : second);
      const { action, values } = formOf(await browser.open(address), "login");
      const done = await browser.post(action, { ...values, ...BOB, action: "login" });
      return () => browser.get(done.headers.get("location")!);
    }),
  );
  const before = await countOf("grants");
  const replies = await Promise.all(tabs.map((finish) => finish()));
  t.equal(replies.filter(({ headers }) => headers.get("location")?.startsWith(`${CALLBACK}?code=`)).length, 1);
  t.equal(replies.filter(({ text }) => text.includes(ANSWERED)).length, 7);
  t.equal(await countOf("grants"), before + 1);
});

t.test("PR-05 a client that must push is refused without, and no setting of a request changes that", async (t) => {
  const plain = { client_id: "pushing" };
  await toldClient(t, await alice.get(authorize(plain)), {
    error: "invalid_request",
    error_description: "the client must push its authorization requests",
    state: "s",
  });
  const foreign = await alice.get(authorize({ ...plain, request_uri: "https://app.example/r.jwt" }));
  t.match(answerOf(foreign), { error: "request_uri_not_supported" });
  const { request_uri } = (await push({}, basic("pushing", SECRET))).json;
  t.match(answerOf(await alice.get(addressOf(request_uri, plain))), { code: String });
});

t.test("PR-06 a permission that the client lost after the push is refused", async (t) => {
  const address = await pushed();
  await change(server, "trusted", { redirect_uris: ["https://app.example/new"] });
  await refusedHere(t, await alice.get(address), /redirect_uri is not registered/);
  await change(server, "trusted", { redirect_uris: [CALLBACK] });
});

t.test("a user who reloads, goes back or opens a second tab is not stranded", async (t) => {
  const address = await pushed();
  const browser = new Browser(server);
  await browser.open(address);
  clock.advance(LIFETIME);
  const reloaded = await browser.open(address);
  t.ok(formOf(reloaded, "login"), "the login is shown again, although nobody else could begin now");
  clock.advance(INTERACTION - LIFETIME - 1);
  const late = await browser.open(address);
  t.match(answerOf(await browser.submit(late, "login", { ...BOB, action: "login" })), { code: String });
  await refusedHere(t, await browser.get(address), ANSWERED);
  const left = await browser.get(formOf(late, "login").action);
  await refusedHere(t, left, /you signed in and were sent on/);
  t.match(left.text, /href="https:\/\/app\.example"/, "the page leads back to the app");
  t.notMatch(left.text, 'id="again"', "and not to the request, which has its answer");

  const other = new Browser(server);
  const abandoned = await pushed();
  await other.open(abandoned);
  clock.advance(INTERACTION);
  await refusedHere(t, await other.get(abandoned), UNKNOWN);
});

t.test("the sweep deletes pushed requests an hour after they expired", async (t) => {
  await push();
  clock.advance(LIFETIME + 60 * 60 - 1);
  await openSweep(server.core.db)(clock.statement());
  t.ok((await countOf("pushed_requests")) > 0);
  clock.advance(INTERACTION + 60 * 60);
  await openSweep(server.core.db)(clock.statement());
  t.equal(await countOf("pushed_requests"), 0);
});

t.test("PR-07 a network pushes 1,000 requests of public clients in a quarter of an hour", async (t) => {
  const asAnyone = () => push({ client_id: "spa", ...challenge }, {});
  t.equal((await asAnyone()).status, 201);
  await sql(server.database, "UPDATE tries SET count = 999");
  t.equal((await asAnyone()).status, 201);
  t.match(await asAnyone(), { status: 429, json: { error: "temporarily_unavailable" } });
  t.equal((await push()).status, 201, "a client that authenticates is not held up");
});

t.test("metadata names the endpoint in the dialect that has it", async (t) => {
  const { json } = await server.send("/.well-known/oauth-authorization-server");
  t.match(json, {
    pushed_authorization_request_endpoint: `${server.core.issuer}${PAR}`,
    require_pushed_authorization_requests: false,
    request_uri_parameter_supported: false,
  });
});
