import t, { type Test } from "tap";
import { CLOCK_TOLERANCE } from "../../src/clock.js";
import { setClientDisabled } from "../../src/store/clients.js";
import { endEverythingOfClient } from "../../src/store/epochs.js";
import { setPassword, setUserDisabled } from "../../src/store/users.js";
import { TestClock } from "../support/clock.js";
import { showToken } from "../support/commands.js";
import { sql } from "../support/database.js";
import { decided } from "../support/decided.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Reply } from "../support/instance.js";
import { introspect, isActive } from "../support/tokens.js";
import { APP, DEFAULT, MAXIMUM, ofApp, PLAIN_APP, postJson, THING, VENDORS } from "../support/vendors.js";

const clock = new TestClock();
const server = await startInstance(t, { provision: VENDORS, clock });

const PATH = "/api/oauth2/token";
const APP_PATH = `/api/apps/${APP.app_id}/oauth2/token`;
const ADMINISTRATOR = { client_id: APP.client_id, client_secret: APP.client_secret };
const THING_LOGIN = { username: `VENDOR_THING_ID:${THING.vendor_thing_id}`, password: THING.password };

const ask = (body: unknown, headers: Record<string, string> = ofApp(), path = PATH) =>
  postJson(server, path, body, headers);

const me = (token: string, app_id = APP.app_id, headers: Record<string, string> = {}) =>
  server.send(`/api/apps/${app_id}/users/me`, { headers: { Authorization: `Bearer ${token}`, ...headers } });

/** What every answer carries, as captured. */
const HEADERS = {
  "content-type": "application/json;charset=UTF-8",
  "cache-control": "max-age=0, no-cache, no-store",
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "Content-Type, Authorization, Content-Length, X-Requested-With, ETag, X-Step-Count",
};

function wears(t: Test, reply: Reply, more: Record<string, string> = {}): void {
  const expected = { ...HEADERS, "x-http-status-code": String(reply.status), ...more };
  for (const [name, value] of Object.entries(expected)) t.equal(reply.headers.get(name), value, name);
}

t.test("a user's login is answered byte for byte as captured", async (t) => {
  const reply = await ask(ALICE, ofApp(PLAIN_APP));
  t.equal(reply.status, 200);
  const { access_token } = reply.json;
  t.equal(
    reply.text,
    [
      "{",
      '  "id" : "user-alice",',
      `  "access_token" : "${access_token}",`,
      '  "expires_in" : 2147483647,',
      '  "token_type" : "Bearer"',
      "}",
    ].join("\n"),
  );
  wears(t, reply);
  t.notMatch(reply.text, /%/, "one of its SDKs breaks at it");
  t.match(access_token, /^jat_/, "opaque: no signing key is kept 68 years for it");
  t.match((await introspect(server, access_token)).json, {
    active: true,
    sub: "user-alice",
    client_id: PLAIN_APP.app_id,
  });
});

t.test("an app with the refresh grant also gets refresh_token, as the last member", async (t) => {
  const { json } = await ask(ALICE);
  t.strictSame(Object.keys(json), ["id", "access_token", "expires_in", "token_type", "refresh_token"]);
  t.equal(json.expires_in, DEFAULT);
});

