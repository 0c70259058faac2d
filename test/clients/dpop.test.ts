import { createHash, generateKeyPairSync } from "node:crypto";
import t, { type Test } from "tap";
import { after, TestClock } from "../support/clock.js";
import { ecdsa, ed25519, hmac, jws, rsa } from "../support/assertions.js";
import { selfSigned } from "../support/certificate.js";
import { dpopKey, hashOf, prover, type DpopKey, type ProofChanges } from "../support/dpop.js";
import { basic, startInstance, type Form, type Instance, type Reply } from "../support/instance.js";
import { STANDARD, SIS } from "../support/paths.js";
import { SECRET } from "../support/fleet.js";
import { converse, write } from "../support/raw.js";
import { allow, FORMAT, idToken, payloadOf, pat, register, ticketFor, URN } from "../support/uma.js";
import { Browser, answerOf, pkce, query } from "../support/web.js";
import { sql } from "../support/database.js";

/** DPoP (RFC 9449): tokens that are bound to a key of their client. */

const ISSUER = "https://issuer.example/base";
const CALLBACK = "https://app.example/cb";
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const clock = new TestClock();
const MINE = dpopKey();
const OTHER = dpopKey();
const prove = prover(ISSUER, clock);

const able = {
  grant_types: ["client_credentials", "password", "refresh_token", "authorization_code", "uma_ticket"],
  scope: "openid api1 offline uma_protection",
  redirect_uris: [CALLBACK],
  web_origins: ["https://app.example"],
  consent: "implicit",
};
const ALICE = { sub: "user-alice", preferred_username: "alice", password: "correct horse battery staple" };
const provision = {
  clients: [
    { ...able, client_id: "service", client_secret: SECRET },
    {
      client_id: "exchanger",
      client_secret: SECRET,
      grant_types: [EXCHANGE, "client_credentials"],
      scope: "api1",
      token_exchange: [{ kind: "impersonation", subject_clients: ["service", "exchanger"], scopes: ["api1"] }],
    },
    { ...able, client_id: "opaque", client_secret: SECRET, access_token_format: "opaque" },
    { ...able, client_id: "app", token_endpoint_auth_method: "none" },
    { ...able, client_id: "strict", client_secret: SECRET, dpop_bound_access_tokens: true },
    {
      ...able,
      client_id: "both",
      token_endpoint_auth_method: "none",
      tls_client_certificate_bound_access_tokens: true,
    },
    { client_id: "gateway", client_secret: SECRET, scope: "jeton:introspect" },
    { client_id: "photos", client_secret: SECRET, grant_types: ["client_credentials"], scope: "uma_protection" },
  ],
  users: [ALICE, { sub: "user-bob", preferred_username: "bob" }],
  apps: [{ app_id: "shop", app_key: "key-of-the-shop-app", client_id: "shop-admin", client_secret: SECRET }],
  devices: [{ device_id: "meter", jwk: dpopKey().jwk, scope: "refresh.token" }],
};

const env = { ISSUER, TRUST_PROXY: "127.0.0.0/8" };
const server = await startInstance(t, { provision, env, clock });
const { database } = server;
const another = await startInstance(t, { database, env, clock });
/** Two instances that want nonces. */
const wanting = { ...env, DPOP_NONCE: "required" };
const [fresh, beside] = [
  await startInstance(t, { database, env: wanting, clock }),
  await startInstance(t, { database, env: wanting, clock }),
];

const forItself = { grant_type: "client_credentials", scope: "api1" };
const forAlice = { grant_type: "password", username: "alice", password: ALICE.password, scope: "openid api1" };
const proofFor = (path: string, key = MINE, changes: ProofChanges = {}) => prove(key, "POST", path, changes);

interface Asking {
  readonly key?: DpopKey | undefined;
  readonly changes?: ProofChanges;
  readonly path?: string;
  readonly at?: Instance;
  readonly headers?: Record<string, string>;
}

/** A token request, with a proof unless its key is undefined. */
function ask(client_id: string, form: Form, asking: Asking = {}): Promise<Reply> {
  const { key, path = STANDARD.token, at = server, changes, headers } = { key: MINE, ...asking };
  const proof = key === undefined ? {} : { DPoP: proofFor(path, key, changes) };
  const isPublic = client_id === "app" || client_id === "both";
  const own = isPublic ? {} : basic(client_id, SECRET);
  return at.post(path, { ...form, ...(isPublic ? { client_id } : {}) }, { ...own, ...proof, ...headers });
}

/** The introspection of a resource server. */
async function about(token: string): Promise<any> {
  return (await server.post(STANDARD.introspect, { token }, basic("gateway", SECRET))).json;
}

/** A request to a protected resource, with the scheme DPoP. */
function use(token: string, path: string, key = MINE, changes: ProofChanges = {}, at = server): Promise<Reply> {
  const claims = { ...hashOf(token), ...changes.claims };
  const DPoP = prove(key, "GET", path, { ...changes, claims });
  return at.send(path, { headers: { Authorization: `DPoP ${token}`, DPoP } });
}

