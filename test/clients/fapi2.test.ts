import { createHash, generateKeyPairSync } from "node:crypto";
import { decodeJwt, decodeProtectedHeader } from "jose";
import t from "tap";
import { asserted, claimsOf, ecdsa, jws, rsa } from "../support/assertions.js";
import { selfSigned } from "../support/certificate.js";
import { TestClock } from "../support/clock.js";
import { dpopKey, hashOf, prover, type ProofChanges } from "../support/dpop.js";
import { ALICE } from "../support/fleet.js";
import { runCommand } from "../support/commands.js";
import { startInstance, type Form, type Reply } from "../support/instance.js";
import { reason } from "../support/reason.js";
import { answerOf, Browser, pkce, query } from "../support/web.js";

/** The setting `profile: "fapi2"`: FAPI 2.0 Security Profile, final. Each test names its section there. */

const CALLBACK = "https://app.example/cb";
const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsaKey = generateKeyPairSync("rsa", { modulusLength: 2048 });
const mine = selfSigned("this client");
const jwkOf = (pair: typeof key, kid: string) => ({ ...pair.publicKey.export({ format: "jwk" }), kid });

const FAPI = {
  profile: "fapi2",
  token_endpoint_auth_method: "private_key_jwt",
  grant_types: ["authorization_code", "refresh_token", "client_credentials"],
  scope: "openid profile api1 offline_access",
  redirect_uris: [CALLBACK],
  jwks: { keys: [jwkOf(key, "ec"), jwkOf(rsaKey, "rsa")] },
  consent: "implicit",
};
const BY_CERTIFICATE = {
  ...FAPI,
  token_endpoint_auth_method: "self_signed_tls_client_auth",
  jwks: undefined,
  tls_client_certificate_thumbprint: createHash("sha256").update(mine.der).digest("base64url"),
};
const provision = {
  scopes: [{ name: "api1", audience: "https://api.example" }],
  clients: [
    { ...FAPI, client_id: "bank" },
    { ...FAPI, client_id: "other-bank" },
    { ...BY_CERTIFICATE, client_id: "by-certificate" },
    { ...FAPI, client_id: "key-and-certificate", tls_client_certificate_bound_access_tokens: true },
  ],
  users: [{ sub: "user-alice", preferred_username: "Alice", password: ALICE.password, name: "Alice Example" }],
};
const ISSUER = "https://issuer.example";
const clock = new TestClock();
const server = await startInstance(t, { provision, clock, env: { ISSUER, TRUST_PROXY: "127.0.0.0/8" } });
const TOKEN = "/oauth2/token";
const PAR = "/oauth2/par";
const DPOP = dpopKey();
const prove = prover(ISSUER, clock);

/** The assertion of a client, good or wrong in one place. */
function assertion(client_id: string, changed: object = {}, header: object = {}, signer = ecdsa(key.privateKey)): Form {
  const claims = claimsOf(client_id, ISSUER, clock.now(), changed);
  return asserted(jws({ alg: "ES256", kid: "ec", ...header }, claims, signer));
}

const shown = { "Client-Cert": `:${mine.der.toString("base64")}:` };

/** How the clients prove themselves, and the keys of their tokens. */
function proofOf(
  client_id: string,
  path: string,
  changes: ProofChanges = {},
): { form: Form; headers: Record<string, string> } {
  const DPoP = () => prove(DPOP, "POST", path, changes);
  if (client_id === "by-certificate") return { form: { client_id }, headers: shown };
  const headers = client_id === "key-and-certificate" ? shown : { DPoP: DPoP() };
  return { form: assertion(client_id), headers };
}

function send(
  client_id: string,
  path: string,
  form: Form,
  more: { form?: Form; headers?: Record<string, string> } = {},
) {
  const own = { ...proofOf(client_id, path), ...more };
  return server.post(path, { ...form, ...own.form }, own.headers);
}

const { verifier: code_verifier, challenge } = pkce();
const ASKED = { redirect_uri: CALLBACK, response_type: "code", scope: "openid api1", state: "s", ...challenge };
const browser = new Browser(server);

async function open(client_id: string, request_uri: string): Promise<Reply> {
  const page = await browser.open(`/oauth2/authorize?${query({ client_id, request_uri })}`);
  if (!page.text.includes('id="login"')) return page;
  return browser.submit(page, "login", { ...ALICE, action: "login" });
}

async function codeFor(client_id: string, more: Form = {}): Promise<Record<string, string>> {
  const pushed = await send(client_id, PAR, { ...ASKED, ...more });
  return answerOf(await open(client_id, pushed.json.request_uri));
}