/** What its published SDKs and guides send, and whom the answer is for. */
const SENT: readonly (readonly [
  who: string,
  path: string,
  headers: Record<string, string>,
  body: unknown,
  id: string | RegExp,
])[] = [
  [
    "the JavaScript SDK, a user",
    `${PATH}?disable_cache=1505458325861`,
    { ...ofApp(), "x-kii-sdk": "sn=js;sv=2.4.19" },
    ALICE,
    "user-alice",
  ],
  ["the JavaScript SDK, until then", PATH, ofApp(), { ...ALICE, expiresAt: clock.now() + 60_000 }, "user-alice"],
  ["the JavaScript SDK, an administrator", `${PATH}?disable_cache=1`, ofApp(), ADMINISTRATOR, APP.client_id],
  [
    "the thing SDK",
    PATH,
    { ...ofApp(), "Content-Type": "application/vnd.kii.OauthTokenRequest+json" },
    THING_LOGIN,
    /^th\.[0-9a-f]{32}$/,
  ],
  ["the Go SDK, a user", APP_PATH, ofApp(), { ...ALICE, grant_type: "password" }, "user-alice"],
  [
    "the Java SDK, an administrator",
    APP_PATH,
    ofApp(),
    { ...ADMINISTRATOR, grant_type: "client_credentials" },
    APP.client_id,
  ],
  ["the C SDK, a thing", APP_PATH, ofApp(), { ...THING_LOGIN, grant_type: "password" }, /^th\./],
  [
    "the guide, anonymous",
    PATH,
    ofApp(),
    { client_id: APP.app_id, client_secret: "anything", grant_type: "client_credentials" },
    APP.app_id,
  ],
  ["the guide, by Basic", APP_PATH, basic(APP.app_id, APP.app_key), { ...ALICE, grant_type: "password" }, "user-alice"],
  [
    "the page, anonymous with the key as its secret",
    APP_PATH,
    {},
    { client_id: APP.app_id, client_secret: APP.app_key },
    APP.app_id,
  ],
  ["the page's sample, an administrator and nothing else", PATH, {}, ADMINISTRATOR, APP.client_id],
  [
    "the page's sample, anonymous and nothing else",
    PATH,
    {},
    { client_id: APP.app_id, client_secret: APP.app_key },
    APP.app_id,
  ],
  ["an administrator on the app's path", APP_PATH, {}, ADMINISTRATOR, APP.client_id],
  ["the key alone on the app's path", APP_PATH, { "X-Kii-AppKey": APP.app_key }, ALICE, "user-alice"],
  [
    "a login that says all it knows",
    APP_PATH,
    ofApp(),
    { ...ALICE, client_id: APP.app_id, client_secret: APP.app_key, grant_type: "password" },
    "user-alice",
  ],
];

t.test("the requests of Kii's SDKs and guides are accepted", async (t) => {
  for (const [who, path, headers, body, id] of SENT) {
    const reply = await ask(body, headers, path);
    t.equal(reply.status, 200, `${who}: ${reply.text}`);
    t.match(reply.json, { id, access_token: /^jat_/, token_type: "Bearer" }, who);
    wears(t, reply);
  }

  await t.test("a form body is accepted on the app's path only", async (t) => {
    const form = { grant_type: "password", ...ALICE, expiresAt: String(clock.now() + 60_000) };
    t.match(await server.post(APP_PATH, form, ofApp()), { status: 200, json: { id: "user-alice", expires_in: 60 } });
    const malformed = await server.post(APP_PATH, { ...form, expiresAt: "soon" }, ofApp());
    t.equal(malformed.json.error_description, "the parameter expiresAt is malformed");
    t.match(await server.post(PATH, form, ofApp()), { status: 400, json: { errorCode: "invalid_request" } });
  });

  await t.test("a token without a user is issued without a refresh token (RFC 6749 section 4.4.3)", async (t) => {
    for (const body of [ADMINISTRATOR, { client_id: APP.app_id, client_secret: "x" }]) {
      t.notOk("refresh_token" in (await ask(body)).json);
    }
  });
});

/** Forms of a username, each with the user that it names. */
const USERNAMES: readonly (readonly [username: string, id?: string])[] = [
  ["alice", "user-alice"],
  ["alice@example.com", "user-alice"],
  ["EMAIL:alice@example.com", "user-alice"],
  ["+4930123456", "user-alice"],
  ["PHONE:+4930123456", "user-alice"],
  ["PHONE:DE-030123456", "user-alice"],
  ["PHONE:DE-030 12 34 56", "user-alice"],
  ["EMAIL:alice"],
  ["LOGIN:alice"],
  ["PHONE:030123456"],
  ["PHONE:ZZ-030123456"],
  ["PHONE:de-030123456"],
  ["PHONE:DE-"],
  ["PHONE:alice"],
  ["VENDOR_THING_ID:alice"],
  [`thing\n${APP.app_id}\n${THING.vendor_thing_id}`],
];

const WRONG = {
  errorCode: "invalid_grant",
  error_description: "The user was not found or a wrong password was provided",
  error: "invalid_grant",
};

t.test("a username may be a login name or a verified email or phone number, with or without prefix", async (t) => {
  for (const [username, id] of USERNAMES) {
    const { status, json } = await ask({ username, password: ALICE.password });
    t.match(
      { status, json },
      id === undefined ? { status: 400, json: WRONG } : { status: 200, json: { id } },
      username,
    );
  }
  const { password } = { password: "hana's password" };
  for (const username of ["PHONE:JP-9012345678", "PHONE:JP-090-1234-5678", "PHONE:+819012345678", "+81 90 1234 5678"]) {
    t.match((await ask({ username, password })).json, { id: "user-hana" }, username);
  }
  t.match((await ask({ username: "EMAIL:hana@example.com", password })).json, WRONG, "an unverified email");
});