t.test("each grant binds its token to the key of the proof, in every dialect that binds", async (t) => {
  for (const path of [STANDARD.token, SIS.token, "/api/id/v1/auth/token"]) {
    for (const [client_id, form] of [
      ["service", forItself],
      ["opaque", forItself],
      ...(path.startsWith("/api") ? [] : [["app", forAlice] as const]),
    ] as const) {
      const { status, json } = await ask(client_id, form, { path });
      t.match({ status, json }, { status: 200, json: { token_type: "DPoP" } }, `${client_id} at ${path}`);
      t.match(await about(json.access_token), { active: true, token_type: "DPoP", cnf: { jkt: MINE.jkt } });
    }
  }
  const jwt = (await ask("service", forItself)).json.access_token;
  t.match(payloadOf(jwt), { cnf: { jkt: MINE.jkt } }, "a resource server reads it in the JWT");
  t.match(
    (await ask("service", forItself, { key: undefined })).json,
    { token_type: "Bearer" },
    "without a proof as before",
  );
});

t.test("a bound token is exchanged with its key only, and the new token is bound too", async (t) => {
  const subject_token = (await ask("service", forItself)).json.access_token;
  const subject_token_type = "urn:ietf:params:oauth:token-type:access_token";
  const form = { grant_type: EXCHANGE, subject_token, subject_token_type };
  for (const key of [OTHER, undefined]) t.equal((await ask("exchanger", form, { key })).status, 400);
  const { status, json } = await ask("exchanger", form);
  t.match({ status, json }, { status: 200, json: { token_type: "DPoP" } });
  t.match(payloadOf(json.access_token), { cnf: { jkt: MINE.jkt } });
});

t.test("dialects without bound tokens refuse a proof", async (t) => {
  const DPoP = proofFor("/api/oauth2/token");
  const kii = { grant_type: "client_credentials", client_id: "shop", client_secret: "key-of-the-shop-app" };
  for (const [path, form] of [
    ["/api/apps/shop/oauth2/token", kii],
    ["/as/token", { client_id: "meter", client_secret: "x" }],
    ["/as/renew/token", { client_id: "meter", token: "x" }],
  ] as const) {
    const reply = await server.post(path, form, { DPoP });
    t.equal(reply.status, 400, path);
    t.notMatch(reply.text, /access_token/, path);
  }
});

t.test("a client with dpop_bound_access_tokens (DP-13) gets no token without a proof, in no dialect", async (t) => {
  for (const path of [STANDARD.token, SIS.token]) {
    const reply = await ask("strict", forItself, { key: undefined, path });
    t.match(reply, { status: 400, json: { error: "invalid_request", error_description: /must send a DPoP proof/ } });
    t.match((await ask("strict", forItself, { path })).json, { token_type: "DPoP" });
  }
});

const { privateKey: rsaKey, publicKey: rsaPublic } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
const RSA = rsaPublic.export({ format: "jwk" });
const edwards = generateKeyPairSync("ed25519");
const P384 = dpopKey("P-384");
const now = () => Math.floor(clock.now() / 1000);
const secret = { kty: "oct", k: Buffer.alloc(32).toString("base64url") };
const rsaSigner = { signer: rsa(rsaKey) };

