import { createHmac } from "node:crypto";
import { decodeJwt, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from "jose";
import t from "tap";
import { TestClock } from "../support/clock.js";
import { runCommand } from "../support/commands.js";
import { dpopKey, prover } from "../support/dpop.js";
import { SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Reply } from "../support/instance.js";
import { startRemote } from "../support/remote.js";
import { isActive } from "../support/tokens.js";

/** The JWT bearer grant (RFC 7523 section 2.1) over two instances: assertions of registered issuers about users. */

const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ISSUER = "https://issuer.example";
const OWN = "http://localhost:3000";

const pair = await generateKeyPair("ES256");
const stranger = await generateKeyPair("ES256");
const jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: "one" }] };

const clock = new TestClock();
const env = { ISSUER: OWN, JWKS_URI_ALLOW_PRIVATE: "true" };
const remote = await startRemote(t, (_request, response) => response.end(JSON.stringify(jwks)));
const robot = { client_secret: SECRET, grant_types: [GRANT, "refresh_token"], scope: "openid orders stock" };
const server = await startInstance(t, {
  clock,
  env,
  provision: {
    scopes: [
      { name: "orders", audience: "https://orders.example" },
      { name: "stock", audience: "https://stock.example" },
    ],
    clients: [
      { ...robot, client_id: "robot" },
      { ...robot, client_id: "short", access_token_lifetime: 60 },
      { ...robot, client_id: "stranger" },
      { ...robot, client_id: "without-grant", grant_types: ["client_credentials"] },
      { client_id: "gateway", client_secret: SECRET, scope: "jeton:introspect" },
    ],
    issuers: [
      { issuer: ISSUER, jwks, clients: ["robot", "short"], scopes: ["orders", "openid"] },
      {
        issuer: "https://mail.example",
        jwks,
        clients: ["robot"],
        scopes: ["orders"],
        subject_claim: "email",
        subject_is: "identifier",
        claims: { email_verified: true, hd: "example.com" },
        assertion_lifetime: 3_600,
      },
      { issuer: "https://few.example", jwks, clients: ["robot"], scopes: ["orders"], subjects: ["user-bob"] },
      { issuer: "https://remote.example", jwks_uri: `${remote.url}/keys`, clients: ["robot"], scopes: ["orders"] },
      { issuer: "https://off.example", jwks, clients: ["robot"], scopes: ["orders"], disabled: true },
      { issuer: OWN, jwks, clients: ["robot"], scopes: ["orders"] },
    ],
    users: [
      { sub: "user-alice", preferred_username: "alice", email: "alice@example.com", email_verified: true },
      { sub: "user-bob", preferred_username: "bob", email: "bob@example.com" },
      { sub: "user-gone", preferred_username: "gone", disabled: true },
    ],
    apps: [{ app_id: "app", app_key: SECRET, client_id: "administrator", client_secret: SECRET }],
    things: [{ app_id: "app", vendor_thing_id: "thing", password: SECRET }],
  },
});
const other = await startInstance(t, { clock, env, database: server.database });

const now = () => Math.floor(clock.now() / 1000);
let count = 0;

type Change = Readonly<Record<string, unknown>>;

/** The claims of an assertion about Alice, changed. */
const claims = (change: Change = {}): JWTPayload => ({
  iss: ISSUER,
  sub: "user-alice",
  aud: OWN,
  iat: now(),
  exp: now() + 120,
  jti: `jti-${(count += 1)}`,
  ...change,
});

const sign = (payload: JWTPayload, key = pair.privateKey, header: object = {}): Promise<string> =>
  new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid: "one", ...header }).sign(key);

const send = (assertion: string, form: Form = {}, client_id = "robot", on = server): Promise<Reply> =>
  on.post("/oauth2/token", { grant_type: GRANT, assertion, ...form }, basic(client_id, SECRET));

const ask = async (change: Change = {}, form: Form = {}, client_id = "robot"): Promise<Reply> =>
  send(await sign(claims(change)), form, client_id);

t.test("an assertion of a registered issuer gets an access token of the user", async (t) => {
  const { status, json } = await ask();
  t.equal(status, 200);
  t.strictSame(Object.keys(json).sort(), ["access_token", "expires_in", "scope", "token_type"], "no refresh token");
  t.equal(json.scope, "openid orders", "what client and issuer have in common");
  t.match(decodeJwt(json.access_token), { sub: "user-alice", client_id: "robot", aud: "https://orders.example" });
  t.ok(json.expires_in <= 135, "it does not outlive the assertion");
  t.equal((await ask({}, {}, "short")).json.expires_in, 60);
  t.equal((await ask({ aud: `${OWN}/oauth2/token` }, { scope: "orders" })).json.scope, "orders");
  t.equal((await ask({ iss: "https://remote.example" })).status, 200, "its keys are at a URL");
  t.ok(await isActive(other, json.access_token));
  const line = server.log.find(({ jti }) => jti === decodeJwt(json.access_token).jti);
  t.equal(line?.assertion_issuer, ISSUER, "the log names who vouched for the user");
  await runCommand(server, ["revoke", "--user", "user-alice"]);
  t.notOk(await isActive(other, json.access_token), "it ends with its user");
});

t.test("a DPoP proof beside the assertion binds the token", async (t) => {
  const key = dpopKey();
  const headers = { ...basic("robot", SECRET), DPoP: prover(OWN, clock)(key, "POST", "/oauth2/token") };
  const form = { grant_type: GRANT, assertion: await sign(claims()) };
  const { json } = await server.post("/oauth2/token", form, headers);
  t.equal(json.token_type, "DPoP");
  t.match(decodeJwt(json.access_token), { cnf: { jkt: key.jkt } });
});

