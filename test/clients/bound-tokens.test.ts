import { createHash, generateKeyPairSync } from "node:crypto";
import { request as requestHttps } from "node:https";
import { text } from "node:stream/consumers";
import t, { type Test } from "tap";
import { asserted, claimsOf, ecdsa, hmac, jws } from "../support/assertions.js";
import { selfSigned, type TestCertificate } from "../support/certificate.js";
import { SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Instance, type Reply } from "../support/instance.js";
import { DIALECTS, STANDARD, type Paths } from "../support/paths.js";
import { allow, idToken, FORMAT, pat, payloadOf, register, ticketFor, URN } from "../support/uma.js";

/**
 * tls_client_certificate_bound_access_tokens (RFC 8705 section 3.4): tokens of clients of every method are bound to the
 * presented certificate.
 */

const MINE = selfSigned("this phone");
const OTHER = selfSigned("another phone");
const ISSUER = "https://issuer.example";
const KEYS = generateKeyPairSync("ec", { namedCurve: "P-256" });

/** As a trusted proxy hands it on. */
const shown = ({ der }: TestCertificate) => ({ "Client-Cert": `:${der.toString("base64")}:` });
const thumbprint = ({ der }: TestCertificate) => createHash("sha256").update(der).digest("base64url");
const cnf = { "x5t#S256": thumbprint(MINE) };

const bound = {
  tls_client_certificate_bound_access_tokens: true,
  grant_types: ["client_credentials", "password", "refresh_token", "authorization_code", "uma_ticket"],
  scope: "openid api1 offline uma_protection",
  redirect_uris: ["https://app.example/cb"],
  consent: "implicit",
};
const shared = "a-shared-secret-of-more-than-sixty-four-characters-for-every-hash";
const METHODS = {
  client_secret_basic: { client_secret: SECRET },
  client_secret_post: { client_secret: SECRET },
  client_secret_jwt: { client_secret: shared },
  private_key_jwt: { jwks: { keys: [KEYS.publicKey.export({ format: "jwk" })] } },
  none: {},
} as const;
type Method = keyof typeof METHODS;
const NAMES = Object.keys(METHODS) as Method[];
const CONFIDENTIAL = NAMES.filter((name) => name !== "none");

const ALICE = { sub: "user-alice", preferred_username: "alice", password: "correct horse battery staple" };
const BOB = { sub: "user-bob", preferred_username: "bob" };
const provision = {
  clients: [
    ...NAMES.map((name) => ({ client_id: name, token_endpoint_auth_method: name, ...METHODS[name], ...bound })),
    { ...bound, client_id: "opaque", client_secret: SECRET, access_token_format: "opaque" },
    { ...bound, client_id: "public-opaque", token_endpoint_auth_method: "none", access_token_format: "opaque" },
    { ...bound, client_id: "unrotated", token_endpoint_auth_method: "none", refresh_token_rotation: false },
    { client_id: "gateway", client_secret: SECRET, scope: "jeton:introspect" },
    { client_id: "photos", client_secret: SECRET, grant_types: ["client_credentials"], scope: "uma_protection" },
  ],
  users: [ALICE, BOB],
};

const server = await startInstance(t, { provision, env: { ISSUER, TRUST_PROXY: "127.0.0.0/8" } });

/** How a client says who it is. */
function own(client_id: string, paths: Paths = STANDARD): { form: Form; headers: Record<string, string> } {
  const claims = () => claimsOf(client_id, ISSUER + paths.token, server.core.clock.now());
  switch (client_id) {
    case "client_secret_basic":
    case "opaque":
      return { form: {}, headers: basic(client_id, SECRET) };
    case "client_secret_post":
      return { form: { client_id, client_secret: SECRET }, headers: {} };
    case "client_secret_jwt":
      return { form: asserted(jws({ alg: "HS256" }, claims(), hmac(shared))), headers: {} };
    case "private_key_jwt":
      return { form: asserted(jws({ alg: "ES256" }, claims(), ecdsa(KEYS.privateKey))), headers: {} };
    default:
      return { form: { client_id }, headers: {} };
  }
}