/** Proofs that are wrong in one place, each with its place in the message. */
const BAD: Readonly<Record<string, readonly [RegExp, () => ProofChanges]>> = {
  "no typ": [/typ/, () => ({ header: { typ: undefined } })],
  "the typ of another JWT": [/typ/, () => ({ header: { typ: "JWT" } })],
  "the typ of an access token": [/typ/, () => ({ header: { typ: "at+jwt" } })],
  "a typ in another case": [/typ/, () => ({ header: { typ: "DPoP+JWT" } })],
  "a typ that is no text": [/typ/, () => ({ header: { typ: ["dpop+jwt"] } })],
  "no alg": [/alg/, () => ({ header: { alg: undefined } })],
  "alg none": [/alg/, () => ({ header: { alg: "none" }, signer: () => Buffer.alloc(0) })],
  "alg None": [/alg/, () => ({ header: { alg: "None" }, signer: () => Buffer.alloc(0) })],
  "an empty signature": [/signature/, () => ({ signer: () => Buffer.alloc(0) })],
  "a symmetric alg": [/alg/, () => ({ header: { alg: "HS256", jwk: secret }, signer: hmac(Buffer.alloc(32)) })],
  "an HMAC with the public key": [/alg/, () => ({ header: { alg: "HS256" }, signer: hmac(JSON.stringify(MINE.jwk)) })],
  "an alg that is no text": [/alg/, () => ({ header: { alg: 1 } })],
  "an alg for another curve": [/signature/, () => ({ header: { alg: "ES384" } })],
  "no jwk": [/jwk/, () => ({ header: { jwk: undefined } })],
  "a jwk that is a text": [/jwk/, () => ({ header: { jwk: JSON.stringify(MINE.jwk) } })],
  "a jwk that is null": [/jwk/, () => ({ header: { jwk: null } })],
  "a jwk that is a list": [/jwk/, () => ({ header: { jwk: [MINE.jwk] } })],
  "a private jwk": [/jwk/, () => ({ header: { jwk: MINE.privateKey.export({ format: "jwk" }) } })],
  "a jwk with an empty private part": [/jwk/, () => ({ header: { jwk: { ...MINE.jwk, d: "" } } })],
  "a symmetric jwk": [/jwk/, () => ({ header: { jwk: secret } })],
  "a jwk of an unknown type": [/jwk/, () => ({ header: { jwk: { ...MINE.jwk, kty: "constructor" } } })],
  "a jwk whose type is no text": [/jwk/, () => ({ header: { jwk: { ...MINE.jwk, kty: ["EC"] } } })],
  "a jwk without a coordinate": [/jwk/, () => ({ header: { jwk: { ...MINE.jwk, y: undefined } } })],
  "a jwk beside its curve": [/jwk|signature/, () => ({ header: { jwk: { ...MINE.jwk, y: MINE.jwk.x } } })],
  "a jwk of a curve without signatures here": [
    /jwk|signature/,
    () => ({ header: { jwk: { ...MINE.jwk, crv: "secp256k1" } } }),
  ],
  "the jwk of another key": [/signature/, () => ({ header: { jwk: OTHER.jwk } })],
  "an RSA key that is too short": [
    /jwk/,
    () => ({ header: { alg: "PS256", jwk: weak.publicKey.export({ format: "jwk" }) }, signer: rsa(weak.privateKey) }),
  ],
  "an RSA key that is too long": [
    /jwk/,
    () => ({ header: { alg: "RS256", jwk: { ...RSA, n: RSA.n!.repeat(3) } }, ...rsaSigner }),
  ],
  "an RSA key with a long exponent": [
    /jwk/,
    () => ({ header: { alg: "RS256", jwk: { ...RSA, e: RSA.n } }, ...rsaSigner }),
  ],
  "an RSA signature of another scheme": [/signature/, () => ({ header: { alg: "PS256", jwk: RSA }, ...rsaSigner })],
  "a kid instead of the jwk": [/jwk/, () => ({ header: { jwk: undefined, kid: MINE.jkt } })],
  "a jku instead of the jwk": [/jwk/, () => ({ header: { jwk: undefined, jku: `${ISSUER}/oauth2/jwks` } })],
  "an x5c instead of the jwk": [/jwk/, () => ({ header: { jwk: undefined, x5c: ["AAAA"] } })],
  "an unknown crit": [/crit/, () => ({ header: { crit: ["exp"], exp: 1 } })],
  "a crit with b64": [/crit/, () => ({ header: { crit: ["b64"], b64: true } })],
  "an empty crit": [/crit/, () => ({ header: { crit: [] } })],
  "no jti": [/jti/, () => ({ claims: { jti: undefined } })],
  "an empty jti": [/jti/, () => ({ claims: { jti: "" } })],
  "a jti that is no text": [/jti/, () => ({ claims: { jti: 7 } })],
  "a huge jti": [/jti/, () => ({ claims: { jti: "x".repeat(1_025) } })],
  "no htm": [/htm/, () => ({ claims: { htm: undefined } })],
  "another htm": [/htm/, () => ({ claims: { htm: "GET" } })],
  "an htm in another case": [/htm/, () => ({ claims: { htm: "post" } })],
  "a list of htm": [/htm/, () => ({ claims: { htm: ["POST"] } })],
  "no htu": [/htu/, () => ({ claims: { htu: undefined } })],
  "an htu that is no text": [/htu/, () => ({ claims: { htu: [ISSUER + STANDARD.token] } })],
  "the htu of another endpoint": [/htu/, () => ({ claims: { htu: ISSUER + STANDARD.revoke } })],
  "the htu of another server": [/htu/, () => ({ claims: { htu: `https://other.example/base${STANDARD.token}` } })],
  "an htu without the path of the issuer": [
    /htu/,
    () => ({ claims: { htu: `https://issuer.example${STANDARD.token}` } }),
  ],
  "an htu by http": [/htu/, () => ({ claims: { htu: `http://issuer.example/base${STANDARD.token}` } })],
  "an htu with another port": [/htu/, () => ({ claims: { htu: `https://issuer.example:444/base${STANDARD.token}` } })],
  "an htu with a user": [/htu/, () => ({ claims: { htu: `https://a@issuer.example/base${STANDARD.token}` } })],
  "an htu that is a path": [/htu/, () => ({ claims: { htu: STANDARD.token } })],
  "an htu that goes on": [/htu/, () => ({ claims: { htu: `${ISSUER}${STANDARD.token}/` } })],
  "no iat": [/iat/, () => ({ claims: { iat: undefined } })],
  "an iat that is a text": [/iat/, () => ({ claims: { iat: String(now()) } })],
  "an iat of the past": [/iat/, () => ({ claims: { iat: now() - 76 } })],
  "an iat of the future": [/iat/, () => ({ claims: { iat: now() + 16 } })],
  "an iat in milliseconds": [/iat/, () => ({ claims: { iat: clock.now() } })],
};

