import { decodeJwt, decodeProtectedHeader } from "jose";
import t from "tap";
import { selfSigned } from "../support/certificate.js";
import { TestClock } from "../support/clock.js";
import { runCommand, showToken } from "../support/commands.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Reply } from "../support/instance.js";
import { introspect, isActive, logIn, refresh } from "../support/tokens.js";
import { until } from "../support/until.js";
import { answerOf, Browser, pkce, query } from "../support/web.js";

/** Token exchange (RFC 8693) over two instances: who may exchange what, and what ends the new token. */

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const JWT = "urn:ietf:params:oauth:token-type:jwt";
const CALLBACK = "https://app.example/cb";
const [ORDERS, STOCK] = ["https://orders.example", "https://stock.example"];

const exchanger = (client_id: string, more: object) => ({
  client_id,
  client_secret: SECRET,
  grant_types: [EXCHANGE, "client_credentials"],
  scope: "orders stock openid offline_access",
  ...more,
});

const clock = new TestClock();
const env = { ISSUER: "http://localhost:3000", TRUST_PROXY: "127.0.0.1" };
const server = await startInstance(t, {
  clock,
  env,
  provision: {
    scopes: [
      { name: "orders", audience: ORDERS },
      { name: "stock", audience: STOCK },
    ],
    clients: [
      {
        client_id: "shop",
        client_secret: SECRET,
        grant_types: ["password", "authorization_code", "refresh_token", "client_credentials"],
        scope: "openid orders stock uma_protection",
        redirect_uris: [CALLBACK],
        consent: "implicit",
      },
      {
        client_id: "opaque-shop",
        client_secret: SECRET,
        grant_types: ["password"],
        scope: "orders stock",
        access_token_format: "opaque",
      },
      {
        client_id: "bound-shop",
        client_secret: SECRET,
        grant_types: ["client_credentials"],
        scope: "orders",
        tls_client_certificate_bound_access_tokens: true,
      },
      exchanger("orders-api", {
        audiences: [ORDERS],
        token_exchange: [
          { kind: "delegation", subject_audiences: [ORDERS], scopes: ["stock", "openid"] },
          { kind: "impersonation", subject_clients: ["shop", "opaque-shop"], audiences: [STOCK] },
        ],
      }),
      exchanger("stock-api", {
        token_exchange: [
          { kind: "delegation", subject_clients: ["orders-api", "stock-api"], scopes: ["stock"] },
          { kind: "impersonation", subject_clients: ["orders-api", "bound-shop"], scopes: ["stock", "orders"] },
        ],
      }),
      exchanger("narrow", {
        scope: "orders",
        token_exchange: [{ kind: "impersonation", subject_clients: ["shop"], scopes: ["orders", "stock"] }],
      }),
      exchanger("without-rules", {}),
      {
        client_id: "without-grant",
        client_secret: SECRET,
        grant_types: ["client_credentials"],
        scope: "stock",
        token_exchange: [{ kind: "impersonation", subject_clients: ["shop"], scopes: ["stock"] }],
      },
      {
        client_id: "public",
        token_endpoint_auth_method: "none",
        grant_types: [EXCHANGE],
        scope: "stock",
        token_exchange: [{ kind: "impersonation", subject_clients: ["shop"], scopes: ["stock"] }],
      },
      { client_id: "gateway", client_secret: SECRET, scope: "jeton:introspect" },
    ],
    users: [
      { sub: "user-alice", preferred_username: "Alice", password: ALICE.password, name: "Alice Example" },
      { sub: "user-bob", preferred_username: "bob", password: "hunter2 hunter2", may_act: { sub: "stock-api" } },
    ],
  },
});
const other = await startInstance(t, { clock, database: server.database, env });

const { der } = selfSigned("bound-shop");
const CERTIFICATE = { "Client-Cert": `:${der.toString("base64")}:` };

const asShop = basic("shop", SECRET);

/** Logs a user in at the shop. */
const shop = async (form: Form = {}): Promise<Record<string, string>> =>
  (await logIn(server, { client_id: undefined, scope: "openid orders stock", ...form }, asShop)).json;

/** An access token of a client for itself. */
const own = async (client_id: string, headers = {}): Promise<string> =>
  (
    await server.post(
      "/oauth2/token",
      { grant_type: "client_credentials" },
      { ...basic(client_id, SECRET), ...headers },
    )
  ).json.access_token;

