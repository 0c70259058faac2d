import { generateKeyPairSync } from "node:crypto";
import t from "tap";
import { authorizationAt } from "../support/authorization.js";
import { asserted, claimsOf as assertionClaims, ecdsa, jws, rsa, type Signer } from "../support/assertions.js";
import { TestClock } from "../support/clock.js";
import { SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form } from "../support/instance.js";
import { answerOf, query } from "../support/web.js";
import { CALLBACK, loggedIn, OTHER_CALLBACK, WEB } from "../support/web-fleet.js";

/** Signed authorization requests (RFC 9101). */

const clock = new TestClock();
const elliptic = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsaPair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwkOf = ({ publicKey }: typeof elliptic, kid: string) => ({ ...publicKey.export({ format: "jwk" }), kid });
const jwks = { keys: [jwkOf(elliptic, "ec"), jwkOf(rsaPair, "rsa")] };

const app = {
  ...WEB.clients.find(({ client_id }) => client_id === "trusted")!,
  redirect_uris: [CALLBACK, OTHER_CALLBACK],
  jwks,
};
const server = await startInstance(t, {
  provision: {
    ...WEB,
    clients: [
      ...WEB.clients,
      { ...app, client_id: "signs" },
      { ...app, client_id: "signs-rsa", request_object_signing_alg: "PS256" },
      { ...app, client_id: "must-sign", require_signed_request_object: true },
      { ...app, client_id: "must-push", require_pushed_authorization_requests: true },
      { ...app, client_id: "keyless", jwks: undefined },
      { ...app, client_id: "remote", jwks: undefined, jwks_uri: "https://127.0.0.1:1/keys" },
      { ...app, client_id: "asserts", client_secret: undefined, token_endpoint_auth_method: "private_key_jwt" },
    ],
  },
  clock,
});
const { issuer } = server.core;
const { refusedHere, toldClient } = authorizationAt(server);
const alice = await loggedIn(server);

const seconds = () => Math.floor(clock.now() / 1000);
const REQUEST = { response_type: "code", redirect_uri: CALLBACK, scope: "openid profile", state: "inside" };

/** The claims of a good object, as a client with all the rules of FAPI makes them; what is undefined is left out. */
function claimsOf(client_id: string, changed: object = {}): object {
  const now = seconds();
  const own = { iss: client_id, aud: issuer, client_id, iat: now, nbf: now, exp: now + 60, jti: "once" };
  return { ...own, ...REQUEST, ...changed };
}

const HEADER = { alg: "ES256", kid: "ec", typ: "oauth-authz-req+jwt" };

function objectOf(client_id: string, changed: object = {}, header: object = {}, signer?: Signer): string {
  return jws({ ...HEADER, ...header }, claimsOf(client_id, changed), signer ?? ecdsa(elliptic.privateKey));
}

const addressOf = (request: string, more: Form = {}) =>
  `/oauth2/authorize?${query({ client_id: "signs", request, ...more })}`;

t.test("a signed request is answered like one whose parameters are sent", async (t) => {
  const { code, state } = answerOf(await alice.get(addressOf(objectOf("signs"))));
  t.match({ code, state }, { code: String, state: "inside" });
  const form = Object.fromEntries(new URLSearchParams({ client_id: "signs", request: objectOf("signs") }));
  const posted = await server.post("/oauth2/authorize", form);
  t.match(answerOf(await alice.open(posted.headers.get("location")!)), { code: String }, "by POST too");
  for (const typ of [undefined, "JWT", "application/oauth-authz-req+jwt"])
    t.match(answerOf(await alice.get(addressOf(objectOf("signs", {}, { typ })))), { code: String }, `${typ}`);
});

t.test("numbers, objects and lists of audiences are read as JSON has them", async (t) => {
  const changed = { max_age: 100_000, claims: { userinfo: { name: null } }, aud: ["https://other.example", issuer] };
  t.match(answerOf(await alice.get(addressOf(objectOf("signs", changed)))), { code: String });
  const old = objectOf("signs", { max_age: 0, prompt: "none" });
  t.match(answerOf(await alice.get(addressOf(old))), { error: "login_required", state: "inside" });
  t.match(answerOf(await alice.get(addressOf(objectOf("signs", { claims: { userinfo: 1 } })))), {
    error: "invalid_request",
  });
});

t.test("RO-01 parameters beside the object are ignored", async (t) => {
  const beside = { state: "outside", scope: "api1", redirect_uri: "https://evil.example/", response_mode: "fragment" };
  const reply = await alice.get(addressOf(objectOf("signs"), beside));
  t.match(answerOf(reply), { code: String, state: "inside" });
  const without = objectOf("signs", { response_type: undefined });
  await toldClient(t, await alice.get(addressOf(without, { response_type: "code" })), {
    error: "invalid_request",
    error_description: "the parameter response_type is missing",
    state: "inside",
  });
});

const HOUR = 60 * 60;
const NOT_SUPPORTED = "request_not_supported";
const INVALID = "invalid_request_object";