/** Texts that are no JWT at all. */
const NO_JWT: Readonly<Record<string, string>> = {
  "an empty header": "",
  "a word": "proof",
  "two parts": "e30.e30",
  "five parts": "e30.e30.e30.e30.e30",
  "parts that are no JSON": "AAAA.AAAA.AAAA",
  "JSON that is no object": `${Buffer.from("[]").toString("base64url")}.e30.AAAA`,
  padding: `${proofFor(STANDARD.token)}=`,
  "an encrypted key in JSON": JSON.stringify({ payload: "e30", signatures: [] }),
};

function refusedProof(t: Test, reply: Reply, place: RegExp, name: string): void {
  t.match(reply, { status: 400, json: { error: "invalid_dpop_proof" } }, name);
  t.match(reply.json.error_description, place, name);
  t.notOk("access_token" in reply.json, name);
}

t.test("a bad proof gets no token (DP-01, DP-02, DP-03, DP-05, DP-07)", async (t) => {
  for (const [name, [place, changes]] of Object.entries(BAD)) {
    refusedProof(t, await ask("service", forItself, { changes: changes() }), place, name);
  }
  for (const [name, DPoP] of Object.entries(NO_JWT)) {
    refusedProof(t, await ask("service", forItself, { key: undefined, headers: { DPoP } }), /JWT|typ/, name);
  }
  const huge = proofFor(STANDARD.token, MINE, { claims: { more: "x".repeat(8_192) } });
  refusedProof(t, await ask("service", forItself, { key: undefined, headers: { DPoP: huge } }), /too long/, "huge");
});

t.test("two headers DPoP are refused, whether they are equal or not (DP-12)", async (t) => {
  const proof = proofFor(STANDARD.token);
  for (const second of [proof, proofFor(STANDARD.token), ""]) {
    const headers = [
      ["Content-Type", "application/x-www-form-urlencoded"],
      ["Authorization", basic("service", SECRET).Authorization],
      ["DPoP", proof],
      ["dpop", second],
    ] as const;
    const body = "grant_type=client_credentials&scope=api1";
    const reply = await converse(server.url, write({ target: STANDARD.token, headers, body }));
    t.match(reply, { status: 400, json: { error: "invalid_dpop_proof" } });
  }
});

t.test("a header beyond the limit of all headers is refused before it is read", async (t) => {
  const DPoP = "x".repeat(100_000);
  const reply = await ask("service", forItself, { key: undefined, headers: { DPoP } });
  t.equal(reply.status, 431);
});

t.test("good proofs of other forms are accepted", async (t) => {
  const good: Readonly<Record<string, ProofChanges>> = {
    "P-384": { header: { alg: "ES384", jwk: P384.jwk }, signer: ecdsa(P384.privateKey, "sha384") },
    EdDSA: {
      header: { alg: "EdDSA", jwk: edwards.publicKey.export({ format: "jwk" }) },
      signer: ed25519(edwards.privateKey),
    },
    Ed25519: {
      header: { alg: "Ed25519", jwk: edwards.publicKey.export({ format: "jwk" }) },
      signer: ed25519(edwards.privateKey),
    },
    RS256: { header: { alg: "RS256", jwk: RSA }, ...rsaSigner },
    "further members of header and key, which choose nothing": {
      header: { kid: "another", jku: "https://evil.example", jwk: { ...MINE.jwk, kid: "x", use: "sig", alg: "ES256" } },
    },
    "an htu with query and fragment, which are ignored": { claims: { htu: `${ISSUER}${STANDARD.token}?a=b#c` } },
    "an htu in another form": { claims: { htu: `HTTPS://Issuer.Example:443/x/../base/%6Fauth2/token` } },
    "the oldest iat": { claims: { iat: now() - 74 } },
    "the latest iat": { claims: { iat: now() + 15 } },
    "an iat with a fraction": { claims: { iat: now() + 0.5 } },
    "the largest jti": { claims: { jti: "x".repeat(1_024) } },
    "a nonce that was not asked for": { claims: { nonce: "of another server" } },
  };
  for (const [name, changes] of Object.entries(good)) {
    t.match(await ask("service", forItself, { changes }), { status: 200, json: { token_type: "DPoP" } }, name);
  }
  const written = { ...MINE.jwk, x: Buffer.from(MINE.jwk.x!, "base64url").toString("base64") };
  const { json } = await ask("service", forItself, { changes: { header: { jwk: written } } });
  t.match(payloadOf(json.access_token), { cnf: { jkt: MINE.jkt } }, "each way to write a key has one thumbprint");
});

t.test("the URL is below the issuer, also below an earlier one", async (t) => {
  const renamed = await startInstance(t, {
    database,
    env: { ISSUER: "https://new.example", PREVIOUS_ISSUERS: ISSUER },
    clock,
  });
  t.equal((await ask("service", forItself, { at: renamed })).status, 200);
  const changes = { claims: { htu: `https://new.example${STANDARD.token}` } };
  t.equal((await ask("service", forItself, { at: renamed, changes })).status, 200);
  t.equal((await ask("service", forItself, { changes })).status, 400, "nowhere else");
});