interface Asking {
  readonly certificate?: TestCertificate;
  readonly paths?: Paths;
}

function ask(client_id: string, form: Form, { certificate, paths = STANDARD }: Asking = {}): Promise<Reply> {
  const { form: proof, headers } = own(client_id, paths);
  return server.post(paths.token, { ...form, ...proof }, { ...headers, ...(certificate && shown(certificate)) });
}

const forItself = { grant_type: "client_credentials", scope: "api1" };
const forAlice = { grant_type: "password", username: "alice", password: ALICE.password, scope: "openid api1" };

/** The introspection of a resource server. */
async function about(token: string, paths: Paths = STANDARD): Promise<any> {
  return (await server.post(paths.introspect, { token }, basic("gateway", SECRET))).json;
}

function refused(t: Test, reply: Reply, name: string): void {
  t.match(reply.json, { error: "invalid_request", error_description: /must present a certificate/ }, name);
  t.equal(reply.status, 400, name);
}

t.test("the tokens of every client are bound to its certificate, in every dialect", async (t) => {
  for (const paths of DIALECTS) {
    for (const name of NAMES) {
      const grants = name === "none" ? [forAlice] : [forAlice, forItself];
      for (const grant of grants) {
        const say = `${name}, ${grant.grant_type}, ${paths.name}`;
        const { json, status } = await ask(name, grant, { certificate: MINE, paths });
        t.equal(status, 200, say);
        t.match(await about(json.access_token, paths), { active: true, cnf }, say);
        refused(t, await ask(name, grant, { paths }), say);
      }
    }
  }
});

t.test("Screening Eagle's token path binds tokens, and Iothentix shows the binding at introspection", async (t) => {
  const path = "/api/id/v1/auth/token";
  const asBasic = basic("client_secret_basic", SECRET);
  const send = (form: Form, certificate?: TestCertificate) =>
    server.post(path, form, { ...asBasic, ...(certificate && shown(certificate)) });
  const missing = { status: 400, json: { error: "Bad Request", errorDescription: /must present a certificate/ } };
  const own = await send(forItself, MINE);
  t.equal(own.status, 200);
  t.match(payloadOf(own.json.access_token), { cnf });
  t.match(await send(forItself), missing);

  const { grant, verifier } = await codeFor(server, "client_secret_basic");
  const code = { ...grant, code_verifier: verifier };
  t.match(await send(code), missing, "and the code stays good");
  const { json } = await send(code, MINE);
  t.match(await about(json.access_token), { active: true, cnf });

  for (const token of [own.json.access_token, json.access_token]) {
    const reply = await server.post("/idp/introspect", { token }, basic("gateway", SECRET));
    t.match(reply.json, { active: true, cnf });
  }
  const plain = (await server.post(STANDARD.token, { grant_type: "client_credentials" }, basic("photos", SECRET))).json;
  const reply = await server.post("/idp/introspect", { token: plain.access_token }, basic("photos", SECRET));
  t.strictSame(Object.keys(reply.json), ["active", "sub", "scope", "iss", "exp"], "else its members are the page's");
});

t.test("opaque tokens and JWTs alike", async (t) => {
  const opaque = (await ask("opaque", forItself, { certificate: MINE })).json.access_token;
  t.match(opaque, /^jat_/);
  t.match(await about(opaque), { active: true, cnf });
  const jwt = (await ask("client_secret_basic", forItself, { certificate: MINE })).json.access_token;
  t.match(payloadOf(jwt), { cnf });
});