const redeem = (code: string | undefined) => ({
  grant_type: "authorization_code",
  code,
  code_verifier,
  redirect_uri: CALLBACK,
});
const refused = (error: string, status = 400) => ({ status, json: { error } });

t.test("the whole flow, by key and by certificate (5.3.2.1, 5.3.2.2)", async (t) => {
  for (const id of ["bank", "by-certificate", "key-and-certificate"]) {
    const nonce = "n".repeat(64);
    const pushed = await send(id, PAR, { ...ASKED, nonce });
    t.equal(pushed.status, 201, id);
    t.ok(pushed.json.expires_in < 600, "a request_uri lives less than 600 s");
    const left = await open(id, pushed.json.request_uri);
    t.equal(left.status, 303, "a redirect with credentials is a 303");
    const answer = answerOf(left);
    t.match(answer, { iss: ISSUER, state: "s", code: String });
    const { status, json } = await send(id, TOKEN, redeem(answer.code));
    t.equal(status, 200, id);
    const { cnf } = decodeJwt(json.access_token) as { cnf: object };
    t.strictSame(Object.keys(cnf), [id === "bank" ? "jkt" : "x5t#S256"]);
    t.equal(json.token_type, id === "bank" ? "DPoP" : "Bearer");
    for (const text of [json.access_token, json.id_token]) t.equal(decodeProtectedHeader(text).alg, "ES256");
    t.equal(decodeJwt(json.id_token).nonce, nonce);
    const refreshed = await send(id, TOKEN, { grant_type: "refresh_token", refresh_token: json.refresh_token });
    t.equal(refreshed.status, 200);
    t.equal(refreshed.json.refresh_token, json.refresh_token, "refresh tokens are not rotated (5.3.2.1)");
    t.match(decodeJwt(refreshed.json.access_token), { cnf });
  }
});

t.test("a request that was not pushed, or not completely, is refused (5.3.2.2)", async (t) => {
  const page = await browser.open(`/oauth2/authorize?${query({ client_id: "bank", ...ASKED })}`);
  t.match(answerOf(page), { error: "invalid_request" });
  for (const [name, more] of Object.entries({
    "no challenge": { code_challenge: undefined, code_challenge_method: undefined },
    "a plain challenge": { code_challenge_method: "plain" },
    "no redirect_uri": { redirect_uri: undefined },
    "no redirect_uri, without openid": { redirect_uri: undefined, scope: "api1" },
    "an unregistered redirect_uri": { redirect_uri: "https://evil.example/cb" },
    "a request_uri": { request_uri: "urn:ietf:params:oauth:request_uri:x" },
    "a missing response_type": { response_type: undefined },
  } satisfies Record<string, Form>)) {
    t.match(await send("bank", PAR, { ...ASKED, ...more }), refused("invalid_request"), name);
  }
  for (const response_type of ["token", "code id_token"]) {
    t.match(await send("bank", PAR, { ...ASKED, response_type }), refused("unsupported_response_type"), response_type);
  }
  const { request_uri } = (await send("bank", PAR, ASKED)).json;
  t.not((await open("other-bank", request_uri)).status, 303, "a request_uri belongs to its client");
  t.equal((await send("bank", PAR, ASKED, { form: { client_id: "bank" } })).status, 401, "clients authenticate here");
});

t.test("assertions name the issuer, as a text, and are signed by PS256, ES256 or EdDSA (5.3.2.1, 5.4.1)", async (t) => {
  const bad: Readonly<Record<string, Form>> = {
    "the token endpoint": assertion("bank", { aud: ISSUER + TOKEN }),
    "the endpoint for pushed requests": assertion("bank", { aud: ISSUER + PAR }),
    "the issuer in a list": assertion("bank", { aud: [ISSUER] }),
    "another server": assertion("bank", { aud: "https://other.example" }),
    "no sub": assertion("bank", { sub: undefined }),
    "no aud": assertion("bank", { aud: undefined }),
    RS256: assertion("bank", {}, { alg: "RS256", kid: "rsa" }, rsa(rsaKey.privateKey)),
    "an exp five minutes ago": assertion("bank", { exp: Math.floor(clock.now() / 1000) - 300, iat: undefined }),
    "an iat in more than a minute": assertion("bank", { iat: Math.floor(clock.now() / 1000) + 61 }),
    "an nbf in more than a minute": assertion("bank", { nbf: Math.floor(clock.now() / 1000) + 61 }),
    nothing: { client_id: "bank" },
  };
  for (const path of [PAR, TOKEN]) {
    for (const [name, form] of Object.entries(bad)) {
      const asked = path === PAR ? ASKED : { grant_type: "client_credentials" };
      t.match(
        await send("bank", path, asked, { form: { ...form } }),
        refused("invalid_client", 401),
        `${path}: ${name}`,
      );
    }
  }
  const soon = Math.floor(clock.now() / 1000) + 10;
  t.equal((await send("bank", PAR, ASKED, { form: assertion("bank", { iat: soon, nbf: soon }) })).status, 201);
  const { privateKey } = rsaKey;
  const pss = rsa(privateKey, { padding: 6, saltLength: 32 });
  t.equal(
    (await send("bank", PAR, ASKED, { form: assertion("bank", {}, { alg: "PS256", kid: "rsa" }, pss) })).status,
    201,
  );
});

