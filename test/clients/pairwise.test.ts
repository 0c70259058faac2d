import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { decodeJwt } from "jose";
import * as client from "openid-client";
import t from "tap";
import { systemRandom } from "../../src/clock.js";
import { subjectFor } from "../../src/clients/subject.js";
import { MasterKey } from "../../src/keys/master-key.js";
import { runCommand } from "../support/commands.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form } from "../support/instance.js";
import { reason } from "../support/reason.js";
import { until } from "../support/until.js";
import { answerOf, Browser } from "../support/web.js";
import { authorize, CALLBACK, exchange, GOODBYE, loggedIn, walk } from "../support/web-fleet.js";

/** Clients that know their users by pairwise subjects (OpenID Connect Core section 8). */

const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const OTHER = "https://other.example/cb";
const APP = "com.example.app:/cb";
const PUBLIC_SUB = "user-alice";

/** What the host of clients answers, by path; and the logout tokens that it gets. */
const documents: Record<string, unknown> = {
  "/sector": [CALLBACK, APP, OTHER],
  "/narrow": [OTHER],
  "/object": { uris: [CALLBACK] },
};
const received: string[] = [];
const host = createServer(async (request, response) => {
  const body = new URLSearchParams(await text(request));
  if (body.has("logout_token")) received.push(body.get("logout_token")!);
  const document = documents[request.url!];
  const status = document === undefined && !body.has("logout_token") ? 404 : 200;
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(document));
});
host.listen(0, "127.0.0.1");
await once(host, "listening");
t.teardown(() => host.close());
const origin = `http://127.0.0.1:${(host.address() as AddressInfo).port}`;

const pair = (client_id: string, more: object = {}) => ({
  client_id,
  client_secret: SECRET,
  grant_types: ["authorization_code", "refresh_token", "password", DEVICE],
  scope: "openid profile api1 offline_access",
  redirect_uris: [CALLBACK],
  post_logout_redirect_uris: [GOODBYE],
  consent: "implicit",
  subject_type: "pairwise",
  ...more,
});

const framed = {
  frontchannel_logout_uri: "https://other.example/out",
  frontchannel_logout_session_required: true,
};

const server = await startInstance(t, {
  env: {
    JWKS_URI_ALLOW_PRIVATE: "true",
    REGISTRATION: "open",
    REGISTRATION_SCOPES: "openid profile",
    CLIENT_ID_METADATA_DOCUMENTS: "on",
    TRUST_PROXY: "127.0.0.1/32",
  },
  provision: {
    scopes: [{ name: "api1", audience: "https://api1.example" }],
    clients: [
      pair("one", { backchannel_logout_uri: `${origin}/logout`, frontchannel_logout_uri: "https://app.example/out" }),
      pair("same-host", { userinfo_signed_response_alg: "ES256" }),
      pair("elsewhere", { redirect_uris: [OTHER], ...framed }),
      pair("public", { subject_type: "public" }),
      { client_id: "api", client_secret: SECRET, audiences: ["https://api1.example"] },
      {
        client_id: "exchanger",
        client_secret: SECRET,
        grant_types: [EXCHANGE],
        scope: "api1",
        token_exchange: [{ kind: "impersonation", subject_clients: ["one"], scopes: ["api1"] }],
      },
    ],
    users: [{ sub: PUBLIC_SUB, preferred_username: "Alice", password: ALICE.password, name: "Alice Example" }],
  },
});

await server.apply({
  clients: [pair("sector", { redirect_uris: [CALLBACK, APP], sector_identifier_uri: `${origin}/sector` })],
});

type Tokens = Record<"id_token" | "access_token" | "refresh_token", string>;
const redirectOf = (id: string) => (id === "elsewhere" ? OTHER : CALLBACK);
const subOf = (id_token: string) => decodeJwt(id_token).sub!;

/** Signs the user of a browser in to a client. */
async function signIn(browser: Browser, client_id: string, form: Form = {}): Promise<Tokens> {
  const redirect_uri = redirectOf(client_id);
  const reply = await walk(
    browser,
    authorize({ client_id, redirect_uri, scope: "openid profile api1 offline_access", ...form }),
  );
  const answer = { code: answerOf(reply).code, redirect_uri };
  return (await exchange(server, answer, basic(client_id, SECRET))).json as Tokens;
}