/** Objects that are refused. Where the signature is right, the address inside gets the error, else the one beside. */
const REFUSED: readonly (readonly [string, string, () => string, string])[] = [
  ["RO-02", "alg none", () => objectOf("signs", {}, { alg: "none" }, () => Buffer.alloc(0)), NOT_SUPPORTED],
  ["RO-02", "alg NONE", () => objectOf("signs", {}, { alg: "NONE" }, () => Buffer.alloc(0)), NOT_SUPPORTED],
  ["RO-02", "encryption", () => "e30.e30.e30.e30.e30", NOT_SUPPORTED],
  ["RO-03", "the key of a stranger", () => objectOf("signs", {}, {}, ecdsa(stranger.privateKey)), INVALID],
  ["RO-03", "an unknown kid", () => objectOf("signs", {}, { kid: "other" }), INVALID],
  ["RO-03", "a changed payload", () => objectOf("signs").replace(/\.(.)/, ".A$1"), INVALID],
  [
    "RO-03",
    "a jwk in its header",
    () => objectOf("signs", {}, { jwk: jwks.keys[0], kid: undefined, alg: "HS256" }),
    INVALID,
  ],
  ["RO-03", "garbage", () => "garbage", INVALID],
  ["RO-03", "a critical extension", () => objectOf("signs", {}, { crit: ["exp"] }), INVALID],
  ["RO-04", "the type of an access token", () => objectOf("signs", {}, { typ: "at+jwt" }), INVALID],
  ["RO-04", "the type of an assertion", () => objectOf("signs", {}, { typ: "client-authentication+jwt" }), INVALID],
  ["RO-04", "the client as its subject", () => objectOf("signs", { sub: "signs" }), INVALID],
  ["RO-05", "another issuer", () => objectOf("signs", { iss: "must-sign" }), INVALID],
  ["RO-05", "another client", () => objectOf("signs", { client_id: "must-sign" }), INVALID],
  ["RO-05", "no client_id", () => objectOf("signs", { client_id: undefined }), INVALID],
  ["RO-06", "another audience", () => objectOf("signs", { aud: "https://other.example" }), INVALID],
  ["RO-07", "an exp in the past", () => objectOf("signs", { exp: seconds() - 15 }), INVALID],
  ["RO-07", "an nbf in the future", () => objectOf("signs", { nbf: seconds() + 16 }), INVALID],
  ["RO-07", "an iat in the future", () => objectOf("signs", { iat: seconds() + 16 }), INVALID],
  ["RO-08", "a request inside", () => objectOf("signs", { request: objectOf("signs") }), INVALID],
  ["RO-08", "a request_uri inside", () => objectOf("signs", { request_uri: "https://x.example" }), INVALID],
  ...[{ exp: "soon" }, { jti: 1 }, { jti: "" }, { jti: "x".repeat(1_025) }, { aud: 1 }, { client_id: {} }].map(
    (changed) =>
      [
        "RO-03",
        `the claims ${JSON.stringify(changed).slice(0, 40)}`,
        () => objectOf("signs", changed),
        INVALID,
      ] as const,
  ),
];
for (const [id, what, make, error] of REFUSED) {
  t.test(`${id} a request object with ${what} is refused`, async (t) => {
    const beside = { redirect_uri: CALLBACK, state: "outside" };
    const reply = await alice.get(addressOf(make(), beside));
    const { error_description, state } = answerOf(reply);
    await toldClient(t, reply, { error, error_description, state });
    const alone = await alice.get(addressOf(make()));
    if (state === "inside") await toldClient(t, alone, { error, error_description, state });
    else await refusedHere(t, alone, error_description!);
    const form = { client_id: "signs", request: make(), ...beside };
    t.match(await server.post("/oauth2/par", form, basic("signs", SECRET)), { status: 400, json: { error } });
  });
}

t.test("RO-03 only the registered algorithm and keys of the client count", async (t) => {
  const pss = { padding: 6, saltLength: 32 };
  const signed = (alg: string, signer: Signer, kid: string) =>
    addressOf(objectOf("signs-rsa", {}, { alg, kid }, signer), { client_id: "signs-rsa", redirect_uri: CALLBACK });
  t.match(answerOf(await alice.get(signed("PS256", rsa(rsaPair.privateKey, pss), "rsa"))), { code: String });
  t.match(answerOf(await alice.get(signed("RS256", rsa(rsaPair.privateKey), "rsa"))), { error: INVALID });
  t.match(answerOf(await alice.get(signed("ES256", ecdsa(elliptic.privateKey), "ec"))), { error: INVALID });
  for (const client_id of ["keyless", "remote"]) {
    const address = addressOf(objectOf(client_id), { client_id, redirect_uri: CALLBACK });
    t.match(answerOf(await alice.get(address)), { error: INVALID }, client_id);
  }
});

t.test("RO-05 an object of one client is none of another", async (t) => {
  const stolen = addressOf(objectOf("signs"), { client_id: "must-sign", redirect_uri: CALLBACK });
  t.match(answerOf(await alice.get(stolen)), { error: INVALID });
});