t.test("a request without a certificate uses nothing up", async (t) => {
  const { json } = await ask("none", forAlice, { certificate: MINE });
  const refresh = { grant_type: "refresh_token", refresh_token: json.refresh_token };
  refused(t, await ask("none", refresh), "refresh");
  t.equal((await ask("none", refresh, { certificate: MINE })).status, 200);
});

t.test("the refresh token of a public client is bound in every generation", async (t) => {
  for (const name of ["none", "public-opaque", "unrotated"]) {
    let { refresh_token } = (await ask(name, forAlice, { certificate: MINE })).json;
    t.match(await about(refresh_token), { cnf }, `${name}: introspection names it`);
    for (const round of [1, 2, 3]) {
      const refresh = { grant_type: "refresh_token", refresh_token };
      const stolen = await ask(name, refresh, { certificate: OTHER });
      t.match(stolen.json, { error: "invalid_grant" }, `${name}, round ${round}`);
      const reply = await ask(name, refresh, { certificate: MINE });
      t.equal(reply.status, 200, `${name}, round ${round}: the thief ended nothing`);
      t.match(await about(reply.json.access_token), { active: true, cnf });
      refresh_token = reply.json.refresh_token;
    }
    const cut = refresh_token.replace(/\.[\w-]{43}(?=\.[\w-]{43}$)/, "");
    t.not(cut, refresh_token);
    const unbound = { grant_type: "refresh_token", refresh_token: cut };
    t.match(
      (await ask(name, unbound, { certificate: OTHER })).json,
      { error: "invalid_grant" },
      "the name is in the MAC",
    );
    const swapped = refresh_token.replace(thumbprint(MINE), thumbprint(OTHER));
    const another = { grant_type: "refresh_token", refresh_token: swapped };
    t.match((await ask(name, another, { certificate: OTHER })).json, { error: "invalid_grant" });
  }
});

t.test(
  "the refresh token of a confidential client is bound to the client, which may renew its certificate",
  async (t) => {
    for (const name of CONFIDENTIAL) {
      const { refresh_token } = (await ask(name, forAlice, { certificate: MINE })).json;
      t.notOk("cnf" in (await about(refresh_token)), name);
      const { json } = await ask(name, { grant_type: "refresh_token", refresh_token }, { certificate: OTHER });
      t.match(await about(json.access_token), { active: true, cnf: { "x5t#S256": thumbprint(OTHER) } }, name);
    }
  },
);

t.test("a bound refresh token is revoked without the certificate", async (t) => {
  for (const paths of DIALECTS) {
    const { refresh_token, access_token } = (await ask("none", forAlice, { certificate: MINE })).json;
    const form = { token: refresh_token, client_id: "none" };
    t.equal((await server.post(paths.revoke, form)).status, 200);
    t.not((await about(access_token)).active, true);
  }
});

t.test("userinfo and the protection API require the certificate", async (t) => {
  const { access_token } = (await ask("opaque", forAlice, { certificate: MINE })).json;
  const bearer = { Authorization: `Bearer ${access_token}` };
  for (const path of ["/oauth2/userinfo", "/userinfo"]) {
    t.equal((await server.send(path, { headers: { ...bearer, ...shown(MINE) } })).status, 200, path);
    for (const headers of [{}, shown(OTHER)]) {
      const reply = await server.send(path, { headers: { ...bearer, ...headers } });
      // The SimpleIdentityServer dialect answers 400 here.
      t.ok([400, 401].includes(reply.status), path);
      t.notMatch(reply.text, /user-alice/, path);
    }
  }
  for (const path of ["/oauth2/userinfo", "/userinfo"]) {
    t.equal((await server.post(path, { access_token }, shown(MINE))).status, 200, `${path}, in the body`);
    for (const headers of [{}, shown(OTHER)]) {
      t.ok([400, 401].includes((await server.post(path, { access_token }, headers)).status), `${path}, in the body`);
    }
  }
  const token = await ask("client_secret_basic", { ...forItself, scope: "uma_protection" }, { certificate: MINE });
  const protection = { Authorization: `Bearer ${token.json.access_token}` };
  for (const path of ["/uma/resources", "/rs/resource_set"]) {
    t.equal((await server.send(path, { headers: { ...protection, ...shown(MINE) } })).status, 200, path);
    t.equal((await server.send(path, { headers: protection })).status, 401, path);
    t.equal((await server.send(path, { headers: { ...protection, ...shown(OTHER) } })).status, 401, path);
  }
  const introspectWith = (headers: Record<string, string>) =>
    server.post(STANDARD.introspect, { token: access_token }, { ...protection, ...headers });
  t.equal((await introspectWith(shown(MINE))).status, 200, "introspection by PAT");
  t.equal((await introspectWith({})).status, 401, "introspection by PAT");
});