t.test("every token is bound to a key or a certificate (5.3.2.1)", async (t) => {
  const { code } = await codeFor("bank");
  const bare = await send("bank", TOKEN, redeem(code), { headers: {} });
  t.match(bare, refused("invalid_request"), "the suite wants invalid_request here");
  const { json } = await send("bank", TOKEN, redeem(code));
  const refresh = { grant_type: "refresh_token", refresh_token: json.refresh_token };
  t.match(await send("bank", TOKEN, refresh, { headers: {} }), refused("invalid_request"));
  t.match(await send("bank", TOKEN, { grant_type: "client_credentials" }, { headers: {} }), refused("invalid_request"));
  const alone = await send("key-and-certificate", TOKEN, { grant_type: "client_credentials" }, { headers: {} });
  t.match(alone, refused("invalid_request"));
  t.match(await send("other-bank", TOKEN, refresh), refused("invalid_grant"), "of another client");
});

t.test("a proof by RS256 is refused, at the token endpoint and at a resource (5.4.1)", async (t) => {
  const header = { alg: "RS256", jwk: rsaKey.publicKey.export({ format: "jwk" }) };
  const weak = { header, signer: rsa(rsaKey.privateKey) };
  const own = { headers: { DPoP: prove(DPOP, "POST", TOKEN, weak) } };
  t.match(await send("bank", TOKEN, { grant_type: "client_credentials" }, own), refused("invalid_dpop_proof"));
  const { code } = await codeFor("bank");
  const token = (await send("bank", TOKEN, redeem(code))).json.access_token;
  const show = (changes: ProofChanges = {}) => {
    const claims = { ...hashOf(token), ...changes.claims };
    const DPoP = prove(DPOP, "GET", "/oauth2/userinfo", { ...changes, claims });
    return server.send("/oauth2/userinfo", { headers: { Authorization: `DPoP ${token}`, DPoP } });
  };
  t.equal((await show(weak)).status, 401);
  t.equal((await show()).status, 200);
  const now = Math.floor(clock.now() / 1000);
  t.equal((await show({ claims: { nbf: now, exp: now + 300, iat: now + 10 } })).status, 200);
  t.equal((await show({ claims: { exp: now - 60 } })).status, 401);
  t.equal((await show({ claims: { nbf: now + 60 } })).status, 401);
});

t.test(
  "a code lives for a minute, is used once and belongs to its client and verifier (5.3.2.1, 5.3.2.2)",
  async (t) => {
    const other = await codeFor("bank");
    t.match(await send("other-bank", TOKEN, redeem(other.code)), refused("invalid_grant"));
    const wrong = await codeFor("bank");
    t.match(
      await send("bank", TOKEN, { ...redeem(wrong.code), code_verifier: "w".repeat(43) }),
      refused("invalid_grant"),
    );
    const none = await codeFor("bank");
    t.match(await send("bank", TOKEN, { ...redeem(none.code), code_verifier: undefined }), refused("invalid_grant"));
    const twice = await codeFor("bank");
    t.equal((await send("bank", TOKEN, redeem(twice.code))).status, 200);
    t.match(await send("bank", TOKEN, redeem(twice.code)), refused("invalid_grant"));
    const late = await codeFor("bank");
    clock.advance(60);
    t.match(await send("bank", TOKEN, redeem(late.code)), refused("invalid_grant"));
  },
);

t.test("metadata has what the conformance suite looks for", async (t) => {
  const { json } = await server.send("/.well-known/openid-configuration");
  for (const name of ["dpop", "token_endpoint_auth", "id_token", "userinfo", "request_object"]) {
    const names: string[] = json[`${name}_signing_alg_values_supported`];
    t.ok(
      ["PS256", "ES256", "EdDSA"].some((alg) => names.includes(alg)),
      name,
    );
  }
  t.match(json, {
    tls_client_certificate_bound_access_tokens: true,
    authorization_response_iss_parameter_supported: true,
    pushed_authorization_request_endpoint: ISSUER + PAR,
  });
  t.ok(json.code_challenge_methods_supported.includes("S256"));
  for (const method of ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]) {
    t.ok(json.token_endpoint_auth_methods_supported.includes(method), method);
  }
});