t.test("RO-09 a client that must sign is refused without a fresh object, everywhere", async (t) => {
  const as = { client_id: "must-sign" };
  const plain = { ...REQUEST, ...as };
  await toldClient(t, await alice.get(`/oauth2/authorize?${query(plain)}`), {
    error: "invalid_request",
    error_description: "the client must sign its authorization requests",
    state: "inside",
  });
  t.match(await server.post("/oauth2/par", plain, basic("must-sign", SECRET)), { status: 400 });
  const now = seconds();
  for (const [what, changed, answer] of [
    ["a fresh one", {}, { code: String }],
    ["the longest", { nbf: now - HOUR, exp: now + 1 }, { error: INVALID }],
    ["an hour", { nbf: now, exp: now + HOUR }, { code: String }],
    ["longer than an hour", { nbf: now, exp: now + HOUR + 1 }, { error: INVALID }],
    ["an old one", { nbf: now - HOUR - 16, exp: now - 14 }, { error: INVALID }],
    ["without exp", { exp: undefined }, { error: INVALID }],
    ["without nbf", { nbf: undefined }, { error: INVALID }],
    ["without iss", { iss: undefined }, { error: INVALID }],
    ["without aud", { aud: undefined }, { error: INVALID }],
  ] as const) {
    t.match(answerOf(await alice.get(addressOf(objectOf("must-sign", changed), as))), answer, what);
  }
  t.match(answerOf(await alice.get(addressOf(objectOf("signs", { exp: undefined, nbf: undefined })))), {
    code: String,
  });
});

t.test("a signed request can be pushed, and its reference is then the request", async (t) => {
  const form = { client_id: "must-push", request: objectOf("must-push"), state: "outside" };
  const direct = await alice.get(addressOf(form.request, { client_id: "must-push", redirect_uri: CALLBACK }));
  t.match(answerOf(direct), { error: "invalid_request" }, "by the browser it is no pushed request");
  const { status, json } = await server.post("/oauth2/par", form, basic("must-push", SECRET));
  t.equal(status, 201);
  const reply = await alice.get(
    `/oauth2/authorize?${query({ client_id: "must-push", request_uri: json.request_uri })}`,
  );
  t.match(answerOf(reply), { code: String, state: "inside" });
  const wrong = await server.post("/oauth2/par", { request: objectOf("signs") }, basic("must-push", SECRET));
  t.match(wrong, { status: 400, json: { error: INVALID } }, "RO-05 and only by its own client");
});

t.test("a client that pushes may name the server, its token endpoint or this endpoint in its assertion", async (t) => {
  const assert = (changed: object) =>
    asserted(jws({ alg: "ES256" }, claims("asserts", changed), ecdsa(elliptic.privateKey)));
  const claims = (client_id: string, changed: object) => assertionClaims(client_id, issuer, clock.now(), changed);
  for (const aud of [issuer, `${issuer}/oauth2/token`, `${issuer}/oauth2/par`])
    t.equal((await server.post("/oauth2/par", { ...REQUEST, ...assert({ aud }) })).status, 201, aud);
  t.equal(
    (await server.post("/oauth2/par", { ...REQUEST, ...assert({ aud: `${issuer}/oauth2/authorize` }) })).status,
    401,
  );
});

t.test("RO-04 an assertion is no request object, and a request object is no assertion", async (t) => {
  const sign = (claims: object, typ?: string) =>
    jws({ alg: "ES256", kid: "ec", typ }, claims, ecdsa(elliptic.privateKey));
  const assertion = sign({ ...assertionClaims("asserts", issuer, clock.now()), ...REQUEST, client_id: "asserts" });
  t.match(answerOf(await alice.get(addressOf(assertion, { client_id: "asserts" }))), { error: INVALID });
  for (const typ of [undefined, "oauth-authz-req+jwt"]) {
    const form = { ...REQUEST, ...asserted(sign(claimsOf("asserts"), typ)) };
    t.match(await server.post("/oauth2/par", form), { status: 401, json: { error: "invalid_client" } }, `${typ}`);
  }
});

t.test("a user who reloads the address of a signed request is not stranded", async (t) => {
  const address = addressOf(objectOf("signs"));
  for (let visit = 0; visit < 3; visit += 1) t.match(answerOf(await alice.get(address)), { code: String });
  clock.advance(60 + 15);
  t.match(
    answerOf(await alice.get(address)),
    { error: INVALID, state: "inside" },
    "its client is told when it expired",
  );
});

t.test("metadata announces the algorithms of request objects", async (t) => {
  const { json } = await server.send("/.well-known/openid-configuration");
  t.match(json, { request_parameter_supported: true, require_signed_request_object: false });
  t.ok(json.request_object_signing_alg_values_supported.includes("PS256"));
  t.notOk(json.request_object_signing_alg_values_supported.some((alg: string) => /none|HS/.test(alg)));
});