t.test("of simultaneous requests with one proof at two instances exactly one gets a token (DP-04)", async (t) => {
  for (let round = 0; round < 3; round += 1) {
    const headers = { DPoP: proofFor(STANDARD.token) };
    const asked = [server, another, server, another, server, another, server, another].map((at) =>
      ask("service", forItself, { key: undefined, headers, at }),
    );
    const replies = await Promise.all(asked);
    t.equal(replies.filter(({ status }) => status === 200).length, 1);
    for (const reply of replies.filter(({ status }) => status !== 200)) refusedProof(t, reply, /used before/, "loser");
  }
});

t.test("a jti belongs to its key, and a proof serves one request of any kind", async (t) => {
  const claims = { jti: "the same for two keys" };
  t.equal((await ask("service", forItself, { changes: { claims } })).status, 200);
  t.equal((await ask("service", forItself, { key: OTHER, changes: { claims } })).status, 200);
  refusedProof(t, await ask("service", forItself, { changes: { claims } }), /used before/, "the same key");
  t.equal(server.log.findLast(({ operation }) => operation === "token")?.reason, "it was used before");
  const token = (await ask("app", forAlice)).json.access_token;
  const DPoP = prove(MINE, "GET", "/oauth2/userinfo", { claims: hashOf(token) });
  const show = (at: Instance) => at.send("/oauth2/userinfo", { headers: { Authorization: `DPoP ${token}`, DPoP } });
  t.equal((await show(server)).status, 200);
  t.match(await show(another), { status: 401, json: { error: "invalid_dpop_proof" } }, "at another instance");
});

t.test("the record of a proof outlives the proof by five minutes, and no more", async (t) => {
  const claims = { jti: "kept" };
  t.equal((await ask("service", forItself, { changes: { claims } })).status, 200);
  const hash = createHash("sha256").update(`${MINE.jkt}\nkept`).digest();
  const [row] = await sql(database, "SELECT expires_at FROM dpop_proofs WHERE hash = $1", [hash]);
  t.strictSame(row?.expires_at, after(clock, 75));
  const { useProof } = await import("../../src/store/dpop-proofs.js");
  const ago = (seconds: number) => new Date(clock.now() - seconds * 1000);
  t.notOk(await useProof(server.core.db, hash, ago(299), clock.statement()), "known");
  t.ok(await useProof(server.core.db, Buffer.from("new"), ago(299), clock.statement()));
  t.notOk(await useProof(server.core.db, Buffer.from("old"), ago(300), clock.statement()), "its row may be deleted");
});

t.test("the refresh token of a public client is bound in every generation (DP-10, DP-11)", async (t) => {
  let { refresh_token } = (await ask("app", forAlice)).json;
  t.match(await about(refresh_token), { active: true, cnf: { jkt: MINE.jkt } });
  for (const round of [1, 2, 3]) {
    const refresh = { grant_type: "refresh_token", refresh_token };
    for (const key of [OTHER, undefined]) {
      t.match(await ask("app", refresh, { key }), { status: 400, json: { error: "invalid_grant" } }, `round ${round}`);
    }
    const { status, json } = await ask("app", refresh);
    t.match({ status, json }, { status: 200, json: { token_type: "DPoP" } }, `round ${round}: the thief ended nothing`);
    refresh_token = json.refresh_token;
  }
  const stripped = refresh_token.replace(/\.~[\w-]{43}/, "");
  const swapped = refresh_token.replace(MINE.jkt, OTHER.jkt);
  const moved = refresh_token.replace("~", "");
  for (const text of [stripped, swapped, moved]) {
    t.not(text, refresh_token);
    const refresh = { grant_type: "refresh_token", refresh_token: text };
    t.match((await ask("app", refresh, { key: OTHER })).json, { error: "invalid_grant" }, "the key is in the MAC");
  }
});

t.test("an unbound refresh token of a public client becomes bound with its first proof", async (t) => {
  const before = (await ask("app", forAlice, { key: undefined })).json;
  t.equal(before.token_type, "Bearer");
  const { json } = await ask("app", { grant_type: "refresh_token", refresh_token: before.refresh_token });
  t.equal(json.token_type, "DPoP");
  const again = { grant_type: "refresh_token", refresh_token: json.refresh_token };
  t.match((await ask("app", again, { key: undefined })).json, { error: "invalid_grant" });
});

t.test("the refresh token of a confidential client is bound to the client, which may change its key", async (t) => {
  const { refresh_token } = (await ask("service", forAlice)).json;
  t.notOk("cnf" in (await about(refresh_token)));
  const { json } = await ask("service", { grant_type: "refresh_token", refresh_token }, { key: OTHER });
  t.match(payloadOf(json.access_token), { cnf: { jkt: OTHER.jkt } });
});