const introspect = async (token: string, by: string) =>
  (await server.post("/oauth2/introspect", { token }, basic(by, SECRET))).json;
const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

const browser = await loggedIn(server);
const one = await signIn(browser, "one");
const sub = subOf(one.id_token);

t.test("clients of one sector know a user by one sub, which no other client knows", async (t) => {
  t.match(sub, /^[\w-]{43}$/);
  t.equal(subOf((await signIn(browser, "same-host")).id_token), sub);
  t.equal(subOf((await signIn(browser, "public")).id_token), PUBLIC_SUB);
  const others = [await signIn(browser, "elsewhere"), await signIn(browser, "sector")].map((one) =>
    subOf(one.id_token),
  );
  t.equal(new Set([sub, PUBLIC_SUB, ...others]).size, 4);
});

t.test("every answer to the client has the same sub, and none has the user's own", async (t) => {
  const refreshed = await server.post(
    "/oauth2/token",
    { grant_type: "refresh_token", refresh_token: one.refresh_token },
    basic("one", SECRET),
  );
  const password = await server.post(
    "/oauth2/token",
    { grant_type: "password", ...ALICE, scope: "openid" },
    basic("one", SECRET),
  );
  const codes = (await server.post("/oauth2/device_authorization", { scope: "openid" }, basic("one", SECRET))).json;
  const typed = await browser.submit(await browser.open("/device"), "device", {
    user_code: codes.user_code,
    action: "continue",
  });
  await browser.submit(typed, "consent", { action: "allow" });
  const device = await server.post(
    "/oauth2/token",
    { grant_type: DEVICE, device_code: codes.device_code },
    basic("one", SECRET),
  );
  const grants = { code: one, refresh: refreshed.json, password: password.json, device: device.json };
  for (const [name, tokens] of Object.entries(grants)) {
    t.equal(subOf(tokens.id_token), sub, name);
    t.match(tokens.access_token, /^jat_/, `PS-01 ${name}: an opaque access token shows no sub`);
    const claims = (await server.send("/oauth2/userinfo", bearer(tokens.access_token))).json;
    t.equal(claims.sub, sub, name);
    const seen = await introspect(tokens.access_token, "one");
    t.match(seen, { active: true, sub }, name);
    t.notOk("username" in seen, "PS-02 introspection has no other name of the user");
    t.notOk(JSON.stringify([tokens, claims, seen]).includes(PUBLIC_SUB), name);
  }
  const { access_token, refresh_token } = refreshed.json;
  const aboutRefresh = await introspect(refresh_token, "one");
  t.match(aboutRefresh, { active: true, sub });
  t.notOk("username" in aboutRefresh);
  t.match(await introspect(access_token, "api"), { sub: PUBLIC_SUB }, "a resource server knows users by their own sub");
  const signed = await signIn(browser, "same-host");
  t.equal(decodeJwt((await server.send("/oauth2/userinfo", bearer(signed.access_token))).text).sub, sub);
});

t.test("hints and the claims parameter are compared with the client's sub, and with no other", async (t) => {
  const silent = async (form: Form) =>
    answerOf(await browser.open(authorize({ client_id: "one", prompt: "none", ...form })));
  const claims = (value: string) => JSON.stringify({ id_token: { sub: { value } } });
  t.match(await silent({ id_token_hint: one.id_token }), { code: String });
  t.match(await silent({ claims: claims(sub) }), { code: String });
  t.match(await silent({ claims: claims(sub), id_token_hint: one.id_token }), { code: String });
  t.match(await silent({ claims: claims(PUBLIC_SUB) }), { error: "login_required" }, "PS-03 a guess proves nothing");
});

t.test("PS-04 two clients cannot join their users by the session", async (t) => {
  const sids = await Promise.all(
    ["one", "same-host", "elsewhere", "public"].map(async (id) => decodeJwt((await signIn(browser, id)).id_token).sid),
  );
  t.equal(sids[0], sids[1]);
  t.equal(new Set(sids).size, 3);
});

