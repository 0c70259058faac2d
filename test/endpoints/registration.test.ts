import { generateKeyPairSync } from "node:crypto";
import t from "tap";
import { METADATA_MEMBERS } from "../../src/clients/registration.js";
import { openSweep } from "../../src/store/sweep.js";
import { asserted, claimsOf, ecdsa, jws } from "../support/assertions.js";
import { TestClock } from "../support/clock.js";
import { runCommand } from "../support/commands.js";
import { sql } from "../support/database.js";
import { ALICE, FLEET } from "../support/fleet.js";
import { basic, startInstance, type Instance, type Reply } from "../support/instance.js";
import { until } from "../support/until.js";
import { answerOf, Browser, pkce, query } from "../support/web.js";

/** Clients that register themselves (RFC 7591, RFC 7592), with and without an initial access token. */

const REGISTER = "/oauth2/register";
const CALLBACK = "https://app.example/cb";
const HOUR = 60 * 60;

const clock = new TestClock();
const provision = { scopes: [{ name: "notes", audience: "https://notes.example" }], users: FLEET.users };
const scopes = "openid profile offline_access notes";
const open = await startInstance(t, {
  provision,
  clock,
  env: {
    REGISTRATION: "open",
    REGISTRATION_SCOPES: scopes,
    TRUST_PROXY: "127.0.0.1/32",
  },
});
const { database } = open;
const closed = await startInstance(t, { database, clock, env: { REGISTRATION: "token", REGISTRATION_SCOPES: scopes } });

type Headers = Record<string, string>;

function sendJson(at: Instance, method: string, path: string, body: unknown, headers: Headers = {}): Promise<Reply> {
  const sent = typeof body === "string" ? body : JSON.stringify(body);
  return at.send(path, { method, body: sent, headers: { "Content-Type": "application/json", ...headers } });
}

let networks = 0;