t.test("the user of an app", async (t) => {
  const { access_token } = (await ask("opaque", forAlice, { certificate: MINE })).json;
  const me = (headers: Record<string, string>) =>
    server.send("/api/apps/opaque/users/me", { headers: { Authorization: `Bearer ${access_token}`, ...headers } });
  t.equal((await me(shown(MINE))).status, 200);
  for (const headers of [{}, shown(OTHER)]) t.match(await me(headers), { status: 403, json: { errorCode: String } });
});

t.test("a code is exchanged with the certificate, and stays valid without it", async (t) => {
  const { grant, verifier } = await codeFor(server, "none");
  refused(t, await ask("none", grant), "without");
  const { json } = await ask("none", { ...grant, code_verifier: verifier }, { certificate: MINE });
  t.match(await about(json.access_token), { active: true, cnf });
  t.match(await about(json.refresh_token), { active: true, cnf });
});

t.test("requesting party tokens are bound, and a public client upgrades its own only", async (t) => {
  const by = await pat(server);
  const [one, two] = [await register(server, by), await register(server, by)];
  await allow(server, by, [one, two], { users: ["user-bob"], scopes: ["view"] });
  const claim = { claim_token: await idToken(server, "user-bob", "none"), claim_token_format: FORMAT };
  const rptFor = async (id: string, more: Form, certificate: TestCertificate) => {
    const ticket = await ticketFor(server, by, { [id]: ["view"] });
    return (await ask("none", { grant_type: URN, ticket, ...claim, ...more }, { certificate })).json;
  };
  const first = await rptFor(one, {}, MINE);
  t.match(payloadOf(first.access_token), { cnf });
  const stolen = await rptFor(two, { rpt: first.access_token }, OTHER);
  t.notOk(stolen.upgraded, "with another certificate it is as if it had not been sent");
  t.equal(payloadOf(stolen.access_token).permissions.length, 1);
  const upgraded = await rptFor(two, { rpt: first.access_token }, MINE);
  t.ok(upgraded.upgraded);
  t.equal(payloadOf(upgraded.access_token).permissions.length, 2);
});

t.test("over TLS of the server's own", async (t) => {
  const own = selfSigned("localhost");
  const folder = t.testdir({ "cert.pem": own.cert, "key.pem": own.key });
  const env = { ISSUER, TLS_CERT: `${folder}/cert.pem`, TLS_KEY: `${folder}/key.pem` };
  const secure = await startInstance(t, { database: server.database, env });
  const send = (form: Form, certificate?: TestCertificate): Promise<any> =>
    new Promise((resolve, reject) => {
      const identity = certificate && { cert: certificate.cert, key: certificate.key };
      const headers = { "Content-Type": "application/x-www-form-urlencoded", ...basic("client_secret_basic", SECRET) };
      const options = { method: "POST", agent: false, rejectUnauthorized: false, headers, ...identity };
      const request = requestHttps(secure.url + STANDARD.token, options, (response) => {
        text(response).then((body) => resolve(JSON.parse(body)), reject);
      });
      request.on("error", reject);
      request.end(new URLSearchParams(form as Record<string, string>).toString());
    });
  t.match(await about((await send(forItself, MINE)).access_token), { active: true, cnf });
  t.match(await send(forItself), { error: "invalid_request" });
});