t.test("a claim may name the user by an identifier", async (t) => {
  const mail = {
    iss: "https://mail.example",
    sub: "117",
    email: "Alice@EXAMPLE.com",
    email_verified: true,
    hd: "example.com",
  };
  const { json } = await ask({ ...mail, exp: now() + 3_600 });
  t.equal(decodeJwt(json.access_token).sub, "user-alice");
  const refused = async (change: Change) => (await ask({ ...mail, ...change })).json.error;
  t.equal(await refused({ email_verified: "true" }), "invalid_grant", "JB-05 a demanded claim has another type");
  t.equal(await refused({ hd: undefined }), "invalid_grant", "JB-05 a demanded claim is missing");
  t.equal(await refused({ email: "bob@example.com" }), "invalid_grant", "an email that is not verified here");
});

const REFUSED: readonly (readonly [what: string, change: Change, reason: string | RegExp])[] = [
  ["JB-01 an unknown issuer", { iss: "https://evil.example" }, "its issuer is not registered"],
  ["JB-01 no issuer", { iss: undefined }, "names no issuer"],
  ["JB-01 an issuer that is disabled", { iss: "https://off.example" }, "its issuer is disabled"],
  ["JB-01 this server as the issuer", { iss: OWN }, "names this server"],
  ["JB-03 another audience", { aud: "https://another.example" }, /audience/],
  ["JB-03 a further audience", { aud: [OWN, "https://another.example"] }, /audience/],
  ["JB-04 no expiry", { exp: undefined }, /expired/],
  ["JB-04 an expiry in the past", { exp: 1 }, /expired/],
  ["JB-04 a life of a day", { exp: 4_102_444_800 }, /live/],
  ["JB-04 a beginning in the future", { nbf: 4_102_444_800 }, /valid/],
  ["JB-02 no jti", { jti: undefined }, /jti/],
  ["JB-05 a user who does not exist", { sub: "user-carol" }, "no such user, or a disabled one"],
  ["JB-05 a disabled user", { sub: "user-gone" }, "no such user, or a disabled one"],
  ["JB-05 no user", { sub: undefined }, "names no user"],
  [
    "JB-05 a user whom the issuer may not name",
    { iss: "https://few.example" },
    "its subject is not among those of the issuer",
  ],
];

t.test("an assertion that is not accepted gets one answer, and the log has the reason", async (t) => {
  for (const [what, change, reason] of REFUSED) {
    const { status, json } = await ask(change);
    t.match(
      { status, ...json },
      { status: 400, error: "invalid_grant", error_description: "the assertion is not accepted" },
      what,
    );
    t.match(
      server.log.findLast(({ grant_type }) => grant_type === GRANT),
      { outcome: "refused", reason },
      what,
    );
  }
  const thing = (await server.core.db.pool.query<{ sub: string }>("SELECT sub FROM things")).rows[0]!.sub;
  t.equal((await ask({ sub: thing })).json.error, "invalid_grant", "JB-05 a thing, which only its app knows");
});

t.test("JB-01 a signature that is not the issuer's is refused", async (t) => {
  const hmac = (text: string) => createHmac("sha256", JSON.stringify(jwks.keys[0])).update(text).digest("base64url");
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const withSecret = `${part({ alg: "HS256" })}.${part(claims())}`;
  const ROWS: readonly (readonly [what: string, assertion: string])[] = [
    ["another key", await sign(claims(), stranger.privateKey)],
    ["no signature", new UnsecuredJWT(claims()).encode()],
    ["the public key as a secret", `${withSecret}.${hmac(withSecret)}`],
    [
      "JB-06 an assertion that was made to authenticate a client",
      await sign(claims(), pair.privateKey, { typ: "client-authentication+jwt" }),
    ],
    ["JB-06 an access token", await sign(claims(), pair.privateKey, { typ: "at+jwt" })],
    ["a text", "text"],
  ];
  for (const [what, assertion] of ROWS)
    t.match(await send(assertion), { status: 400, json: { error: "invalid_grant" } }, what);
});

t.test("JB-02 of many uses of an assertion on two instances one succeeds", async (t) => {
  const assertion = await sign(claims());
  const replies = await Promise.all(
    Array.from({ length: 16 }, (_, at) => send(assertion, {}, "robot", at % 2 === 0 ? server : other)),
  );
  t.equal(replies.filter(({ status }) => status === 200).length, 1);
  for (const { status, json } of replies)
    if (status !== 200) t.match({ status, ...json }, { status: 400, error: "invalid_grant" });
  clock.advance(130);
  t.equal((await send(assertion)).status, 400, "also within the clock tolerance after its expiry");
});

t.test("a refused request does not use the assertion up", async (t) => {
  const assertion = await sign(claims());
  t.equal(
    (await send(assertion, { scope: "stock" })).json.error,
    "invalid_scope",
    "the issuer gives less than the client may have",
  );
  t.equal(
    (await send(assertion, {}, "stranger")).json.error,
    "invalid_grant",
    "JB-07 a client that may not use the issuer",
  );
  t.equal((await send(assertion, {}, "without-grant")).json.error, "unauthorized_client");
  t.equal(
    (await send(assertion, { resource: "https://orders.example https://stock.example" })).json.error,
    "invalid_target",
    "the issuer gives nothing for one of the resource servers",
  );
  t.equal((await send(assertion)).status, 200);
  t.equal((await send("")).json.error_description, "the parameter assertion is missing");
});

t.test("jeton issuer list names the issuers and their demands", async (t) => {
  const listed = await runCommand(server, ["issuer", "list"]);
  t.match(
    listed.find(({ issuer }: { issuer: string }) => issuer === "https://few.example"),
    { subjects: ["user-bob"], keys: 1 },
  );
});