/** Exchanges a token as a client. */
const exchange = (
  client_id: string,
  subject_token: string,
  form: Form = {},
  headers = {},
  on = server,
): Promise<Reply> =>
  on.post(
    "/oauth2/token",
    { grant_type: EXCHANGE, subject_token, subject_token_type: ACCESS_TOKEN, ...form },
    { ...basic(client_id, SECRET), ...headers },
  );

const actor = async (client_id: string): Promise<Form> => ({
  actor_token: await own(client_id),
  actor_token_type: ACCESS_TOKEN,
});

t.test("an impersonation gets a token of the subject, without an actor", async (t) => {
  const { access_token: subject } = await shop();
  const { status, json, headers } = await exchange("orders-api", subject!);
  t.equal(status, 200);
  t.equal(headers.get("cache-control"), "no-store");
  t.strictSame(Object.keys(json).sort(), ["access_token", "expires_in", "issued_token_type", "scope", "token_type"]);
  t.match(json, { issued_token_type: ACCESS_TOKEN, token_type: "Bearer", scope: "stock" });
  const claims = decodeJwt(json.access_token);
  const before = decodeJwt(subject!);
  t.match(claims, {
    sub: "user-alice",
    client_id: "orders-api",
    aud: STOCK,
    scope: "stock",
    auth_time: before.auth_time,
  });
  t.notOk(claims.act);
  t.ok(claims.exp! <= before.exp!, "it does not live longer");
  const { json: seen } = await introspect(other, json.access_token);
  t.match(seen, { active: true, sub: "user-alice", username: "Alice", client_id: "orders-api" });
  t.notOk("act" in seen || "exchanged_from" in seen, "what only this server needs is not shown");
});

t.test("a delegation names its actor, and a chain of them names all", async (t) => {
  const { access_token: subject } = await shop();
  const first = await exchange("orders-api", subject!, await actor("orders-api"));
  t.equal(first.json.scope, "openid stock");
  t.strictSame(decodeJwt(first.json.access_token).act, { sub: "orders-api" });
  const second = await exchange("stock-api", first.json.access_token, await actor("stock-api"));
  const act = { sub: "stock-api", act: { sub: "orders-api" } };
  t.match(decodeJwt(second.json.access_token), { sub: "user-alice", act });
  t.match((await introspect(other, second.json.access_token)).json, { active: true, act });
  const hidden = await exchange("stock-api", first.json.access_token);
  t.strictSame(decodeJwt(hidden.json.access_token).act, { sub: "orders-api" }, "TX-09 an impersonation hides no actor");
  const headers = { Authorization: `Bearer ${first.json.access_token}` };
  const userinfo = await server.send("/oauth2/userinfo", { headers });
  t.match(userinfo, { status: 200, json: { sub: "user-alice" } });
});

t.test("a JWT can be demanded, and a token has the format of its client otherwise", async (t) => {
  const { json } = await logIn(server, { client_id: undefined }, basic("opaque-shop", SECRET));
  t.match(json.access_token, /^jat_/);
  const jwt = await exchange("orders-api", json.access_token, { requested_token_type: JWT });
  t.match(jwt.json, { issued_token_type: JWT });
  t.equal(decodeProtectedHeader(jwt.json.access_token).typ, "at+jwt");
  const narrowed = await exchange("orders-api", json.access_token, { subject_token_type: JWT, audience: STOCK });
  t.match(narrowed, { status: 200, json: { issued_token_type: ACCESS_TOKEN, scope: "stock" } });
});

const NOT_ALLOWED = "the client may not exchange this token";
const SUBJECT = "the subject token cannot be exchanged";
const ACTOR = "the actor token is not accepted";
const TYPE = "the token type is not supported";
const NO_GRANT = /^the client [a-z-]+ doesn.t support the grant type /;
const TARGET = "no scope of the token is for the requested audience";
const ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token";