t.test("a token may be bound to a certificate and to a key, and needs both", async (t) => {
  const mine = selfSigned("this phone");
  const certificate = { "Client-Cert": `:${mine.der.toString("base64")}:` };
  const x5t = createHash("sha256").update(mine.der).digest("base64url");
  const { json } = await ask("both", forAlice, { headers: certificate });
  t.match(payloadOf(json.access_token), { cnf: { "x5t#S256": x5t, jkt: MINE.jkt } });
  t.match(await about(json.refresh_token), { cnf: { "x5t#S256": x5t, jkt: MINE.jkt } });
  t.match(await use(json.access_token, "/oauth2/userinfo"), { status: 401, json: { error: "invalid_token" } });
  const DPoP = prove(MINE, "GET", "/oauth2/userinfo", { claims: hashOf(json.access_token) });
  const headers = { Authorization: `DPoP ${json.access_token}`, DPoP, ...certificate };
  t.equal((await server.send("/oauth2/userinfo", { headers })).status, 200);
  const refresh = { grant_type: "refresh_token", refresh_token: json.refresh_token };
  t.equal((await ask("both", refresh, { key: OTHER, headers: certificate })).status, 400);
  t.equal((await ask("both", refresh, { headers: certificate })).status, 200);
});

t.test("userinfo and the protection API take the scheme DPoP, with a proof of the token (DP-07, DP-08)", async (t) => {
  const person = (await ask("opaque", forAlice)).json.access_token;
  const protector = (await ask("service", { ...forItself, scope: "uma_protection" })).json.access_token;
  const unbound = (await ask("service", forAlice, { key: undefined })).json.access_token;
  for (const [path, token] of [
    ["/oauth2/userinfo", person],
    ["/userinfo", person],
    ["/uma/resources", protector],
    ["/rs/resource_set", protector],
  ] as const) {
    t.equal((await use(token, path)).status, 200, path);
    const lower = { Authorization: `dpop ${token}`, DPoP: prove(MINE, "GET", path, { claims: hashOf(token) }) };
    t.equal((await server.send(path, { headers: lower })).status, 200, `${path}: the scheme in any case`);

    const isOriginal = !path.startsWith("/oauth2") && !path.startsWith("/uma");
    const tokenStatus = path === "/userinfo" ? 400 : 401;
    const tokenError = { status: tokenStatus, json: { error: "invalid_token" } };
    const proof = () => ({ DPoP: prove(MINE, "GET", path, { claims: hashOf(token) }) });
    const bearer = { headers: { Authorization: `Bearer ${token}` } };
    t.match(await server.send(path, bearer), tokenError, `${path}: as Bearer`);
    t.match(
      await server.send(path, { headers: { ...bearer.headers, ...proof() } }),
      tokenError,
      `${path}: with a proof too`,
    );
    t.match(await use(token, path, OTHER), tokenError, `${path}: another key`);
    t.match(await use(unbound, path), tokenError, `${path}: a token that is not bound`);

    const bad: Readonly<Record<string, ProofChanges>> = {
      "no ath": { claims: { ath: undefined } },
      "the ath of another token": { claims: hashOf(unbound) },
      "an ath in hexadecimal": { claims: { ath: createHash("sha256").update(token).digest("hex") } },
      "another htm": { claims: { htm: "POST" } },
      "the htu of another resource": { claims: { htu: `${ISSUER}/elsewhere` } },
      "an old iat": { claims: { iat: now() - 76 } },
      "alg none": { header: { alg: "none" }, signer: () => Buffer.alloc(0) },
    };
    for (const [name, changes] of Object.entries(bad)) {
      const reply = await use(token, path, MINE, changes);
      t.match(reply, { status: 401, json: { error: "invalid_dpop_proof" } }, `${path}: ${name}`);
      t.match(reply.headers.get("www-authenticate"), /^DPoP .*error="invalid_dpop_proof".*algs="[^"]*ES256/);
    }
    const without = await server.send(path, { headers: { Authorization: `DPoP ${token}` } });
    t.match(without, { status: 401, json: { error: "invalid_dpop_proof" } }, `${path}: no proof`);
    if (isOriginal) continue;
    const challengeOf = (reply: Reply) => reply.headers.get("www-authenticate")!;
    t.match(challengeOf(await use("x", path)), /^DPoP realm="jeton", error="invalid_token".*, algs="[^"]*ES256/, path);
    for (const reply of [await server.send(path), await server.send(path, bearer)]) {
      t.match(challengeOf(reply), /^Bearer realm="jeton"/, `${path}: without the scheme as before`);
    }
  }
});

t.test("a bound token in the body of userinfo is a bearer token, and refused", async (t) => {
  const { access_token } = (await ask("app", forAlice)).json;
  const path = "/oauth2/userinfo";
  const send = (headers: Record<string, string>) => server.post(path, { access_token }, headers);
  t.equal((await send({})).status, 401);
  t.equal((await send({ DPoP: prove(MINE, "POST", path, { claims: hashOf(access_token) }) })).status, 401);
  t.equal((await send({ Authorization: `DPoP ${access_token}` })).status, 400, "two tokens");
});

