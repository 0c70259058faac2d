import { generateKeyPairSync } from "node:crypto";
import { decodeJwt, decodeProtectedHeader } from "jose";
import t, { type Test } from "tap";
import { asserted, claimsOf, ecdsa, jws } from "../support/assertions.js";
import { isLoggedIn } from "../support/authorization.js";
import { showToken } from "../support/commands.js";
import { freshDatabase } from "../support/database.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Instance } from "../support/instance.js";
import { allow, FORMAT, idToken, pat, register, ticketFor, URN } from "../support/uma.js";
import { answerOf, formOf, query } from "../support/web.js";
import { authorize, exchange, getCode, GOODBYE, loggedIn, WEB } from "../support/web-fleet.js";

/** PREVIOUS_ISSUERS: a server that was renamed, with what it issued under its earlier name. */

const OLD = "https://old.example";
const NEW = "https://new.example";
const KEYS = generateKeyPairSync("ec", { namedCurve: "P-256" });
const uma = { client_secret: SECRET, grant_types: ["client_credentials", "uma_ticket"], scope: "uma_protection" };
const provision = {
  ...WEB,
  clients: [
    ...WEB.clients,
    { client_id: "photos", ...uma },
    { client_id: "gate", client_secret: SECRET, audiences: [OLD, NEW] },
    { client_id: "hasty-gate", client_secret: SECRET, audiences: [NEW] },
    { client_id: "printer", ...uma },
    {
      client_id: "signer-jwt",
      token_endpoint_auth_method: "private_key_jwt",
      jwks: { keys: [KEYS.publicKey.export({ format: "jwk" })] },
      grant_types: ["client_credentials"],
      scope: "api1",
    },
  ],
};

const database = await freshDatabase(t, provision);
const before = await startInstance(t, { database, env: { ISSUER: OLD } });
const renamed = await startInstance(t, {
  database,
  env: { ISSUER: NEW, PREVIOUS_ISSUERS: ` https://first.example , ${OLD}` },
});
const forgetful = await startInstance(t, { database, env: { ISSUER: NEW } });

const web = basic("web", SECRET);
const backend = basic("backend", SECRET);
const introspectAs = async (server: Instance, token: string, as: Record<string, string>) =>
  (await server.post("/oauth2/introspect", { token }, as)).json;

/** The tokens that a client got before the server was renamed. */
async function login(): Promise<{ access_token: string; refresh_token: string; id_token: string }> {
  const code = await getCode(await loggedIn(before), { scope: "openid profile offline_access" });
  return (await exchange(before, { code })).json;
}

t.test("access tokens of a listed previous issuer stay valid, JWT and opaque", async (t) => {
  const { access_token } = await login();
  t.equal(decodeJwt(access_token).iss, OLD);
  t.match(await introspectAs(renamed, access_token, web), { active: true, iss: OLD }, "and say who they are from");
  t.strictSame(await introspectAs(forgetful, access_token, web), { active: false });
  t.match(await showToken(renamed, access_token), { in_force: true, iss: OLD });
  t.match(await showToken(forgetful, access_token), { in_force: false, reasons: ["other_issuer"] });
  const bearer = { Authorization: `Bearer ${access_token}` };
  t.equal((await renamed.send("/oauth2/userinfo", { headers: bearer })).status, 200);
  t.equal((await forgetful.send("/oauth2/userinfo", { headers: bearer })).status, 401);

  const kiosk = { grant_type: "password", ...ALICE, scope: "api1" };
  const opaque = (await before.post("/oauth2/token", kiosk, basic("kiosk", SECRET))).json.access_token;
  t.match(opaque, /^jat_/);
  t.match(await introspectAs(renamed, opaque, basic("kiosk", SECRET)), { active: true, iss: OLD });
  t.strictSame(await introspectAs(forgetful, opaque, basic("kiosk", SECRET)), { active: false });
});