t.test("a logout is told to the client in its own names, and its hint ends the session", async (t) => {
  const another = await loggedIn(server);
  const tokens = await signIn(another, "one");
  const elsewhere = decodeJwt((await signIn(another, "elsewhere")).id_token);
  received.length = 0;
  const page = await another.open(`/oauth2/logout?id_token_hint=${tokens.id_token}`);
  t.match(page.text, /src="https:\/\/app\.example\/out"/);
  t.ok(page.text.includes(`sid=${elsewhere.sid as string}"`), "a frame gets the sid of its client");
  t.notMatch(page.text, /id="logout"/, "the person is not asked");
  await until("the client is told", () => received.length > 0);
  const { sid, sub } = decodeJwt(tokens.id_token);
  t.match(decodeJwt(received[0]!), { sub, sid });
  t.match((await another.open("/account")).text, /id="login"/);
  const asked = await browser.open(`/oauth2/logout?id_token_hint=${(await signIn(browser, "public")).id_token}x`);
  t.match(asked.text, /id="logout"/);
});

t.test("the sub stays when the master key changes, the server starts again, and keys are exchanged", async (t) => {
  const { master } = server.core;
  const registered = (await server.core.registry.find("one"))!;
  t.equal(subjectFor(master, registered, PUBLIC_SUB), sub);
  const before = new MasterKey(Buffer.alloc(32, 1));
  const after = new MasterKey(Buffer.alloc(32, 2), systemRandom, [Buffer.alloc(32, 1)]);
  const known = subjectFor(before, registered, PUBLIC_SUB);
  t.not(known, sub, "PS-05 another deployment has other names");
  after.useLasting(before.fingerprint, null);
  t.equal(subjectFor(after, registered, PUBLIC_SUB), known);
  const alone = new MasterKey(Buffer.alloc(32, 2));
  alone.useLasting(alone.fingerprint, after.sealLasting());
  t.equal(subjectFor(alone, registered, PUBLIC_SUB), known);
  const second = await startInstance(t, { database: server.database });
  const form = { grant_type: "password", ...ALICE, scope: "openid" };
  t.equal(subOf((await second.post("/oauth2/token", form, basic("one", SECRET))).json.id_token), sub);
});

t.test("PS-06 what would show the user's own sub is refused in a registration by the operator", async (t) => {
  const rows: readonly (readonly [string, object])[] = [
    ["access_token_format", { access_token_format: "jwt" }],
    ["grant_types", { grant_types: ["uma_ticket"] }],
    ["grant_types", { grant_types: [EXCHANGE] }],
    ["scope", { scope: "openid uma_protection" }],
    ["audiences", { audiences: ["https://api1.example"] }],
    ["dialects", { dialects: ["kii"] }],
    ["sector_identifier_uri", { redirect_uris: [CALLBACK, OTHER] }],
    ["sector_identifier_uri", { redirect_uris: [APP] }],
    ["sector_identifier_uri", { redirect_uris: ["http://localhost/cb"] }],
    ["sector_identifier_uri", { redirect_uris: [] }],
    ["sector_identifier_uri", { sector_identifier_uri: `${origin}/narrow` }],
    ["sector_identifier_uri", { sector_identifier_uri: `${origin}/object` }],
    ["sector_identifier_uri", { sector_identifier_uri: `${origin}/missing` }],
    ["sector_identifier_uri", { subject_type: "public", sector_identifier_uri: `${origin}/narrow` }],
  ];
  for (const [name, wrong] of rows) {
    const error = await reason(() => server.apply({ clients: [pair("wrong", wrong)] }));
    t.match((error as Error).message, name, JSON.stringify(wrong));
  }
  const update = (...flags: string[]) => runCommand(server, ["client", "update", "public", ...flags]);
  t.match(await update("--sector-identifier-uri", `${origin}/narrow`), /^sector-identifier-uri: must list/);
  t.match(await update("--subject-type", "pairwise", "--scope", "uma_claims"), /^scope: must/);
  const shown = await runCommand(server, ["client", "show", "one"]);
  t.match(shown, { subject_type: "pairwise", access_token_format: "opaque", dialects: ["oauth2"] });
});

t.test("PS-07 a token that another client exchanges for its own has the user's own sub only there", async (t) => {
  const form = {
    grant_type: EXCHANGE,
    subject_token: (await signIn(browser, "one")).access_token,
    subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
  };
  const { access_token } = (await server.post("/oauth2/token", form, basic("exchanger", SECRET))).json;
  t.match(await introspect(access_token, "api"), { sub: PUBLIC_SUB });
  t.strictSame(await introspect(access_token, "one"), { active: false });
});