t.test("introspection by a bound PAT needs the proof, and the users of an app too", async (t) => {
  const { access_token } = (await ask("service", { ...forItself, scope: "uma_protection" })).json;
  const form = { token: (await ask("app", forAlice)).json.access_token };
  const DPoP = proofFor(STANDARD.introspect, MINE, { claims: hashOf(access_token) });
  const by = (headers: Record<string, string>) => server.post(STANDARD.introspect, form, headers);
  t.equal((await by({ Authorization: `DPoP ${access_token}`, DPoP })).status, 200);
  t.equal((await by({ Authorization: `DPoP ${access_token}`, DPoP })).status, 401, "again");
  t.equal((await by({ Authorization: `Bearer ${access_token}` })).status, 401);
  const person = (await ask("opaque", forAlice)).json.access_token;
  const me = await server.send("/api/apps/opaque/users/me", { headers: { Authorization: `Bearer ${person}` } });
  t.equal(me.status, 403);
});

t.test("requesting party tokens are bound, and a public client upgrades only what it holds", async (t) => {
  const by = await pat(server);
  const [one, two] = [await register(server, by), await register(server, by)];
  await allow(server, by, [one, two], { users: ["user-bob"], scopes: ["view"] });
  const claim = { claim_token: await idToken(server, "user-bob", "app"), claim_token_format: FORMAT };
  const rptFor = async (id: string, more: Form, key: DpopKey) => {
    const ticket = await ticketFor(server, by, { [id]: ["view"] });
    return (await ask("app", { grant_type: URN, ticket, ...claim, ...more }, { key })).json;
  };
  const first = await rptFor(one, {}, MINE);
  t.match(payloadOf(first.access_token), { cnf: { jkt: MINE.jkt } });
  t.equal(first.token_type, "DPoP");
  t.notOk((await rptFor(two, { rpt: first.access_token }, OTHER)).upgraded);
  t.ok((await rptFor(two, { rpt: first.access_token }, MINE)).upgraded);
});

// A proxy maps the path of the issuer to this server.
const below = (path: string) => path.replace("/base/", "/");
const loggedIn = new Browser({
  send: (path, init) => server.send(below(path), init),
  post: (path, form, headers) => server.post(below(path), form, headers),
});

t.test("a code is bound to the key that dpop_jkt names (DP-09, DP-11)", async (t) => {
  const browser = loggedIn;
  const { verifier: code_verifier, challenge } = pkce();
  const asked = {
    client_id: "service",
    redirect_uri: CALLBACK,
    response_type: "code",
    scope: "openid api1",
    ...challenge,
  };
  const authorize = async (more: Form) => browser.open(`/oauth2/authorize?${query({ ...asked, ...more })}`);
  const login = await authorize({ dpop_jkt: MINE.jkt });
  const first = answerOf(
    await browser.submit(login, "login", { username: "alice", password: ALICE.password, action: "login" }),
  );
  const redeem = (code: string) => ({ grant_type: "authorization_code", code, code_verifier, redirect_uri: CALLBACK });

  t.match(first.code, /^jac_/);
  for (const key of [OTHER, undefined]) {
    t.match(await ask("service", redeem(first.code!), { key }), { status: 400, json: { error: "invalid_grant" } });
  }
  const stripped = first.code!.replace(`.${MINE.jkt}`, "");
  t.match(
    (await ask("service", redeem(stripped), { key: OTHER })).json,
    { error: "invalid_grant" },
    "it is in the MAC",
  );
  t.match(
    await ask("service", redeem(first.code!)),
    { status: 200, json: { token_type: "DPoP" } },
    "no one used it up",
  );

  const unbound = answerOf(await authorize({ prompt: "none" }));
  t.match(await ask("service", redeem(unbound.code!)), { status: 200 }, "a code that is not bound takes any key");
  for (const dpop_jkt of ["", "x", `${MINE.jkt}A`, `${MINE.jkt.slice(1)}=`]) {
    const answer = answerOf(await authorize({ dpop_jkt, prompt: "none" }));
    t.match(answer, dpop_jkt === "" ? { code: String } : { error: "invalid_request" }, `dpop_jkt=${dpop_jkt}`);
  }
});

t.test("a proof beside a pushed request binds the code too", async (t) => {
  const { verifier: code_verifier, challenge } = pkce();
  const asked = { redirect_uri: CALLBACK, response_type: "code", scope: "openid", state: "x", ...challenge };
  const path = "/oauth2/par";
  const push = (more: Form, key: DpopKey | undefined = MINE) => ask("service", { ...asked, ...more }, { path, key });
  const both = await push({ dpop_jkt: OTHER.jkt });
  t.match(both, {
    status: 400,
    json: { error: "invalid_dpop_proof", error_description: /dpop_jkt names another key/ },
  });
  refusedProof(t, await ask("service", asked, { path, changes: { claims: { htm: "GET" } } }), /htm/, "a bad proof");
  const browser = loggedIn;
  for (const more of [{}, { dpop_jkt: MINE.jkt }]) {
    const { request_uri } = (await push(more)).json;
    const answer = answerOf(await browser.open(`/oauth2/authorize?${query({ client_id: "service", request_uri })}`));
    const redeem = { grant_type: "authorization_code", code: answer.code, code_verifier, redirect_uri: CALLBACK };
    t.match(await ask("service", redeem, { key: OTHER }), { status: 400, json: { error: "invalid_grant" } });
    t.match(await ask("service", redeem), { status: 200, json: { token_type: "DPoP" } });
  }
});