t.test(
  "a resource server named after the issuer needs both issuers as audiences to introspect tokens of both",
  async (t) => {
    const { access_token, refresh_token } = await login();
    const { json } = await renamed.post("/oauth2/token", { grant_type: "refresh_token", refresh_token }, web);
    const [gate, hasty] = [basic("gate", SECRET), basic("hasty-gate", SECRET)];
    t.match(await introspectAs(renamed, access_token, gate), { active: true, aud: OLD });
    t.match(await introspectAs(renamed, json.access_token, gate), { active: true, aud: NEW });
    t.strictSame(await introspectAs(renamed, access_token, hasty), { active: false });
  },
);

t.test("an access token can be revoked whether its previous issuer is listed or not", async (t) => {
  for (const server of [renamed, forgetful]) {
    const { access_token } = await login();
    t.ok((await server.post("/oauth2/revoke", { token: access_token }, backend)).status >= 400);
    t.match(await introspectAs(before, access_token, web), { active: true }, "by its own client only");
    t.equal((await server.post("/oauth2/revoke", { token: access_token }, web)).status, 200);
    t.strictSame(await introspectAs(before, access_token, web), { active: false });
  }
});

t.test(
  "codes and refresh tokens issued before the renaming still work and yield tokens of the new issuer",
  async (t) => {
    for (const server of [renamed, forgetful]) {
      const code = await getCode(await loggedIn(before), { scope: "openid offline_access" });
      const first = (await exchange(server, { code })).json;
      t.equal(decodeJwt(first.access_token).iss, NEW);
      t.equal(decodeJwt(first.id_token).iss, NEW);
      const { refresh_token } = await login();
      const { json } = await server.post("/oauth2/token", { grant_type: "refresh_token", refresh_token }, web);
      t.equal(decodeJwt(json.access_token).iss, NEW);
    }
  },
);

t.test("metadata and authorization responses name only the new issuer", async (t) => {
  for (const path of ["/.well-known/openid-configuration", "/.well-known/uma2-configuration"]) {
    t.notMatch((await renamed.send(path)).text, "old.example");
  }
  const reply = await (await loggedIn(renamed)).get(authorize({ client_id: "trusted", prompt: "none" }));
  t.match(answerOf(reply), { code: String, iss: NEW });
});

t.test("an id_token_hint of a previous issuer is used only if that issuer is listed", async (t) => {
  const hint = async (sub: string, client_id: string) => idToken(before, sub, client_id);
  const silently = { client_id: "trusted", prompt: "none", id_token_hint: await hint("user-bob", "trusted") };
  const asAlice = async (server: Instance) => answerOf(await (await loggedIn(server)).get(authorize(silently)));
  t.match(await asAlice(renamed), { error: "login_required" }, "it is Bob who is expected");
  t.match(await asAlice(forgetful), { code: String }, "the session answers");

  const leave = { id_token_hint: await hint("user-alice", "web"), post_logout_redirect_uri: GOODBYE };
  for (const [server, flaw] of [
    [renamed, "former_issuer"],
    [forgetful, "unreadable"],
  ] as const) {
    t.equal(await asksBeforeLogout(t, server, leave), flaw);
  }
  const here = { id_token_hint: leave.id_token_hint };
  const page = await (await loggedIn(renamed)).get(`/oauth2/logout?${query(here)}`);
  t.equal(formOf(page, "logout").values.client_id, "web", "it says which client asks");
});

/** That a person is asked, and goes where the request says afterwards; what the log says of the hint. */
async function asksBeforeLogout(t: Test, server: Instance, leave: Form): Promise<unknown> {
  const browser = await loggedIn(server);
  const page = await browser.get(`/oauth2/logout?${query(leave)}`);
  const line = server.log.findLast(({ type }) => type === "decision");
  t.match(page.text, 'id="logout"', "the person is asked");
  t.ok(await isLoggedIn(browser));
  const done = await browser.submit(page, "logout", { action: "logout" });
  t.equal(done.headers.get("location"), leave.post_logout_redirect_uri);
  t.notOk(await isLoggedIn(browser));
  return line?.hint_flaw;
}