t.test("every failed login gets the documented answer, byte for byte", async (t) => {
  const text = [
    "{",
    '  "errorCode" : "invalid_grant",',
    '  "error_description" : "The user was not found or a wrong password was provided",',
    '  "error" : "invalid_grant"',
    "}",
  ].join("\n");
  for (const body of [
    { username: "bob", password: "wrong" },
    { username: "stranger", password: "wrong" },
    { username: "gone", password: "was here once" },
    { ...THING_LOGIN, password: "wrong" },
    { ...THING_LOGIN, password: "the other thing's" },
    { username: "VENDOR_THING_ID:stranger", password: THING.password },
  ]) {
    const reply = await ask(body);
    t.equal(reply.status, 400);
    t.equal(reply.text, text, body.username);
    wears(t, reply);
  }
});

/** What else is refused: each in the vendor's shape, with a word of its own or the nearest one. */
const REFUSED: readonly (readonly [
  what: string,
  error: string,
  description: string | RegExp,
  body: unknown,
  headers?: Record<string, string>,
  path?: string,
])[] = [
  ["no JSON", "invalid_request", /the body is not valid JSON/, "username=alice"],
  ["no object", "invalid_request", /the body is not valid JSON/, [ALICE]],
  ["no member", "invalid_request", "the parameter grant_type is missing", {}],
  [
    "a user and a client at once",
    "invalid_request",
    "the parameter grant_type is missing",
    { ...ALICE, ...ADMINISTRATOR },
  ],
  ["a refresh token alone", "invalid_request", "the parameter grant_type is missing", { refresh_token: "x" }],
  ["no password", "invalid_request", "the parameter password is missing", { username: "alice" }],
  ["an empty password", "invalid_request", "the parameter password is missing", { username: "alice", password: "" }],
  [
    "TE-06 a list for a text",
    "invalid_request",
    "the parameter username is malformed",
    { ...ALICE, username: ["alice"] },
  ],
  ["TE-06 an object for a text", "invalid_request", "the parameter password is malformed", { ...ALICE, password: {} }],
  ["TE-06 a number for a text", "invalid_request", "the parameter username is malformed", { ...ALICE, username: 1 }],
  ["TE-06 null for a text", "invalid_request", "the parameter username is malformed", { ...ALICE, username: null }],
  [
    "TE-06 a text for a time",
    "invalid_request",
    "the parameter expiresAt is malformed",
    { ...ALICE, expiresAt: "4102444800000" },
  ],
  [
    "a time that is no whole number",
    "invalid_request",
    "the parameter expiresAt is malformed",
    { ...ALICE, expiresAt: 1.5 },
  ],
  [
    "two times",
    "invalid_request",
    "the parameter expiresAt is repeated",
    { ...ALICE, expiresAt: clock.now() + 60_000, expires_at: clock.now() + 61_000 },
  ],
  ["a time that is over", "invalid_request", "expiresAt is in the past", { ...ALICE, expiresAt: clock.now() }],
  ["a time before time", "invalid_request", "expiresAt is in the past", { ...ALICE, expiresAt: -1 }],
  [
    "a time beyond the maximum",
    "invalid_request",
    "expiresAt is beyond the maximum of the app",
    { ...ALICE, expiresAt: clock.now() + (MAXIMUM + CLOCK_TOLERANCE + 1) * 1000 },
  ],
  [
    "an unknown grant",
    "unsupported_grant_type",
    "the grant type implicit is not supported",
    { grant_type: "implicit" },
  ],
  [
    "a grant its apps have not",
    "unsupported_grant_type",
    /authorization_code is not supported/,
    { grant_type: "authorization_code", code: "x" },
  ],
  [
    "CA-14 a refresh where the app has none",
    "unsupported_grant_type",
    /doesn't support the grant type refresh_token/,
    { grant_type: "refresh_token", refresh_token: "x" },
    ofApp(PLAIN_APP),
  ],
  [
    "a refresh token that is none",
    "invalid_grant",
    "the refresh token is not valid",
    { grant_type: "refresh_token", refresh_token: "x" },
  ],
  ["no app", "invalid_grant", "the client doesn't exist", ALICE, {}],
  ["an unknown app", "invalid_grant", "the client doesn't exist", ALICE, ofApp({ ...APP, app_id: "nowhere" })],
  ["a wrong app key", "invalid_grant", /cannot be authenticated/, ALICE, ofApp({ ...APP, app_key: "dummy" })],
  ["no app key", "invalid_grant", /cannot be authenticated/, ALICE, {}, APP_PATH],
  [
    "a client that is no app",
    "invalid_grant",
    "the client doesn't exist",
    ALICE,
    ofApp({ app_id: "backend", app_key: SECRET }),
  ],
  [
    "another app in the header than in the path",
    "invalid_request",
    "the request names more than one appID",
    ALICE,
    ofApp(PLAIN_APP),
    APP_PATH,
  ],
  [
    "another app in Basic than in the path",
    "invalid_request",
    "the request names more than one appID",
    ALICE,
    basic(PLAIN_APP.app_id, PLAIN_APP.app_key),
    APP_PATH,
  ],
  [
    "two app keys",
    "invalid_request",
    "the request names more than one appKey",
    ALICE,
    { ...ofApp({ ...APP, app_key: "x" }), ...basic(APP.app_id, APP.app_key) },
  ],
  [
    "a wrong administrator's secret",
    "invalid_grant",
    /cannot be authenticated/,
    { ...ADMINISTRATOR, client_secret: "x" },
  ],
  ["an administrator without a secret", "invalid_grant", /cannot be authenticated/, { client_id: APP.client_id }],
  [
    "an administrator alone, with a wrong secret",
    "invalid_grant",
    /cannot be authenticated/,
    { ...ADMINISTRATOR, client_secret: "x" },
    {},
  ],
  [
    "an app alone, with a wrong key",
    "invalid_grant",
    /cannot be authenticated/,
    { client_id: APP.app_id, client_secret: "x" },
    {},
  ],
  [
    "a client that is no app, alone",
    "invalid_grant",
    "the client doesn't exist",
    { client_id: "backend", client_secret: SECRET },
    {},
  ],
  [
    "the administrator of another app",
    "invalid_grant",
    "the client doesn't exist",
    { client_id: PLAIN_APP.client_id, client_secret: PLAIN_APP.client_secret },
  ],
  [
    "the right administrator with a wrong app key",
    "invalid_grant",
    /cannot be authenticated/,
    ADMINISTRATOR,
    ofApp({ ...APP, app_key: "x" }),
  ],
  [
    "a client that administrates nothing",
    "invalid_grant",
    "the client doesn't exist",
    { client_id: "backend", client_secret: SECRET },
  ],
  [
    "an administrator who logs a user in",
    "unsupported_grant_type",
    /doesn't support the grant type password/,
    { ...ALICE, ...ADMINISTRATOR, grant_type: "password" },
  ],
];