t.test("revoking needs no proof", async (t) => {
  const { access_token } = (await ask("app", forAlice)).json;
  t.equal((await server.post(STANDARD.revoke, { token: access_token, client_id: "app" })).status, 200);
  t.match(await about(access_token), { active: false });
});

t.test("with DPOP_NONCE=required every proof needs a fresh nonce, which each instance accepts (DP-06)", async (t) => {
  const nonceOf = (reply: Reply) => reply.headers.get("dpop-nonce") ?? "";
  const tokenWith = (nonce: unknown, at = fresh, more: object = {}) =>
    ask("service", forItself, { at, changes: { claims: { nonce, ...more } } });
  const asked = await tokenWith(undefined, fresh, { iat: now() - 86_400 });
  t.match(asked, { status: 400, json: { error: "use_dpop_nonce" } });
  const nonce = nonceOf(asked);
  t.match(nonce, /^[\x21\x23-\x5b\x5d-\x7e]+$/, "the characters of section 8.1");
  for (const at of [fresh, beside]) {
    const reply = await tokenWith(nonce, at);
    t.equal(reply.status, 200);
    t.ok(nonceOf(reply), "the next nonce comes with the answer");
  }
  const wrong = [
    ...["", "x", nonce.replace(/^\d/, "9"), nonce.slice(0, -1), `${nonce}A`, nonce.toUpperCase()],
    ...[7, [nonce], null, `${nonce} `, nonce.replace(/^\d+/, (time) => `0${time}`)],
  ];
  for (const one of wrong) t.match((await tokenWith(one)).json, { error: "use_dpop_nonce" }, String(one));
  t.equal((await tokenWith(nonce, fresh, { iat: now() - 86_400 })).status, 200, "the nonce says how old the proof is");

  const { json } = await ask("app", forAlice, { at: fresh, changes: { claims: { nonce } } });
  const show = (claims: object, at = fresh) => use(json.access_token, "/oauth2/userinfo", MINE, { claims }, at);
  const refused = await show({});
  t.match(refused, { status: 401, json: { error: "use_dpop_nonce" } });
  t.match(refused.headers.get("www-authenticate"), /^DPoP .*error="use_dpop_nonce"/);
  t.equal((await show({ nonce: nonceOf(refused) }, beside)).status, 200);

  clock.advance(299);
  t.equal((await tokenWith(nonceOf(asked))).status, 400, "the nonce is as old as its minute");
  const next = nonceOf(await tokenWith(undefined));
  t.not(next, nonce);
  t.equal((await tokenWith(next)).status, 200);
  const proof = { DPoP: proofFor(STANDARD.token, MINE, { claims: { nonce: next, jti: "once" } }) };
  const once = (at: Instance) => ask("service", forItself, { key: undefined, headers: proof, at });
  t.equal((await once(fresh)).status, 200);
  t.equal((await once(beside)).status, 400, "a nonce makes no proof good twice");
});

t.test("a page of the client reads nonce and challenge", async (t) => {
  const Origin = "https://app.example";
  const reply = await ask(
    "app",
    { grant_type: "refresh_token", refresh_token: "x" },
    { at: fresh, headers: { Origin } },
  );
  t.equal(reply.status, 400);
  t.ok(reply.headers.get("dpop-nonce"));
  t.match(reply.headers.get("access-control-expose-headers"), /DPoP-Nonce/);
  t.match(reply.headers.get("access-control-expose-headers"), /WWW-Authenticate/);
  const preflight = await server.send(STANDARD.token, {
    method: "OPTIONS",
    headers: { Origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "dpop" },
  });
  t.match(preflight.headers.get("access-control-allow-headers"), /dpop/i);
});

t.test("no answer has a nonce that was not wanted, and the metadata lists the algorithms", async (t) => {
  t.equal((await ask("service", forItself)).headers.get("dpop-nonce"), null);
  t.equal((await ask("service", forItself, { at: fresh, key: undefined })).headers.get("dpop-nonce"), null);
  for (const path of [
    "/.well-known/oauth-authorization-server",
    "/simple-identity-server/.well-known/openid-configuration",
  ]) {
    const { dpop_signing_alg_values_supported: names } = (await server.send(path)).json;
    t.ok(["ES256", "PS256", "EdDSA"].every((alg) => names.includes(alg)));
    t.notOk(names.some((alg: string) => alg === "none" || alg.startsWith("HS")));
  }
});

t.test("a proof that is not a JWS of ours stays out of the log", async (t) => {
  const DPoP = `${jws({ typ: "x" }, { secret: "never logged" }, () => Buffer.from("x"))}`;
  await ask("service", forItself, { key: undefined, headers: { DPoP } });
  t.notMatch(JSON.stringify(server.log), DPoP.split(".")[1]!);
});