t.test("an id_token_hint with a retired or deleted key makes logout ask, and authorization goes on", async (t) => {
  const own = await startInstance(t, { provision, env: { ISSUER: NEW } });
  const leave = { id_token_hint: await idToken(own, "user-alice", "web"), post_logout_redirect_uri: GOODBYE };
  await own.core.ring.rotate();
  const { keys } = own.core.ring.jwks;
  t.ok(
    keys.some(({ kid }) => kid === decodeProtectedHeader(leave.id_token_hint).kid),
    "it is still published",
  );
  t.equal(await asksBeforeLogout(t, own, leave), "retired_key");
  await own.core.ring.rotate(true);
  t.equal(await asksBeforeLogout(t, own, leave), "unreadable");
  const asked = authorize({ client_id: "web", scope: "openid", id_token_hint: leave.id_token_hint });
  t.match((await (await loggedIn(own)).open(asked)).text, 'id="consent"', "and an authorization goes on");
});

t.test("a client assertion may have a listed previous issuer as its audience", async (t) => {
  const send = (server: Instance, aud: string) => {
    const claims = claimsOf("signer-jwt", aud, server.core.clock.now());
    const form = asserted(jws({ alg: "ES256" }, claims, ecdsa(KEYS.privateKey)));
    return server.post("/oauth2/token", { grant_type: "client_credentials", scope: "api1", ...form });
  };
  for (const aud of [NEW, `${NEW}/oauth2/token`]) {
    for (const server of [renamed, forgetful]) t.equal((await send(server, aud)).status, 200, aud);
  }
  for (const aud of [OLD, `${OLD}/oauth2/token`, "https://first.example"]) {
    t.equal((await send(renamed, aud)).status, 200, aud);
    t.equal((await send(forgetful, aud)).status, 401, aud);
  }
  t.equal((await send(renamed, "https://evil.example")).status, 401);
});

t.test("UMA tokens, claim tokens and policies of a listed previous issuer stay valid", async (t) => {
  const by = await pat(before);
  const id = await register(before, by);
  await allow(before, by, [id], { users: ["user-bob"], issuer: OLD, scopes: ["view"] });
  const ask = async (server: Instance, of: Instance) => {
    const ticket = await ticketFor(before, by, { [id]: ["view"] });
    const claim_token = await idToken(of, "user-bob", "printer");
    const form = { grant_type: URN, ticket, claim_token, claim_token_format: FORMAT };
    return server.post("/oauth2/token", form, basic("printer", SECRET));
  };
  const rpt = (await ask(before, before)).json.access_token;
  const photos = basic("photos", SECRET);
  t.match(await introspectAs(renamed, rpt, photos), { active: true, iss: OLD, permissions: [{ resource_id: id }] });
  t.strictSame(await introspectAs(forgetful, rpt, photos), { active: false });
  t.equal(
    decodeJwt((await ask(renamed, before)).json.access_token).iss,
    NEW,
    "a claim token of before, a rule of before",
  );
  t.match((await ask(forgetful, before)).json, { error: /need_info|request_denied/ });
  t.match((await ask(forgetful, renamed)).json, { error: "request_denied" }, "the rule names a user it does not know");
  const look = (server: Instance) => server.send("/uma/resources", { headers: { ...by } });
  t.equal((await look(renamed)).status, 200, "a protection API token of before");
  t.equal((await look(forgetful)).status, 401);
});

t.test("PREVIOUS_ISSUERS is a list of URLs that obey the rules of ISSUER", async (t: Test) => {
  const { readSettings } = await import("../../src/config.js");
  const read = (PREVIOUS_ISSUERS: string) => readSettings({ PREVIOUS_ISSUERS }).PREVIOUS_ISSUERS;
  t.strictSame(readSettings({}).PREVIOUS_ISSUERS, []);
  t.strictSame(read(`${OLD}, http://localhost:3000`), [OLD, "http://localhost:3000"]);
  t.strictSame(read(`,${OLD}/auth,, ${OLD}/auth ,`), [`${OLD}/auth`, `${OLD}/auth`]);
  for (const wrong of [
    "old.example",
    `${OLD} ${NEW}`,
    `${OLD}/`,
    `${OLD}?a=b`,
    `${NEW},ftp://x`,
    "https://a:b@old.example",
  ]) {
    t.throws(() => read(wrong), { message: /^PREVIOUS_ISSUERS must be an http\(s\) URL/ }, wrong);
  }
});