t.test("an exchange that no rule allows is refused, and so is a token that is none", async (t) => {
  const { access_token: token, refresh_token, id_token } = await shop();
  const opaque = (await logIn(server, { client_id: undefined }, basic("opaque-shop", SECRET))).json
    .access_token as string;
  const bobs = (await shop({ username: "bob", password: "hunter2 hunter2" })).access_token!;
  const bound = await own("bound-shop", CERTIFICATE);
  const acting = await actor("orders-api");
  const delegated = (await exchange("orders-api", token!, acting)).json.access_token as string;
  const expired = (await shop()).access_token!;
  const revoked = (await shop()).access_token!;
  await revoke(revoked);
  const type = (actor_token: string | undefined): Form => ({ actor_token, actor_token_type: ACCESS_TOKEN });
  const ROWS: readonly (readonly [what: string, request: Promise<Reply>, error: string, message: string | RegExp])[] = [
    ["TX-01 a client without a rule", exchange("without-rules", token!), "invalid_request", NOT_ALLOWED],
    ["TX-01 a client without the grant", exchange("without-grant", token!), "unauthorized_client", NO_GRANT],
    ["TX-01 a client whose rules name other clients", exchange("stock-api", opaque), "invalid_request", NOT_ALLOWED],
    [
      "TX-01 a delegation where only an impersonation is allowed",
      exchange("narrow", token!, await actor("narrow")),
      "invalid_request",
      NOT_ALLOWED,
    ],
    [
      "TX-01 an impersonation where only a delegation is allowed",
      exchange("orders-api", await own("stock-api")),
      "invalid_request",
      NOT_ALLOWED,
    ],
    [
      "TX-01 a public client",
      exchange("public", token!, { client_id: "public" }, { Authorization: "" }),
      "unauthorized_client",
      NO_GRANT,
    ],
    [
      "TX-02 a scope that no rule allows",
      exchange("orders-api", token!, { scope: "orders" }),
      "invalid_scope",
      "the scopes orders are not allowed or invalid",
    ],
    [
      "TX-02 a scope that the subject token lacks",
      exchange("orders-api", token!, { scope: "stock offline_access" }),
      "invalid_scope",
      "the scopes offline_access are not allowed or invalid",
    ],
    [
      "TX-02 a scope that the client lacks",
      exchange("narrow", token!, { scope: "orders stock" }),
      "invalid_scope",
      "the scopes stock are not allowed or invalid",
    ],
    ["TX-04 a token that was revoked", exchange("orders-api", revoked), "invalid_request", SUBJECT],
    ["TX-04 an id_token", exchange("orders-api", id_token!), "invalid_request", SUBJECT],
    ["TX-04 a refresh token", exchange("orders-api", refresh_token!), "invalid_request", SUBJECT],
    ["TX-04 a text", exchange("orders-api", "text"), "invalid_request", SUBJECT],
    [
      "TX-04 an id_token by its type",
      exchange("orders-api", id_token!, { subject_token_type: ID_TOKEN }),
      "invalid_request",
      TYPE,
    ],
    [
      "a type of new tokens that is not made",
      exchange("orders-api", token!, { requested_token_type: ID_TOKEN }),
      "invalid_request",
      TYPE,
    ],
    ["no subject token", exchange("orders-api", ""), "invalid_request", "the parameter subject_token is missing"],
    [
      "no type",
      exchange("orders-api", token!, { subject_token_type: undefined }),
      "invalid_request",
      "the parameter subject_token_type is missing",
    ],
    [
      "an actor token without its type",
      exchange("orders-api", token!, { actor_token: token }),
      "invalid_request",
      "the parameters actor_token and actor_token_type go together",
    ],
    [
      "a type without its actor token",
      exchange("orders-api", token!, { actor_token_type: ACCESS_TOKEN }),
      "invalid_request",
      "the parameters actor_token and actor_token_type go together",
    ],
    [
      "TX-05 the token of another client as actor token",
      exchange("orders-api", token!, type(await own("stock-api"))),
      "invalid_request",
      ACTOR,
    ],
    [
      "TX-05 a delegated token as actor token",
      exchange("orders-api", token!, type(delegated)),
      "invalid_request",
      ACTOR,
    ],
    ["TX-05 a text as actor token", exchange("orders-api", token!, type("text")), "invalid_request", ACTOR],
    [
      "TX-07 an actor whom the user does not name",
      exchange("orders-api", bobs, acting),
      "invalid_request",
      NOT_ALLOWED,
    ],
    [
      "TX-07 a client that impersonates a user who names another one",
      exchange("orders-api", bobs),
      "invalid_request",
      NOT_ALLOWED,
    ],
    ["TX-08 a bound token without its certificate", exchange("stock-api", bound), "invalid_request", SUBJECT],
    [
      "TX-11 an audience that the scopes do not have",
      exchange("orders-api", token!, { audience: ORDERS }),
      "invalid_target",
      TARGET,
    ],
    [
      "TX-11 an audience that is not declared",
      exchange("orders-api", token!, { audience: "https://evil.example" }),
      "invalid_target",
      TARGET,
    ],
  ];
  for (const [what, request, error, message] of ROWS) {
    const { status, json } = await request;
    t.match({ status, ...json }, { status: 400, error, error_description: message }, what);
  }
  clock.advance(601);
  t.match(
    (await exchange("orders-api", expired)).json,
    { error: "invalid_request", error_description: SUBJECT },
    "TX-04 an expired token",
  );
});