t.test("TE-05 an invalid request is refused in Kii's format", async (t) => {
  for (const [what, errorCode, description, body, headers, path] of REFUSED) {
    const reply = await ask(body, headers, path);
    t.equal(reply.status, 400, `${what}: ${reply.text}`);
    t.match(reply.json, { errorCode, error: errorCode, error_description: description }, what);
    t.strictSame(Object.keys(reply.json), ["errorCode", "error_description", "error"]);
    wears(t, reply);
  }

  await t.test("a wrong method, an unknown path and an oversized body get their HTTP status", async (t) => {
    t.match(await server.send(PATH), { status: 405, json: { errorCode: "invalid_request" } });
    t.match(await server.send("/api/apps/x"), { status: 404, json: { errorCode: "NOT_FOUND", message: String } });
    t.match(await ask({ username: "x".repeat(70_000) }), { status: 413, json: { errorCode: "invalid_request" } });
  });
});

t.test("a token lives until expiresAt, up to the app's maximum", async (t) => {
  for (const [expiresAt, expires_in] of [
    [clock.now() + 1_000, 1],
    [clock.now() + MAXIMUM * 1_000, MAXIMUM],
  ]) {
    const { json } = await ask({ ...ALICE, expiresAt });
    t.equal(json.expires_in, expires_in);
    t.equal((await introspect(server, json.access_token)).json.exp, Math.floor(expiresAt! / 1000));
  }
});