t.test("bound tokens stay bound when the setting is turned off", async (t) => {
  const { refresh_token, access_token } = (await ask("none", forAlice, { certificate: MINE })).json;
  const client = provision.clients.find(({ client_id }) => client_id === "none")!;
  await server.apply({ clients: [{ ...client, tls_client_certificate_bound_access_tokens: false }] });
  t.match(await about(access_token), { active: true, cnf });
  const refresh = { grant_type: "refresh_token", refresh_token };
  t.match((await ask("none", refresh)).json, { error: "invalid_grant" });
  const { json } = await ask("none", refresh, { certificate: MINE });
  t.notOk("cnf" in (await about(json.access_token)));
  t.match(await about(json.refresh_token), { cnf });
  await server.apply({ clients: [client] });
});

t.test("an unbound token becomes bound with the first refresh after the setting is turned on", async (t) => {
  for (const name of ["none", "client_secret_basic"] as const) {
    const client = provision.clients.find(({ client_id }) => client_id === name)!;
    await server.apply({ clients: [{ ...client, tls_client_certificate_bound_access_tokens: false }] });
    const { refresh_token, access_token } = (await ask(name, forAlice)).json;
    t.notOk("cnf" in (await about(access_token)), name);
    await server.apply({ clients: [client] });
    t.match(await about(access_token), { active: true }, `${name}: a token of before goes on`);
    const refresh = { grant_type: "refresh_token", refresh_token };
    refused(t, await ask(name, refresh), `${name}: nothing is used up`);
    const { json } = await ask(name, refresh, { certificate: MINE });
    t.match(await about(json.access_token), { active: true, cnf }, name);
    const another = { grant_type: "refresh_token", refresh_token: json.refresh_token };
    const theft = await ask(name, another, { certificate: OTHER });
    t.equal(theft.status, name === "none" ? 400 : 200, `${name}: that of a public client is bound from here on`);
  }
});

t.test("a certificate that no client can present causes a warning", async (t) => {
  const file = { clients: [{ client_id: "lost", client_secret: SECRET, ...bound, grant_types: [] }] };
  const folder = t.testdir({ "file.json": JSON.stringify(file) });
  const env = { ISSUER, PROVISION_FILE: `${folder}/file.json` };
  const warned = async (more: Record<string, string>) => {
    const { log } = await startInstance(t, { env: { ...env, ...more } });
    return log.filter(({ msg }) => String(msg).includes("binds its tokens to a certificate, which no client can show"))
      .length;
  };
  t.equal(await warned({}), 1);
  t.equal(await warned({ TRUST_PROXY: "192.0.2.1" }), 0);
});

/** A code of Alice's for a client without a consent page. */
async function codeFor({ core }: Instance, client_id: string) {
  const { openGrant } = await import("../../src/store/grants.js");
  const { writeAuthorizationCode } = await import("../../src/tokens/authorization-code.js");
  const verifier = "v".repeat(43);
  const id = core.random(16).toString("base64url");
  const terms = { id, client_id, sub: ALICE.sub, user_epoch: 0, client_epoch: 0, scope: ["openid", "api1"] };
  const redirect_uri = bound.redirect_uris[0]!;
  const code_challenge = createHash("sha256").update(verifier).digest("base64url");
  const code = { redirect_uri, redirect_uri_given: true, code_challenge, nonce: null, lifetime: 60 };
  const login = { auth_time: new Date(core.clock.now()), amr: ["pwd"], idle: 60, absolute: 60 };
  await openGrant(core.db, { ...terms, ...login, code }, core.clock.statement());
  const grant = { grant_type: "authorization_code", code: writeAuthorizationCode(core.master, id), redirect_uri };
  return { grant, verifier };
}
