import type { RequestListener } from "node:http";
import t from "tap";
import { openSweep } from "../../src/store/sweep.js";
import { freshFor } from "../../src/outbound/freshness.js";
import { asserted, claimsOf, ecdsa, jws } from "../support/assertions.js";
import { TestClock } from "../support/clock.js";
import { runCommand } from "../support/commands.js";
import { sql } from "../support/database.js";
import { dpopKey, type DpopKey } from "../support/dpop.js";
import { ALICE, FLEET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { startOwnHost } from "../support/own-host.js";
import { answerOf, Browser, pkce, query } from "../support/web.js";

/** Clients whose client_id is the URL of their metadata document. */

const CALLBACK = "http://127.0.0.1:33418/cb";
const DAY = 24 * 60 * 60;

const host = await startOwnHost(t);
const { origin } = host;

const clock = new TestClock();
const env = {
  CLIENT_ID_METADATA_DOCUMENTS: "on",
  REGISTRATION_SCOPES: "openid profile offline_access",
  JWKS_URI_ALLOW_PRIVATE: "true",
  TRUST_PROXY: "127.0.0.1/32",
};
const server = await startInstance(t, { provision: { users: FLEET.users }, clock, env });
const { database } = server;

let urls = 0;
const newUrl = () => `${origin}/client-${(urls += 1)}.json`;

const describe = (client_id: string, more: object = {}) => ({
  client_id,
  client_name: "Editor",
  redirect_uris: [CALLBACK],
  token_endpoint_auth_method: "none",
  grant_types: ["authorization_code", "refresh_token"],
  ...more,
});

const serve =
  (document: unknown, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    response
      .writeHead(200, { "Content-Type": "application/json", ...headers })
      .end(typeof document === "string" ? document : JSON.stringify(document));

/** Sends a browser of Alice to the authorization endpoint, from a network of its own. */
async function visit(client_id: string, network = `198.18.1.${(urls += 1) % 250}`) {
  const browser = new Browser(server);
  const { verifier, challenge } = pkce();
  const asks = { client_id, redirect_uri: CALLBACK, response_type: "code", scope: "openid", ...challenge };
  const headers = { "X-Forwarded-For": network };
  const first = await browser.get(`/oauth2/authorize?${query(asks)}`, headers);
  if (first.status !== 303) return { page: first, browser, verifier };
  let page = await browser.open(first.headers.get("location")!);
  if (page.text.includes('id="login"')) page = await browser.submit(page, "login", { ...ALICE, action: "login" });
  return { page, browser, verifier };
}

async function reasonFor(client_id: string): Promise<unknown> {
  const { page } = await visit(client_id);
  t.equal(page.status, 400);
  return server.log.findLast((line) => line.operation === "authorize")?.reason;
}

t.test("a client is known by its document, and its user sees the host", async (t) => {
  const client_id = newUrl();
  host.answer = serve(describe(client_id), { "Cache-Control": "max-age=600" });
  const { page, browser, verifier } = await visit(client_id);
  t.match(page.text, /id="unverified"/);
  t.match(page.text, new RegExp(`id="host">.*<bdi>${new URL(origin).host}</bdi>`));
  const { code } = answerOf(await browser.submit(page, "consent", { action: "allow" }));
  const form = { grant_type: "authorization_code", client_id, code, redirect_uri: CALLBACK, code_verifier: verifier };
  const tokens = await server.post("/oauth2/token", form);
  t.match(tokens.json, { access_token: String, refresh_token: String });
  const before = host.asked;
  clock.advance(599);
  await visit(client_id);
  t.equal(host.asked, before, "its headers say for how long it counts");
  host.answer = serve(describe(client_id, { redirect_uris: ["https://elsewhere.example/cb"] }));
  clock.advance(2);
  t.match((await visit(client_id)).page.text, /redirect/, "then it is fetched again, and what it says counts");
  t.equal(host.asked, before + 1);
  const refreshed = { grant_type: "refresh_token", client_id, refresh_token: tokens.json.refresh_token };
  t.equal((await server.post("/oauth2/token", refreshed)).status, 200, "tokens need no document");

  await runCommand(server, ["client", "disable", client_id]);
  await server.apply({});
  clock.advance(2 * DAY);
  host.answer = serve(describe(client_id));
  t.equal((await visit(client_id)).page.status, 400);
  t.equal(host.asked, before + 1, "an operator's word ends it, and nothing is fetched any more");
});

t.test(
  "CD-01 a document that is not the client's, or has a secret or more than a stranger may have, is not used",
  async (t) => {
    const rows: readonly (readonly [RegExp, (client_id: string) => RequestListener])[] = [
      [/another client_id/, () => serve(describe(`${origin}/another.json`))],
      [/a secret/, (id) => serve(describe(id, { client_secret: "hello" }))],
      [/shared secret/, (id) => serve(describe(id, { token_endpoint_auth_method: "client_secret_post" }))],
      [/redirect URIs/, (id) => serve(describe(id, { redirect_uris: ["http://app.example/cb"] }))],
      [/grant_types/, (id) => serve(describe(id, { grant_types: ["password"] }))],
      [/jwks/, (id) => serve(describe(id, { token_endpoint_auth_method: "private_key_jwt" }))],
      [/not JSON/, () => serve("<html>")],
      [/repeated/, (id) => serve(`{"client_id":"x","client_id":"${id}"}`)],
      [/not JSON/, (id) => serve(describe(id), { "Content-Type": "text/html" })],
      [/answered 404/, () => (_request, response) => response.writeHead(404).end()],
      [/redirect/, () => (_request, response) => response.writeHead(302, { Location: `${origin}/x` }).end()],
      [/longer than/, (id) => serve(describe(id, { padding: "x".repeat(20_000) }))],
    ];
    for (const [reason, listener] of rows) {
      const client_id = newUrl();
      host.answer = listener(client_id);
      t.match(await reasonFor(client_id), reason);
      const before = host.asked;
      host.answer = serve(describe(client_id));
      t.match(await reasonFor(client_id), reason, "it is not fetched again so soon");
      t.equal(host.asked, before);
    }
    t.strictSame(
      await sql(database, "SELECT client_id FROM clients WHERE registered_by = 'document' AND NOT disabled"),
      [],
    );
  },
);

t.test("CD-02 a URL in another form than a client_id may have is never fetched", async (t) => {
  const before = host.asked;
  host.answer = serve({});
  for (const url of [
    origin,
    `${origin}/`,
    `${origin}/a/../client.json`,
    `${origin}/client.json#fragment`,
    `${origin.replace("http:", "HTTP:")}/client.json`,
    `${origin.replace("//", "//user:password@")}/client.json`,
    "file:///etc/passwd",
    "urn:client",
  ]) {
    t.equal((await visit(url)).page.status, 400, url);
  }
  const strict = await startInstance(t, { database, clock, env: { ...env, JWKS_URI_ALLOW_PRIVATE: "false" } });
  const asks = (client_id: string) => query({ client_id, redirect_uri: CALLBACK, response_type: "code" });
  for (const url of [newUrl(), "https://127.0.0.1/client.json", "https://169.254.169.254/client.json"]) {
    t.equal((await strict.send(`/oauth2/authorize?${asks(url)}`)).status, 400);
  }
  const off = await startInstance(t, { database, clock });
  t.equal((await off.send(`/oauth2/authorize?${asks(newUrl())}`)).status, 400);
  t.equal(host.asked, before, "and no server was called");
  const announced = async (at: typeof server) =>
    (await at.send("/.well-known/oauth-authorization-server")).json.client_id_metadata_document_supported;
  t.equal(await announced(server), true);
  t.equal(await announced(off), undefined);
});

t.test("CD-03 many requests fetch a document once, and a network fetches a limited number", async (t) => {
  const client_id = newUrl();
  host.answer = serve(describe(client_id));
  const before = host.asked;
  const token = () => server.post("/oauth2/token", { grant_type: "authorization_code", code: "x", client_id });
  const replies = await Promise.all(Array.from({ length: 8 }, token));
  t.ok(
    replies.every(({ json }) => json.error === "invalid_grant"),
    "it is a known client",
  );
  t.equal(host.asked, before + 1);

  const counter = { on: "client documents of a network", id: "203.0.113.7" } as const;
  for (let count = 0; count < 60; count += 1) await server.core.rateLimits.consume(counter);
  t.equal((await visit(newUrl(), "203.0.113.7")).page.status, 429);
  t.equal(host.asked, before + 1);
});

t.test("CD-04 a client of a document that no person has used is deleted after a day", async (t) => {
  const client_id = newUrl();
  host.answer = serve(describe(client_id));
  await visit(client_id);
  const rows = () => sql(database, `SELECT FROM clients WHERE client_id = '${client_id}'`);
  t.equal((await rows()).length, 1);
  clock.advance(DAY + 1);
  await openSweep(server.core.db)(clock.statement());
  t.equal((await rows()).length, 0);
});

t.test("CD-05 a client replaces the key in its document, and no user has to log in again", async (t) => {
  const client_id = newUrl();
  const [first, second] = [dpopKey(), dpopKey()];
  const withKey = ({ jwk }: DpopKey) =>
    describe(client_id, { token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [jwk] } });
  const signed = ({ privateKey }: DpopKey, form: Record<string, string>) => {
    const claims = claimsOf(client_id, server.core.issuer, clock.now());
    return server.post("/oauth2/token", asserted(jws({ alg: "ES256" }, claims, ecdsa(privateKey)), form));
  };
  host.answer = serve(withKey(first));
  const { page, browser, verifier } = await visit(client_id);
  const { code } = answerOf(await browser.submit(page, "consent", { action: "allow" }));
  const redeeming = { grant_type: "authorization_code", code: code!, redirect_uri: CALLBACK, code_verifier: verifier };
  const tokens = await signed(first, redeeming);
  t.equal(tokens.status, 200);
  const before = host.asked;
  let { refresh_token } = tokens.json;
  const refresh = async (key: DpopKey) => {
    const reply = await signed(key, { grant_type: "refresh_token", refresh_token });
    refresh_token = reply.json.refresh_token ?? refresh_token;
    return reply;
  };

  host.answer = serve(withKey(second));
  clock.advance(59 * 60);
  t.equal((await refresh(first)).status, 200, "a document that is not due is not read again");
  t.equal(host.asked, before);
  clock.advance(61);
  t.equal((await refresh(first)).json.error, "invalid_client", "a key that was taken back");
  t.equal((await refresh(second)).status, 200, "the key in its place");
  t.equal(host.asked, before + 1);

  host.answer = (_request, response) => response.writeHead(503).end();
  clock.advance(61 * 60);
  t.equal((await refresh(second)).status, 200, "a host that fails logs no user out");
  t.equal((await refresh(first)).json.error, "invalid_client");
  t.equal(host.asked, before + 2, "and is not asked again so soon");
});

t.test("how long a document counts follows from its headers", async (t) => {
  const bounds = { min: 60, max: 1000, otherwise: 300 };
  const rows: readonly (readonly [Record<string, string>, number])[] = [
    [{}, 300],
    [{ "cache-control": "public, max-age=500" }, 500],
    [{ "cache-control": "max-age=500", age: "100" }, 400],
    [{ "cache-control": "max-age=5" }, 60],
    [{ "cache-control": "max-age=99999" }, 1000],
    [{ "cache-control": "no-store, max-age=500" }, 60],
    [{ "cache-control": "no-cache" }, 60],
    [{ expires: "Thu, 01 Jan 2026 00:10:00 GMT", date: "Thu, 01 Jan 2026 00:00:00 GMT" }, 600],
    [{ expires: "0" }, 60],
  ];
  for (const [headers, seconds] of rows) t.equal(freshFor(headers, bounds), seconds, JSON.stringify(headers));
});