let networks = 0;
function register(body: object) {
  networks += 1;
  const headers = { "Content-Type": "application/json", "X-Forwarded-For": `198.18.0.${networks}` };
  return server.send("/oauth2/register", { method: "POST", body: JSON.stringify(body), headers });
}

t.test("a client registers itself with pairwise subjects, and a document may ask for them", async (t) => {
  const asked = { redirect_uris: [CALLBACK], subject_type: "pairwise" };
  const { status, json } = await register(asked);
  t.equal(status, 201);
  t.match(json, { subject_type: "pairwise" });
  const { json: sectored } = await register({
    ...asked,
    redirect_uris: [CALLBACK, OTHER],
    sector_identifier_uri: `${origin}/sector`,
  });
  t.equal(sectored.sector_identifier_uri, `${origin}/sector`);
  const put = await server.send(new URL(sectored.registration_client_uri).pathname, {
    method: "PUT",
    body: JSON.stringify({ ...asked, client_id: sectored.client_id, sector_identifier_uri: `${origin}/narrow` }),
    headers: {
      "Content-Type": "application/json",
      Authorization: `Bearer ${sectored.registration_access_token}`,
    },
  });
  t.match(put.json, { error: "invalid_client_metadata", error_description: /sector_identifier_uri/ });
  const wrong = [
    { redirect_uris: [CALLBACK, OTHER] },
    { redirect_uris: ["http://127.0.0.1/cb"] },
    { sector_identifier_uri: `${origin}/narrow` },
    { sector_identifier_uri: `${origin}/missing` },
    { sector_identifier_uri: "file:///etc/passwd" },
  ];
  for (const one of wrong) {
    t.equal((await register({ ...asked, ...one })).json.error, "invalid_client_metadata", JSON.stringify(one));
  }
  const device = await register({ ...asked, grant_types: ["authorization_code", DEVICE] });
  t.equal(device.json.error, "invalid_client_metadata", "PS-08 a device needs no page of the host that it names");

  const visit = async (name: string, more: object) => {
    const client_id = `${origin}/${name}`;
    documents[`/${name}`] = { client_id, ...asked, ...more };
    const pkce = { code_challenge: "x".repeat(43), code_challenge_method: "S256" };
    await browser.open(authorize({ client_id, scope: "openid", ...pkce }));
    return (await server.core.registry.find(client_id))?.subject_type;
  };
  t.equal(await visit("client.json", { sector_identifier_uri: `${origin}/sector` }), "pairwise");
  t.equal(await visit("foreign.json", { sector_identifier_uri: `${origin}/narrow` }), undefined);
  t.equal(await visit("device.json", { grant_types: ["authorization_code", DEVICE] }), undefined);
});

t.test("openid-client signs in as a client with pairwise subjects", async (t) => {
  const issuer = new URL(server.core.issuer);
  const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks];
  const config = await client.discovery(issuer, "one", {}, client.ClientSecretBasic(SECRET), { execute });
  t.strictSame(config.serverMetadata().subject_types_supported, ["public", "pairwise"]);
  const verifier = client.randomPKCECodeVerifier();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope: "openid profile",
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    id_token_hint: one.id_token,
  });
  const reply = await browser.open(url.pathname + url.search);
  const answer = new URL(reply.headers.get("location")!);
  const tokens = await client.authorizationCodeGrant(config, answer, {
    pkceCodeVerifier: verifier,
    idTokenExpected: true,
  });
  t.equal(tokens.claims()!.sub, sub);
  t.match(await client.fetchUserInfo(config, tokens.access_token, sub), { sub, name: "Alice Example" });
  t.match(await client.tokenIntrospection(config, tokens.access_token), { active: true, sub });
  const sis = (await server.send("/simple-identity-server/.well-known/openid-configuration")).json;
  t.strictSame(sis.subject_types_supported, ["public"], "no other dialect has such clients");
  const elsewhere = (id: string) =>
    server.post("/token", { grant_type: "password", ...ALICE, scope: "openid" }, basic(id, SECRET));
  t.strictSame([(await elsewhere("public")).status, (await elsewhere("one")).json.error], [200, "invalid_client"]);
});

t.test("the audit log has the user's own sub", async (t) => {
  const lines = server.log.filter(({ sub: named }) => named !== undefined);
  t.ok(lines.length > 5);
  t.ok(lines.every((line) => line.sub === PUBLIC_SUB));
});