/** Registers a client from a network of its own, so that the tests do not use up each other's limits. */
function register(body: unknown, at: Instance = open, headers: Headers = {}): Promise<Reply> {
  networks += 1;
  return sendJson(at, "POST", REGISTER, body, { "X-Forwarded-For": `198.18.0.${networks}`, ...headers });
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const pathOf = ({ registration_client_uri }: { registration_client_uri: string }) =>
  new URL(registration_client_uri).pathname;

/** Sends Alice to the authorization endpoint. The consent page, or the answer to the client. */
async function visit(client_id: string, browser = new Browser(open), more: Record<string, string> = {}) {
  const { verifier, challenge } = pkce();
  const asked = { client_id, redirect_uri: CALLBACK, response_type: "code", scope: "openid", ...challenge, ...more };
  let page = await browser.open(`/oauth2/authorize?${query(asked)}`);
  if (page.text.includes('id="login"')) page = await browser.submit(page, "login", { ...ALICE, action: "login" });
  return { page, browser, verifier };
}

async function allow(client_id: string): Promise<{ code: string; verifier: string }> {
  const { page, browser, verifier } = await visit(client_id);
  return { code: answerOf(await browser.submit(page, "consent", { action: "allow" })).code!, verifier };
}

t.test("a client registers itself, and its user logs in through it", async (t) => {
  const asked = {
    redirect_uris: [CALLBACK],
    client_name: "Notes App",
    client_uri: "https://app.example/about",
    policy_uri: "https://app.example/privacy",
    tos_uri: "https://app.example/terms",
    contacts: ["help@app.example"],
    software_id: "notes",
    software_version: "1.2",
    grant_types: ["authorization_code", "refresh_token"],
    "client_name#de": "Notizen",
    something_else: { is: ["ignored"] },
    logo_uri: null,
  };
  const { status, json, headers } = await register(asked);
  t.equal(status, 201);
  t.equal(headers.get("cache-control"), "no-store");
  const { client_id, client_secret, registration_access_token, client_id_issued_at } = json;
  const { "client_name#de": _de, something_else: _else, logo_uri: _logo, ...kept } = asked;
  t.strictSame(json, {
    ...kept,
    client_id,
    client_secret,
    client_secret_expires_at: 0,
    client_id_issued_at,
    registration_access_token,
    registration_client_uri: `${open.core.issuer}${REGISTER}/${client_id}`,
    response_types: ["code"],
    token_endpoint_auth_method: "client_secret_basic",
    id_token_signed_response_alg: "RS256",
    authorization_signed_response_alg: "RS256",
    introspection_signed_response_alg: "RS256",
    require_signed_request_object: false,
    require_pushed_authorization_requests: false,
    dpop_bound_access_tokens: false,
    backchannel_logout_session_required: false,
    frontchannel_logout_session_required: false,
    subject_type: "public",
    scope: scopes,
  });
  t.equal(client_id_issued_at, Math.floor(clock.now() / 1000));
  const { page } = await visit(client_id);
  t.match(page.text, /id="unverified"/, "the consent page warns");
  t.match(page.text, /Notes App/);
  t.match(page.text, /href="https:\/\/app\.example\/privacy"/);
  t.match(page.text, /href="https:\/\/app\.example\/terms"/);

  const { code, verifier } = await allow(client_id);
  const form = { grant_type: "authorization_code", code, redirect_uri: CALLBACK, code_verifier: verifier };
  const tokens = await open.post("/oauth2/token", form, basic(client_id, client_secret));
  t.match(tokens.json, { token_type: "Bearer", id_token: String, refresh_token: String });
  const [stored] = await sql(database, `SELECT * FROM client_registrations WHERE client_id = '${client_id}'`);
  t.notOk(JSON.stringify(stored).includes(registration_access_token), "only a hash of the token is stored");
});

t.test("a public client, one with a key, and an app on a loopback address can register", async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const rows: readonly object[] = [
    {
      redirect_uris: ["http://127.0.0.1:33418/cb", "http://localhost/cb", "http://[::1]:1/cb"],
      token_endpoint_auth_method: "none",
    },
    { redirect_uris: ["com.example.app:/cb"], token_endpoint_auth_method: "none", application_type: "native" },
    { redirect_uris: [CALLBACK], token_endpoint_auth_method: "client_secret_post" },
    {
      redirect_uris: [CALLBACK],
      token_endpoint_auth_method: "client_secret_jwt",
      token_endpoint_auth_signing_alg: "HS256",
    },
    { redirect_uris: [CALLBACK], scope: "openid jeton:admin unknown" },
  ];
  for (const row of rows) {
    const { status, json } = await register(row);
    t.equal(status, 201, JSON.stringify(row));
    const { scope: _scope, ...others } = row as { scope?: string };
    t.match(json, others);
    t.equal("client_secret" in json, json.token_endpoint_auth_method !== "none");
    if ("scope" in row) t.equal(json.scope, "openid", "the answer says which scopes are left");
  }
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "one" };
  const keyed = { redirect_uris: [CALLBACK], token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [jwk] } };
  const { json } = await register(keyed);
  t.strictSame(json.jwks, { keys: [jwk] });
  t.notOk("client_secret" in json);
  const { code, verifier } = await allow(json.client_id);
  const text = jws(
    { alg: "ES256", kid: "one" },
    claimsOf(json.client_id, open.core.issuer, clock.now()),
    ecdsa(privateKey),
  );
  const form = { grant_type: "authorization_code", code, redirect_uri: CALLBACK, code_verifier: verifier };
  t.equal((await open.post("/oauth2/token", { ...form, ...asserted(text) })).status, 200);
});

/** An RSA key with which a verification takes long. */
const slowKey = (bits: number, exponentBytes: number) => ({
  kty: "RSA",
  n: Buffer.alloc(bits / 8, 0xff).toString("base64url"),
  e: Buffer.alloc(exponentBytes, 0x7f).toString("base64url"),
});