t.test("a refresh issues two new tokens and ends both old ones", async (t) => {
  const tokensFor = async (body: object = ALICE) => (await ask(body)).json;
  const refreshByJson = (refresh_token: string, more: object = {}, headers = ofApp()) =>
    ask({ grant_type: "refresh_token", refresh_token, ...more }, headers);
  const REUSED = {
    status: 400,
    json: { errorCode: "invalid_grant", error_description: "the refresh token is not valid" },
  };

  for (const [who, body] of [
    ["a user", ALICE],
    ["a thing", THING_LOGIN],
  ] as const) {
    const first = await tokensFor(body);
    const { status, json: second } = await refreshByJson(first.refresh_token);
    t.equal(status, 200, who);
    t.equal(second.id, first.id);
    t.strictSame(Object.keys(second), Object.keys(first));
    t.notOk(await isActive(server, first.access_token), "the old access token is over at once");
    t.ok(await isActive(server, second.access_token));
    t.match(await showToken(server, first.access_token), { format: "opaque", reasons: ["superseded"] });
    t.match(await showToken(server, second.access_token), { in_force: true, generation: 1 });
    t.match(await refreshByJson(first.refresh_token), REUSED, "and so is the old refresh token, even a moment later");
    t.ok(await isActive(server, second.access_token), "which ends nothing: its client may have lost the answer");
    t.equal((await refreshByJson(second.refresh_token)).status, 200);
  }

  await t.test("RF-02 an old refresh token that is used after the window ends the grant", async (t) => {
    const first = await tokensFor();
    const second = (await refreshByJson(first.refresh_token)).json;
    clock.advance(11);
    t.match(await refreshByJson(first.refresh_token), REUSED);
    t.notOk(await isActive(server, second.access_token));
    t.match(await refreshByJson(second.refresh_token), REUSED);
  });

  await t.test("a refresh accepts expires_at, the name that the Java SDK uses", async (t) => {
    const { json } = await refreshByJson((await tokensFor()).refresh_token, { expires_at: clock.now() + 5_000 });
    t.equal(json.expires_in, 5);
  });

  await t.test("TE-01 a refresh in another dialect is refused, and the token stays valid", async (t) => {
    const { refresh_token } = await tokensFor();
    const elsewhere = await server.post(
      "/oauth2/token",
      { grant_type: "refresh_token", refresh_token },
      basic(APP.app_id, APP.app_key),
    );
    t.match(elsewhere, { status: 401, json: { error: "invalid_client" } });
    t.equal((await refreshByJson(refresh_token)).status, 200, "which used nothing up");
  });

  await t.test("of simultaneous refreshes on two instances exactly one succeeds", async (t) => {
    const other = await startInstance(t, { database: server.database, clock });
    const { refresh_token } = await tokensFor();
    const body = { grant_type: "refresh_token", refresh_token };
    const replies = await Promise.all(
      Array.from({ length: 16 }, (_, index) =>
        decided(() => postJson(index % 2 ? other : server, PATH, body, ofApp())),
      ),
    );
    const won = replies.filter(({ status }) => status === 200);
    t.equal(won.length, 1);
    t.equal(replies.filter(({ status }) => status === 400).length, 15);
    t.ok(await isActive(server, won[0]!.json.access_token), "and the others have ended nothing");
  });
});