/** A setting that contradicts the profile. The message names it. */
const CONTRADICTIONS: Readonly<Record<string, object>> = {
  token_endpoint_auth_method: { token_endpoint_auth_method: "client_secret_basic", client_secret: "s".repeat(40) },
  "token_endpoint_auth_method ": { token_endpoint_auth_method: "none" },
  " token_endpoint_auth_method": { token_endpoint_auth_method: undefined },
  token_endpoint_auth_signing_alg: { token_endpoint_auth_signing_alg: "RS256" },
  request_object_signing_alg: { request_object_signing_alg: "RS256" },
  id_token_signed_response_alg: { id_token_signed_response_alg: "RS256" },
  userinfo_signed_response_alg: { userinfo_signed_response_alg: "RS256" },
  authorization_signed_response_alg: { authorization_signed_response_alg: "RS256" },
  access_token_signing_alg: { access_token_signing_alg: "RS256" },
  introspection_signed_response_alg: { introspection_signed_response_alg: "RS256" },
  require_pkce: { require_pkce: false },
  require_pushed_authorization_requests: { require_pushed_authorization_requests: false },
  refresh_token_rotation: { refresh_token_rotation: true },
  dpop_bound_access_tokens: { dpop_bound_access_tokens: false },
  grant_types: { grant_types: ["password"] },
  redirect_uris: { redirect_uris: ["http://app.example/cb"] },
  dialects: { dialects: ["kii"] },
};

t.test("a registration that contradicts the profile is refused, and the message names the setting", async (t) => {
  for (const [name, changed] of Object.entries(CONTRADICTIONS)) {
    const entry = JSON.parse(JSON.stringify({ ...FAPI, client_id: "new-bank", ...changed }));
    const { message } = (await reason(() => server.apply({ clients: [entry] }))) as Error;
    t.match(message, new RegExp(`clients\\[0\\]\\.${name.trim()}: must .* with the profile fapi2`), name);
    t.equal(await server.core.registry.find("new-bank"), null);
  }
  const native = { ...FAPI, client_id: "native-bank", redirect_uris: ["http://127.0.0.1/cb"] };
  await t.resolves(server.apply({ clients: [native] }));
});

t.test("an access token for a resource server that wants RS256 is refused", async (t) => {
  await server.apply({
    scopes: [{ name: "weak", audience: "https://weak.example", access_token_signing_alg: "RS256" }],
    clients: [{ ...FAPI, client_id: "weak-bank", scope: "weak" }],
  });
  t.match(await send("weak-bank", TOKEN, { grant_type: "client_credentials" }), refused("invalid_scope"));
});

t.test("a command refuses a contradiction too, and switches the whole profile on", async (t) => {
  const run = (...words: string[]) => runCommand(server, words);
  const jwks = JSON.stringify(FAPI.jwks);
  const add = ["client", "add", "added-bank", "--profile", "fapi2", "--jwks", jwks];
  t.match(await run(...add), /^token-endpoint-auth-method: must be one of private_key_jwt, .* with the profile fapi2$/);
  await run(...add, "--token-endpoint-auth-method", "private_key_jwt");
  t.match(await run("client", "show", "added-bank"), {
    profile: "fapi2",
    require_pkce: true,
    require_pushed_authorization_requests: true,
    refresh_token_rotation: false,
    dpop_bound_access_tokens: true,
    id_token_signed_response_alg: "ES256",
    introspection_signed_response_alg: "ES256",
    dialects: ["oauth2"],
  });
  const weak = await run("client", "update", "added-bank", "--id-token-signed-response-alg", "RS256");
  t.match(weak, /^id-token-signed-response-alg: must be PS256, ES256 or EdDSA with the profile fapi2$/);
  const secret = await run("client", "update", "added-bank", "--token-endpoint-auth-method", "client_secret_post");
  t.match(secret, /^token-endpoint-auth-method: must be one of/);

  await server.apply({ clients: [{ ...FAPI, client_id: "later-bank", profile: undefined }] });
  t.match(await run("client", "show", "later-bank"), { require_pkce: false, refresh_token_rotation: true });
  t.match(await run("client", "update", "later-bank", "--profile", "fapi2"), { profile: "fapi2" });
  t.match(await run("client", "show", "later-bank"), { require_pkce: true, refresh_token_rotation: false });
  await run("client", "update", "later-bank", "--unset", "profile");
  t.match(await run("client", "show", "later-bank"), { require_pkce: false, refresh_token_rotation: true });
});