t.test("RG-01 a stranger cannot register more than strangers may have", async (t) => {
  const bad = (value: object) => ({ redirect_uris: [CALLBACK], ...value });
  const rows: readonly (readonly [string, object])[] = [
    ["invalid_redirect_uri", {}],
    ["invalid_redirect_uri", { redirect_uris: [] }],
    ["invalid_redirect_uri", { redirect_uris: "https://app.example/cb" }],
    ...[
      "http://app.example/cb",
      "https://app.example/cb#fragment",
      "https://*.example/cb",
      "https://bank.example@app.example/cb",
      "javascript:alert(1)",
      "data:text/html,hello",
      "myapp:/cb",
      "http://127.0.0.1.evil.example/cb",
      "/cb",
    ].map((uri) => ["invalid_redirect_uri", { redirect_uris: [uri] }] as const),
    ...["password", "client_credentials", "implicit", "urn:ietf:params:oauth:grant-type:uma-ticket"].map(
      (type) => ["invalid_client_metadata", bad({ grant_types: ["authorization_code", type] })] as const,
    ),
    ["invalid_client_metadata", bad({ grant_types: ["refresh_token"] })],
    ["invalid_client_metadata", bad({ response_types: ["code", "token"] })],
    ["invalid_client_metadata", bad({ response_types: ["id_token"] })],
    ["invalid_client_metadata", bad({ token_endpoint_auth_method: "tls_client_auth" })],
    ["invalid_client_metadata", bad({ token_endpoint_auth_method: "device_jwt" })],
    ["invalid_client_metadata", bad({ token_endpoint_auth_method: "private_key_jwt" })],
    ["invalid_client_metadata", bad({ token_endpoint_auth_signing_alg: "none" })],
    ["invalid_client_metadata", bad({ token_endpoint_auth_signing_alg: "ES256" })],
    ["invalid_client_metadata", bad({ id_token_signed_response_alg: "none" })],
    ["invalid_client_metadata", bad({ scope: "jeton:admin" })],
    ["invalid_client_metadata", bad({ scope: 7 })],
    ["invalid_client_metadata", bad({ client_name: "x".repeat(256) })],
    ["invalid_client_metadata", bad({ client_uri: "javascript:alert(1)" })],
    ["invalid_client_metadata", bad({ tos_uri: "http://app.example" })],
    ["invalid_client_metadata", bad({ jwks: { keys: [{ kty: "oct", k: "c2VjcmV0" }] } })],
    ["invalid_client_metadata", bad({ jwks: { keys: [{ kty: "EC", crv: "P-256", x: "AQ", y: "AQ" }] } })],
    ["invalid_client_metadata", bad({ jwks: { keys: [slowKey(3_072, 384)] } })],
    ["invalid_client_metadata", bad({ jwks: { keys: [slowKey(16_384, 3)] } })],
    ["invalid_client_metadata", bad({ jwks: { keys: [] }, jwks_uri: "https://app.example/jwks" })],
    ["invalid_client_metadata", bad({ jwks_uri: "file:///etc/passwd" })],
    ["invalid_client_metadata", bad({ subject_type: "unknown" })],
    ["unapproved_software_statement", bad({ software_statement: "eyJ.eyJ.x" })],
    ["invalid_client_metadata", [CALLBACK]],
  ];
  for (const [error, body] of rows) {
    const { status, json } = await register(body);
    t.strictSame([status, json.error], [400, error], JSON.stringify(body));
  }
  for (const name of METADATA_MEMBERS.filter((one) => one !== "redirect_uris")) {
    const { json } = await register(bad({ [name]: {} }));
    t.equal(json.error_description, `the client metadata ${name} cannot be registered`, "the answer names the member");
  }
  const kept = {
    consent: "implicit",
    dialects: ["kii"],
    audiences: ["https://notes.example"],
    access_token_lifetime: 9e8,
  };
  const { client_id } = (await register(bad({ ...kept, disabled: false, client_id: "chosen", client_secret: "x" })))
    .json;
  t.not(client_id, "chosen");
  const shown = await runCommand(open, ["client", "show", client_id]);
  t.match(shown, {
    consent: "explicit",
    dialects: ["oauth2"],
    audiences: [],
    access_token_lifetime: 600,
    registered_by: "open",
  });
});