t.test("users/me returns the user's profile, and only to a token of that app's user", async (t) => {
  const { access_token } = (await ask(ALICE)).json;
  const reply = await me(access_token, APP.app_id, ofApp());
  t.equal(reply.status, 200);
  t.match(reply.json, {
    userID: "user-alice",
    loginName: "Alice",
    displayName: "Alice Example",
    emailAddress: "alice@example.com",
    emailAddressVerified: true,
    phoneNumber: "+4930123456",
    phoneNumberVerified: true,
  });
  wears(t, reply, { "content-type": "application/vnd.kii.UserDataRetrievalResponse+json;charset=UTF-8" });

  const standard = await server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...ALICE });
  const thing = (await ask(THING_LOGIN)).json;
  const rows: readonly (readonly [what: string, reply: Reply, status: number, errorCode: string])[] = [
    ["no token", await server.send(`/api/apps/${APP.app_id}/users/me`, { headers: ofApp() }), 401, "UNAUTHORIZED"],
    ["a token that is none", await me("x"), 403, "WRONG_TOKEN"],
    [
      "TE-01 a token of another app",
      await me((await ask(ALICE, ofApp(PLAIN_APP))).json.access_token),
      403,
      "WRONG_TOKEN",
    ],
    ["TE-01 this token at another app", await me(access_token, PLAIN_APP.app_id), 403, "WRONG_TOKEN"],
    ["TE-09 a JWT of another dialect", await me(standard.json.access_token), 403, "WRONG_TOKEN"],
    ["an administrator's token", await me((await ask(ADMINISTRATOR)).json.access_token), 403, "WRONG_TOKEN"],
    ["a thing's token", await me(thing.access_token), 403, "WRONG_TOKEN"],
    [
      "TE-05 another app in the header",
      await me(access_token, APP.app_id, ofApp(PLAIN_APP)),
      400,
      "INVALID_INPUT_DATA",
    ],
  ];
  for (const [what, refused, status, errorCode] of rows) {
    t.equal(refused.status, status, what);
    t.match(refused.json, { errorCode, message: String }, what);
    t.strictSame(Object.keys(refused.json), ["errorCode", "message"]);
    wears(t, refused);
  }
  t.equal((await server.post("/oauth2/userinfo", { access_token })).status, 401, "nor elsewhere with this one");
});

t.test("revoking or disabling ends a token with the next request", async (t) => {
  const { prisma } = server.core.db;
  const accessTokenFor = async (body: object, headers = ofApp()) =>
    (await ask(body, headers)).json.access_token as string;

  await t.test("a token that an administrator revoked is refused", async (t) => {
    const token = await accessTokenFor(ALICE);
    await server.post("/oauth2/revoke", { token }, basic("admin", SECRET));
    t.equal((await me(token)).status, 403);
  });

  await t.test("a new password ends the user's tokens, and disabling a thing ends the thing's", async (t) => {
    const [hana, thing] = [
      await accessTokenFor({ username: "hana", password: "hana's password" }),
      await accessTokenFor(THING_LOGIN),
    ];
    const { sub } = (await introspect(server, thing)).json;
    await setPassword(prisma, "user-hana", null as unknown as string);
    await setUserDisabled(prisma, sub, true);
    t.strictSame(await Promise.all([hana, thing].map((token) => isActive(server, token))), [false, false]);
    t.match((await ask(THING_LOGIN)).json, WRONG);
    await setUserDisabled(prisma, sub, false);
    t.notOk(await isActive(server, thing), "switching it on again brings none back");
    t.ok(await accessTokenFor(THING_LOGIN));
    await sql(server.database, "DELETE FROM things WHERE sub = $1", [sub]);
    t.match((await ask(THING_LOGIN)).json, WRONG);
  });

  await t.test("disabling an app makes its tokens and its administrator's tokens inactive", async (t) => {
    const app = ofApp(PLAIN_APP);
    const bodies = [
      ALICE,
      { client_id: PLAIN_APP.app_id, client_secret: "x" },
      { client_id: PLAIN_APP.client_id, client_secret: PLAIN_APP.client_secret },
    ];
    const tokens = await Promise.all(bodies.map((body) => accessTokenFor(body, app)));
    await setClientDisabled(prisma, PLAIN_APP.app_id, true);
    t.strictSame(await Promise.all(tokens.map((token) => isActive(server, token))), [false, false, false]);
    await setClientDisabled(prisma, PLAIN_APP.app_id, false);
    t.strictSame(await Promise.all(tokens.map((token) => isActive(server, token))), [true, true, true]);
    await prisma.$transaction((tx) => endEverythingOfClient(tx, PLAIN_APP.app_id));
    t.strictSame(await Promise.all(tokens.map((token) => isActive(server, token))), [false, false, false]);
  });
});

t.test("CORS allows pages of every origin to send requests", async (t) => {
  for (const [path, method] of [
    [PATH, "POST"],
    [APP_PATH, "POST"],
    [`/api/apps/${APP.app_id}/users/me`, "GET"],
  ] as const) {
    const reply = await server.send(path, {
      method: "OPTIONS",
      headers: { Origin: "https://anywhere.example", "Access-Control-Request-Method": method },
    });
    t.equal(reply.status, 204);
    t.equal(reply.headers.get("access-control-allow-origin"), "*");
    t.match(reply.headers.get("access-control-allow-headers"), /X-Kii-AppID, X-Kii-AppKey/);
    t.notOk(reply.headers.has("access-control-allow-credentials"));
  }
});