t.test(
  "TX-08 a bound token is exchanged with its certificate, or by the resource server that checked it",
  async (t) => {
    const bound = await own("bound-shop", CERTIFICATE);
    t.equal((await exchange("stock-api", bound, {}, CERTIFICATE)).status, 200);
    t.equal(
      (await exchange("orders-api", bound, await actor("orders-api"))).json.error_description,
      NOT_ALLOWED,
      "read, not refused for its binding",
    );
  },
);

t.test("TX-03 a new token does not outlive the subject token or the actor token", async (t) => {
  const { access_token } = await shop();
  clock.advance(500);
  const { json } = await exchange("orders-api", access_token!);
  t.equal(decodeJwt(json.access_token).exp, decodeJwt(access_token!).exp);
  t.equal(json.expires_in, 100);
});

t.test("TX-10 a chain of exchanges has an end", async (t) => {
  let token = (await exchange("orders-api", (await shop()).access_token!, await actor("orders-api"))).json.access_token;
  let reply = await exchange("stock-api", token, await actor("stock-api"));
  for (let length = 4; reply.status === 200 && length < 30; length += 2) {
    token = reply.json.access_token;
    t.ok(token.length < 4_096);
    reply = await exchange("stock-api", token, await actor("stock-api"));
  }
  t.match(reply, { status: 400, json: { error_description: "the token comes from too many exchanges" } });
});

t.test("TX-07 the actor whom a user names may act for them", async (t) => {
  const bobs = (await shop({ username: "bob", password: "hunter2 hunter2" })).access_token!;
  await server.apply({
    clients: [
      exchanger("stock-api", {
        token_exchange: [
          { kind: "impersonation", subject_clients: ["shop", "orders-api", "bound-shop"], scopes: ["stock", "orders"] },
          { kind: "delegation", subject_clients: ["orders-api", "stock-api"], scopes: ["stock"] },
        ],
      }),
    ],
  });
  t.match((await exchange("stock-api", bobs)).json, { scope: "orders stock" });
});

t.test("a command gives a client rules, and takes them back", async (t) => {
  const { access_token } = await shop();
  const allowed = async () => (await exchange("without-rules", access_token!)).status;
  const rule = { kind: "impersonation", subject_clients: ["shop"], scopes: ["stock"] };
  const update = (...words: string[]) => runCommand(server, ["client", "update", "without-rules", ...words]);
  t.match(await update("--token-exchange", JSON.stringify(rule)), { token_exchange: [rule] });
  await until("the rule counts", async () => (await allowed()) === 200);
  t.equal(await update("--token-exchange", "{"), "token-exchange: is not JSON");
  t.match(await update("--token-exchange", '{"kind":"delegation","scopes":["stock"]}'), /needs subject_clients/);
  t.equal(await allowed(), 200);
  await update("--unset", "token-exchange");
  await until("no rule counts", async () => (await allowed()) === 400);
});

t.test("a decision names the actor and the token that was exchanged", async (t) => {
  const { access_token } = await shop();
  await exchange("orders-api", access_token!, await actor("orders-api"));
  const line = server.log.findLast(({ grant_type }) => grant_type === EXCHANGE);
  t.match(line, {
    outcome: "granted",
    sub: "user-alice",
    actor: "orders-api",
    exchanged_jti: decodeJwt(access_token!).jti,
  });
});

type Tokens = Readonly<Record<string, string>>;

/** Alice's browser at the shop. */
let browser = new Browser(server);

/** Sends Alice to the authorization endpoint. The code, with the tokens that it was redeemed for. */
async function signIn(): Promise<Tokens> {
  const { verifier, challenge } = pkce();
  const request = { response_type: "code", client_id: "shop", redirect_uri: CALLBACK, scope: "openid orders stock" };
  let page = await browser.open(`/oauth2/authorize?${query({ ...request, ...challenge })}`);
  if (page.text.includes('id="login"')) page = await browser.submit(page, "login", { ...ALICE, action: "login" });
  const { code } = answerOf(page);
  const form = { code: code!, code_verifier: verifier, redirect_uri: CALLBACK };
  return { ...form, ...(await redeem(form)).json };
}