t.test("RG-02 a client manages its registration with its own token and no other", async (t) => {
  const { json } = await register({ redirect_uris: [CALLBACK], client_name: "One" });
  const other = (await register({ redirect_uris: [CALLBACK] })).json;
  const path = pathOf(json);
  const own = bearer(json.registration_access_token);
  const { client_secret, client_secret_expires_at: _at, ...shown } = json;
  t.strictSame((await open.send(path, { headers: own })).json, shown, "the secret is shown once");

  const wrong: readonly Headers[] = [
    {},
    bearer("x"),
    bearer(other.registration_access_token),
    basic(json.client_id, client_secret),
  ];
  for (const headers of wrong) {
    for (const method of ["GET", "DELETE"]) {
      const reply = await open.send(path, { method, headers });
      t.strictSame([reply.status, reply.json.error], [401, "invalid_token"]);
      t.match(reply.headers.get("www-authenticate"), /^Bearer realm="jeton"/);
    }
    t.equal((await sendJson(open, "PUT", path, "{", headers)).status, 401, "and the body is not read");
  }
  t.equal((await open.send(`${REGISTER}/unknown`, { headers: own })).status, 401);

  const changed = { client_id: json.client_id, redirect_uris: [CALLBACK, "https://app.example/two"], client_secret };
  const updated = await sendJson(open, "PUT", path, changed, own);
  t.equal(updated.status, 200);
  t.strictSame(updated.json.redirect_uris, changed.redirect_uris);
  t.notOk("client_name" in updated.json, "what is left out is gone");
  t.notOk("client_secret" in updated.json);
  t.equal((await open.send(path, { headers: own })).status, 401, "the token is replaced");
  const next = bearer(updated.json.registration_access_token);
  for (const member of ["registration_access_token", "registration_client_uri", "client_id_issued_at"]) {
    t.equal(
      (await sendJson(open, "PUT", path, { ...changed, [member]: "x" }, next)).json.error,
      "invalid_client_metadata",
    );
  }
  t.equal((await sendJson(open, "PUT", path, { ...changed, client_id: other.client_id }, next)).status, 400);
  t.equal((await sendJson(open, "PUT", path, { ...changed, client_secret: "guess" }, next)).status, 400);
  t.equal((await sendJson(open, "PUT", path, { ...changed, grant_types: ["password"] }, next)).status, 400);
  const shared = await sendJson(
    open,
    "PUT",
    path,
    { ...changed, token_endpoint_auth_method: "client_secret_jwt" },
    next,
  );
  t.match(shared.json, { client_secret: String, client_secret_expires_at: 0 }, "this method needs another secret");
  t.not(shared.json.client_secret, client_secret);

  const last = bearer(shared.json.registration_access_token);
  const gone = await open.send(path, { method: "DELETE", headers: last });
  t.strictSame([gone.status, gone.text], [204, ""]);
  t.equal((await open.send(path, { headers: last })).status, 401);
  t.equal(await runCommand(open, ["client", "show", json.client_id]), `there is no client ${json.client_id}`);
});

t.test("RG-03 of many updates with one token, one is done", async (t) => {
  const { json } = await register({ redirect_uris: [CALLBACK] });
  const put = (index: number) =>
    sendJson(
      index % 2 === 0 ? open : closed,
      "PUT",
      pathOf(json),
      { client_id: json.client_id, redirect_uris: [`https://app.example/${index}`] },
      bearer(json.registration_access_token),
    );
  const replies = await Promise.all(Array.from({ length: 8 }, (_, index) => put(index)));
  const done = replies.filter(({ status }) => status === 200);
  t.equal(done.length, 1);
  const { redirect_uris, registration_access_token } = done[0]!.json;
  t.strictSame(
    (await open.send(pathOf(json), { headers: bearer(registration_access_token) })).json.redirect_uris,
    redirect_uris,
  );
});

