import t from "tap";
import { sql } from "../support/database.js";
import { decided } from "../support/decided.js";
import { ALICE } from "../support/fleet.js";
import { startInstance, type Instance } from "../support/instance.js";
import { APP, ofApp, PLAIN_APP, postJson, VENDORS } from "../support/vendors.js";

const server = await startInstance(t, { provision: VENDORS });

const PASSWORD = "carol's password";

const register = (body: unknown, app = APP, on: Instance = server, headers: Record<string, string> = {}) =>
  postJson(on, `/api/apps/${app.app_id}/users`, body, {
    "Content-Type": "application/vnd.kii.RegistrationRequest+json",
    ...ofApp(app),
    ...headers,
  });

const logIn = async (username: string, password = PASSWORD) =>
  (await postJson(server, "/api/oauth2/token", { username, password }, ofApp())).json;

t.test("a user registers, logs in and reads the profile", async (t) => {
  const reply = await register({
    loginName: "carol",
    password: PASSWORD,
    emailAddress: "carol@example.com",
    phoneNumber: "+81 90 8765 4321",
    displayName: "Carol",
    country: "JP",
  });
  t.equal(reply.status, 201);
  const { userID } = reply.json;
  t.equal(reply.text, `{\n  "userID" : "${userID}",\n  "loginName" : "carol"\n}`);
  t.equal(reply.headers.get("x-http-status-code"), "201");
  t.equal(reply.headers.get("content-type"), "application/vnd.kii.RegistrationResponse+json;charset=UTF-8");

  const { id, access_token } = await logIn("carol");
  t.equal(id, userID);
  const headers = { Authorization: `Bearer ${access_token}` };
  t.match((await server.send(`/api/apps/${APP.app_id}/users/me`, { headers })).json, {
    userID,
    loginName: "carol",
    displayName: "Carol",
    country: "JP",
    emailAddress: "carol@example.com",
    emailAddressVerified: false,
    phoneNumberVerified: false,
  });
  t.match(await logIn("carol@example.com"), { errorCode: "invalid_grant" }, "the address is not verified");
  const [row] = await sql(server.database, "SELECT * FROM users WHERE sub = $1", [userID]);
  t.match(row, { password_hash: /^\$argon2id\$/, roles: [], disabled: false });
});

/** What is no registration, and how it is refused. */
const REFUSED: readonly (readonly [
  what: string,
  status: number,
  errorCode: string,
  body: unknown,
  app?: typeof APP,
])[] = [
  [
    "an app that does not let users register",
    403,
    "OPERATION_NOT_ALLOWED",
    { loginName: "d", password: PASSWORD },
    PLAIN_APP,
  ],
  ["a wrong app key", 401, "UNAUTHORIZED", { loginName: "d", password: PASSWORD }, { ...APP, app_key: "x" }],
  ["a login name of another account", 409, "USER_ALREADY_EXISTS", { loginName: "ALICE", password: PASSWORD }],
  ["neither a name nor an address", 400, "INVALID_INPUT_DATA", { password: PASSWORD }],
  ["a login name like an email", 400, "INVALID_INPUT_DATA", { loginName: "d@example.com", password: PASSWORD }],
  ["a login name like a phone number", 400, "INVALID_INPUT_DATA", { loginName: "09087654321", password: PASSWORD }],
  ["a login name with a line break", 400, "INVALID_INPUT_DATA", { loginName: "thing\na\nb", password: PASSWORD }],
  ["no password", 400, "INVALID_INPUT_DATA", { loginName: "d" }],
  ["a short password", 400, "INVALID_INPUT_DATA", { loginName: "d", password: "1234567" }],
  ["a common password", 400, "INVALID_INPUT_DATA", { loginName: "d", password: "Password1" }],
  ["a number for a text", 400, "INVALID_INPUT_DATA", { loginName: "d", password: 12345678 }],
  [
    "a phone number without a country",
    400,
    "INVALID_INPUT_DATA",
    { loginName: "d", password: PASSWORD, phoneNumber: "09087654321" },
  ],
  ["no JSON", 400, "INVALID_JSON", "{"],
  ["a list", 400, "INVALID_JSON", []],
  ...[
    "roles",
    "sub",
    "userID",
    "disabled",
    "email_verified",
    "emailAddressVerified",
    "token_epoch",
    "claims",
    "__proto__x",
  ].map(
    (name) =>
      [
        `a member ${name}, which a client must not set`,
        400,
        "INVALID_INPUT_DATA",
        { loginName: "d", password: PASSWORD, [name]: true },
      ] as const,
  ),
];

t.test("an invalid registration is refused and creates no user", async (t) => {
  const count = async () => (await sql(server.database, "SELECT count(*)::int AS n FROM users"))[0]!.n;
  const before = await count();
  for (const [what, status, errorCode, body, app] of REFUSED) {
    const reply = await register(body, app);
    t.equal(reply.status, status, `${what}: ${reply.text}`);
    t.match(reply.json, { errorCode, message: String }, what);
    t.strictSame(Object.keys(reply.json), ["errorCode", "message"], what);
    t.equal(reply.headers.get("x-http-status-code"), String(status));
  }
  t.equal(await count(), before);
});

t.test("a refusal names the member as the request wrote it", async (t) => {
  const good = { loginName: "d", password: PASSWORD };
  for (const [body, name] of [
    [{ ...good, loginName: "d@example.com" }, "loginName"],
    [{ ...good, emailAddress: "none" }, "emailAddress"],
    [{ ...good, phoneNumber: "09087654321" }, "phoneNumber"],
    [{ ...good, displayName: "x".repeat(300) }, "displayName"],
    [{ ...good, roles: "admin" }, "roles"],
    [{ ...good, _hunter2: "x" }, "(unknown)"],
    [{ ...good, ["x".repeat(65)]: "x" }, "(unknown)"],
  ] as const) {
    t.equal((await register(body)).json.message, `the parameter ${name} is malformed`);
  }
  t.equal((await register({ password: PASSWORD })).json.message, "the parameter loginName is missing");
});

t.test("of simultaneous registrations of one login name on two instances exactly one succeeds", async (t) => {
  const other = await startInstance(t, { database: server.database });
  const replies = await Promise.all(
    Array.from({ length: 6 }, (_, index) =>
      decided(() =>
        register({ loginName: index % 2 ? "Dora" : "dora", password: PASSWORD }, APP, index % 2 ? other : server),
      ),
    ),
  );
  t.strictSame(replies.map(({ status }) => status).sort(), [201, 409, 409, 409, 409, 409]);
});

t.test("BF-01 the registrations of one network are limited", async (t) => {
  const proxied = await startInstance(t, { database: server.database, env: { TRUST_PROXY: "127.0.0.1/32" } });
  const from = { "X-Forwarded-For": "203.0.113.7" };
  for (let n = 0; n < 20; n += 1) {
    await proxied.core.rateLimits.consume({ on: "registrations of a network", id: "203.0.113.7" });
  }
  const reply = await register({ loginName: "erin", password: PASSWORD }, APP, proxied, from);
  t.equal(reply.status, 429);
  t.equal(reply.json.errorCode, "TOO_MANY_REQUESTS");
  t.ok(Number(reply.headers.get("retry-after")) > 0);
  t.equal((await register({ loginName: "erin", password: PASSWORD }, APP, proxied)).status, 201, "others go on");
  t.match(await logIn("alice", ALICE.password), { id: "user-alice" });
});