const redeem = ({ code, code_verifier, redirect_uri }: Tokens) =>
  server.post("/oauth2/token", { grant_type: "authorization_code", code, code_verifier, redirect_uri }, asShop);

const revoke = (token: string | undefined, client_id = "shop") =>
  other.post("/oauth2/revoke", { token }, basic(client_id, SECRET));

const command = (...words: string[]) => runCommand(other, words);

/** What ends a token: the name, what ends it, and what makes the next login possible again. */
const ENDINGS: readonly (readonly [
  what: string,
  end: (tokens: Tokens) => Promise<unknown>,
  undo?: () => Promise<unknown>,
])[] = [
  ["its revocation", ({ access_token }) => revoke(access_token)],
  ["the revocation of its grant", ({ refresh_token }) => revoke(refresh_token)],
  ["jeton revoke --token", ({ access_token }) => command("revoke", "--token", access_token!)],
  [
    "jeton revoke --grant",
    ({ access_token }) => command("revoke", "--grant", String(decodeJwt(access_token!).grant_id)),
  ],
  [
    "TX-06 a refresh token that is used twice",
    async ({ refresh_token }) => {
      const next = await refresh(server, refresh_token!, { client_id: undefined }, asShop);
      await refresh(server, next.json.refresh_token, { client_id: undefined }, asShop);
      clock.advance(60);
      t.equal((await refresh(server, refresh_token!, { client_id: undefined }, asShop)).status, 400);
    },
  ],
  ["TX-06 a code that is used twice", async (tokens) => t.equal((await redeem(tokens)).status, 400)],
  [
    "a logout",
    ({ id_token }) => browser.get(`/oauth2/logout?${query({ id_token_hint: id_token })}`),
    async () => void (browser = new Browser(server)),
  ],
  ["jeton revoke --user", () => command("revoke", "--user", "user-alice")],
  ["jeton revoke --client of its client", () => command("revoke", "--client", "shop")],
  ["jeton revoke --client of the actor's client", () => command("revoke", "--client", "orders-api")],
  ["jeton revoke --all", () => command("revoke", "--all")],
  ["a disabled user", () => command("user", "disable", "user-alice"), () => command("user", "enable", "user-alice")],
  ["a disabled client", () => command("client", "disable", "shop"), () => enable("shop")],
  ["a disabled actor", () => command("client", "disable", "orders-api"), () => enable("orders-api")],
  ["the revocation of the actor's token", ({ actor_token }) => revoke(actor_token, "orders-api")],
  ["the revocation of the token in between", ({ between }) => revoke(between, "orders-api")],
  ["a deleted user", () => command("user", "delete", "user-alice")],
];

/** Enables a client, and waits until the first instance knows. */
async function enable(client_id: string): Promise<void> {
  await command("client", "enable", client_id);
  await until("the client is enabled", async () => (await server.core.registry.find(client_id))?.disabled === false);
}

for (const [what, end, undo] of ENDINGS) {
  t.test(`${what} ends what was exchanged, on every instance`, async (t) => {
    const tokens = await signIn();
    const acting = await actor("orders-api");
    const delegated = (await exchange("orders-api", tokens.access_token!, acting)).json.access_token as string;
    const again = (await exchange("stock-api", delegated)).json.access_token as string;
    const plain = (await exchange("orders-api", tokens.access_token!)).json.access_token as string;
    for (const token of [delegated, again, plain]) t.ok(await isActive(server, token));
    await end({ ...tokens, ...(acting as Tokens), between: delegated });
    const ofActor = what.includes("actor's token") || what.includes("in between");
    t.notOk(await isActive(server, again), "the last token of the chain");
    const { in_force, reasons } = await showToken(server, again);
    t.equal(in_force, false, reasons.join(" "));
    t.equal((await showToken(server, plain)).in_force, ofActor);
    t.notOk(await isActive(other, again), "also there");
    t.equal(
      await isActive(server, plain),
      ofActor,
      "a token without that actor goes on exactly where only the actor ended",
    );
    const late = await exchange("stock-api", delegated, {}, {}, other);
    t.equal(late.json.error, late.status === 401 ? "invalid_client" : "invalid_request");
    await undo?.();
  });
}