t.test("RG-04 an initial access token registers as many clients as it says, at two instances at once", async (t) => {
  const body = { redirect_uris: [CALLBACK] };
  const challenge = await register(body, closed);
  t.strictSame([challenge.status, challenge.headers.get("www-authenticate")], [401, 'Bearer realm="jeton"']);
  t.equal((await register(body, closed, bearer("jit_unknown"))).json.error, "invalid_token");

  const {
    id,
    initial_access_token: token,
    uses_left,
  } = await runCommand(closed, ["registration-token", "add", "--uses", "3"]);
  t.equal(uses_left, 3);
  t.equal((await register({}, closed, bearer(token))).status, 400, "a refused registration uses nothing up");
  const replies = await Promise.all(
    Array.from({ length: 8 }, (_, index) => register(body, index % 2 === 0 ? open : closed, bearer(token))),
  );
  t.equal(replies.filter(({ status }) => status === 201).length, 3);
  t.ok(replies.every(({ status, json }) => status === 201 || json.error === "invalid_token"));
  t.match(await runCommand(closed, ["registration-token", "list"]), [{ id, uses_left: 0 }]);

  const late = await runCommand(closed, ["registration-token", "add", "--lifetime", "1h"]);
  clock.advance(HOUR);
  t.equal((await register(body, closed, bearer(late.initial_access_token))).status, 401, "it expires");
  const withdrawn = await runCommand(closed, ["registration-token", "add"]);
  t.strictSame(await runCommand(closed, ["registration-token", "delete", withdrawn.id]), {
    id: withdrawn.id,
    deleted: true,
  });
  t.equal((await register(body, closed, bearer(withdrawn.initial_access_token))).status, 401);
  t.match(await runCommand(closed, ["registration-token", "delete", withdrawn.id]), /^there is no registration token/);
  t.match(await runCommand(closed, ["registration-token", "add", "--uses", "0"]), /^uses: /);
  t.match(await runCommand(closed, ["registration-token", "add", "--lifetime", "soon"]), /is not a duration/);
});

t.test("RG-05 one network, and all together, register a limited number of clients", async (t) => {
  const body = { redirect_uris: [CALLBACK] };
  const network = { "X-Forwarded-For": "203.0.113.9" };
  const counter = { on: "client registrations of a network", id: "203.0.113.9" } as const;
  for (let count = 0; count < 59; count += 1) await open.core.rateLimits.consume(counter);
  t.equal((await register({}, open, network)).status, 400, "a refused one counts too");
  t.equal((await register(body, open, network)).status, 429);
  t.equal((await register(body)).status, 201, "others are not limited");

  const small = await startInstance(t, {
    database,
    clock,
    env: { REGISTRATION: "open", REGISTRATION_MAX_CLIENTS: "2" },
  });
  const full = await register(body, small);
  t.strictSame([full.status, full.json.error], [503, "temporarily_unavailable"]);
  const { initial_access_token } = await runCommand(small, ["registration-token", "add"]);
  t.equal((await register(body, small, bearer(initial_access_token))).status, 201, "a token is not limited by them");
});

t.test("RG-06 clients that no person has used are deleted after a day, and the others stay", async (t) => {
  await sql(database, "DELETE FROM clients WHERE registered_by = 'open'");
  const body = { redirect_uris: [CALLBACK], token_endpoint_auth_method: "none" };
  const used = (await register(body)).json;
  const unused = (await register(body)).json;
  const disabled = (await register(body)).json;
  const adopted = (await register(body)).json;
  const { initial_access_token } = await runCommand(open, ["registration-token", "add"]);
  const trusted = (await register(body, open, bearer(initial_access_token))).json;
  await allow(used.client_id);
  await runCommand(open, ["client", "disable", disabled.client_id]);
  await open.apply({
    clients: [{ client_id: adopted.client_id, token_endpoint_auth_method: "none", redirect_uris: [CALLBACK] }],
  });
  const names = async () =>
    (await sql(database, "SELECT client_id FROM clients")).map(({ client_id }) => client_id as string);
  await openSweep(open.core.db)(clock.statement());
  t.ok((await names()).includes(unused.client_id), "not before");

  clock.advance(24 * HOUR + 1);
  const { failed, deleted } = await openSweep(open.core.db)(clock.statement());
  t.match({ failed, deleted }, { failed: {}, deleted: { client_registrations: Number } });
  t.notOk("client_registrations" in (await openSweep(open.core.db)(clock.statement())).deleted);
  const left = await names();
  t.notOk(left.includes(unused.client_id));
  for (const one of [used, disabled, adopted, trusted]) t.ok(left.includes(one.client_id));
  t.strictSame(
    await sql(database, `SELECT * FROM deleted_clients WHERE client_id = '${unused.client_id}'`),
    [],
    "and leave no trace",
  );
  t.equal(
    (await open.send(pathOf(adopted), { headers: bearer(adopted.registration_access_token) })).status,
    401,
    "an operator owns it now",
  );
  t.equal((await open.send(pathOf(disabled), { headers: bearer(disabled.registration_access_token) })).status, 401);
  t.equal((await open.send(pathOf(used), { headers: bearer(used.registration_access_token) })).status, 200);
});

t.test("RG-08 a consent to a client that is deleted at this moment is refused", async (t) => {
  const { json } = await register({ redirect_uris: [CALLBACK], token_endpoint_auth_method: "none" });
  const { page, browser } = await visit(json.client_id);
  const sweep = await open.core.db.pool.connect();
  await sweep.query("BEGIN");
  await sweep.query("DELETE FROM clients WHERE client_id = $1", [json.client_id]);
  const answer = browser.submit(page, "consent", { action: "allow" });
  await until("the consent waits for the deletion", async () => {
    const waiting =
      "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() AND query LIKE '%consents%'";
    return (await sql(database, waiting)).length === 1;
  });
  await sweep.query("COMMIT");
  sweep.release();
  const { status, text } = await answer;
  t.equal(status, 400);
  t.match(text, /client/);
  t.equal((await browser.open("/account")).status, 200);
});

t.test("a device may register itself, and its user is asked", async (t) => {
  const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";
  const body = { redirect_uris: [CALLBACK], token_endpoint_auth_method: "none" };
  const { json } = await register({ ...body, grant_types: ["authorization_code", DEVICE] });
  t.strictSame(json.grant_types, ["authorization_code", DEVICE]);
  const { client_id } = json;
  const codes = (await open.post("/oauth2/device_authorization", { client_id, scope: "openid" })).json;
  const poll = () => open.post("/oauth2/token", { grant_type: DEVICE, device_code: codes.device_code, client_id });
  t.equal((await poll()).json.error, "authorization_pending");
  const { browser } = await visit(client_id);
  const page = await browser.submit(await browser.open("/device"), "device", {
    user_code: codes.user_code,
    action: "continue",
  });
  t.match(page.text, /id="unverified"/, "the consent page warns");
  await browser.submit(page, "consent", { action: "allow" });
  clock.advance(5);
  t.match((await poll()).json, { access_token: String });
});

t.test("RG-07 a page of another origin may register, and reads nothing with cookies", async (t) => {
  const origin = "https://inspector.example";
  const preflight = await open.send(REGISTER, {
    method: "OPTIONS",
    headers: { Origin: origin, "Access-Control-Request-Method": "POST" },
  });
  t.equal(preflight.status, 204);
  const { headers } = await register({ redirect_uris: [CALLBACK] }, open, { Origin: origin });
  t.equal(headers.get("access-control-allow-origin"), "*");
  t.equal(headers.get("access-control-allow-credentials"), null);
});

t.test("registration is announced where it is on, and is nowhere else", async (t) => {
  const endpoint = async (at: Instance) =>
    (await at.send("/.well-known/oauth-authorization-server")).json.registration_endpoint;
  t.equal(await endpoint(open), `${open.core.issuer}${REGISTER}`);
  t.equal(await endpoint(closed), `${closed.core.issuer}${REGISTER}`);
  const off = await startInstance(t, { database, clock });
  t.equal(await endpoint(off), undefined);
  t.equal((await sendJson(off, "POST", REGISTER, { redirect_uris: [CALLBACK] })).status, 404);
  for (const [name, value, reason] of [
    ["REGISTRATION_SCOPES", "openid jeton:admin", /REGISTRATION_SCOPES must have no scope jeton/],
    ["REGISTRATION", "yes", /^REGISTRATION /],
    ["REGISTRATION_MAX_CLIENTS", "0", /REGISTRATION_MAX_CLIENTS must be a number above 0/],
  ] as const) {
    await t.rejects(startInstance(t, { database, clock, env: { [name]: value } }), { message: reason });
  }
});
