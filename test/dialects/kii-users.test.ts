import { buffer } from "node:stream/consumers";
import t from "tap";
import { sql } from "../support/database.js";
import { decided } from "../support/decided.js";
import { ALICE } from "../support/fleet.js";
import { startInstance, type Reply } from "../support/instance.js";
import { startRemote } from "../support/remote.js";
import { until } from "../support/until.js";
import { APP, ofApp, PLAIN_APP, postJson, THING, VENDORS } from "../support/vendors.js";

/** Users and things of Kii Cloud beyond the token: the requests of its JavaScript SDK, version 2.4.19. */

const messages: { to: string; code: string; channel: string }[] = [];
const webhook = await startRemote(t, async (request, response) => {
  messages.push(JSON.parse(String(await buffer(request))));
  response.writeHead(204).end();
});
const env = { ISSUER: "http://localhost:3000", CODE_WEBHOOK_URL: webhook.url };
const server = await startInstance(t, { provision: VENDORS, env });
const other = await startInstance(t, { database: server.database, env });

const USERS = `/api/apps/${APP.app_id}/users`;
const THINGS = `/api/apps/${APP.app_id}/things`;
const PASSWORD = "carol's password";

const typed = (name: string) => ({ "Content-Type": `application/vnd.kii.${name}Request+json` });

async function tokenOf(body: object, app = APP): Promise<string> {
  return (await postJson(server, "/api/oauth2/token", body, ofApp(app))).json.access_token as string;
}

const register = (body: object, type = "Registration") => postJson(server, USERS, body, { ...ofApp(), ...typed(type) });

/** A new user with a token. */
async function newUser(more: object = {}): Promise<{ userID: string; token: string }> {
  const { json } = await register(more, "RegistrationAndAuthorization");
  return { userID: json.userID as string, token: json._accessToken as string };
}

function ask(method: string, path: string, token: string, body?: unknown, type = ""): Promise<Reply> {
  const form = type === "" ? { "Content-Type": "application/json" } : typed(type);
  const headers = { ...ofApp(), Authorization: `Bearer ${token}`, ...(body === undefined ? {} : form) };
  return server.send(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

const admin = await tokenOf({ client_id: APP.client_id, client_secret: APP.client_secret });
const plainAdmin = await tokenOf({ client_id: PLAIN_APP.client_id, client_secret: PLAIN_APP.client_secret }, PLAIN_APP);

t.test("a pseudo user has nothing but a token, and becomes a user with a name", async (t) => {
  const { userID, token } = await newUser({ score: 3, displayName: "Pat" });
  const { json } = await ask("GET", `${USERS}/${userID}`, token);
  t.strictSame(Object.keys(json), ["score", "userID", "displayName"]);
  t.match(json, { score: 3, userID, displayName: "Pat" });
  // The SDK sends back what the registration has answered.
  const identity = { loginName: "pat", password: PASSWORD, score: 4, _accessToken: token };
  const replies = await Promise.all(
    Array.from({ length: 4 }, () => decided(() => ask("POST", `${USERS}/${userID}`, token, identity, "UserUpdate"))),
  );
  t.equal(replies.filter(({ status }) => status === 200).length, 1, "of several requests one succeeds");
  t.match(await postJson(server, "/api/oauth2/token", { username: "pat", password: PASSWORD }, ofApp()), {
    status: 200,
    json: { id: userID },
  });
  t.match((await ask("GET", `${USERS}/me`, token)).json, { loginName: "pat", score: 4 });
  const again = await ask("POST", `${USERS}/${userID}`, token, { loginName: "pat2", password: PASSWORD }, "UserUpdate");
  t.match(again, { status: 403, json: { errorCode: "OPERATION_NOT_ALLOWED" } });
  const { userID: another, token: theirs } = await newUser();
  const taken = await ask(
    "POST",
    `${USERS}/${another}`,
    theirs,
    { loginName: "ALICE", password: PASSWORD },
    "UserUpdate",
  );
  t.match(taken, { status: 409, json: { errorCode: "USER_ALREADY_EXISTS" } });
});

t.test("a user registers with an email address or a phone number only, and verifies it", async (t) => {
  const { userID, token } = await newUser({ emailAddress: "kim@example.com", password: PASSWORD });
  const { json } = await ask("GET", `${USERS}/me`, token);
  t.match(json, { userID, emailAddress: "kim@example.com", emailAddressVerified: false });
  t.notOk("loginName" in json);
  const logIn = () =>
    postJson(server, "/api/oauth2/token", { username: "kim@example.com", password: PASSWORD }, ofApp());
  t.equal((await logIn()).status, 400, "not before it is verified");

  const path = `${USERS}/${userID}/email-address`;
  t.equal((await ask("POST", `${path}/resend-verification`, token)).status, 204);
  await until("the code is sent", async () => messages.length === 1);
  t.match(messages[0], { to: "kim@example.com", channel: "email" });
  const verify = (verificationCode: string) =>
    ask("POST", `${USERS}/me/email-address/verify`, token, { verificationCode }, "AddressVerification");
  t.match(await verify("000000x"), { status: 403, json: { errorCode: "INVALID_VERIFICATION_CODE" } });
  t.equal((await verify(messages[0]!.code)).status, 204);
  t.match(await logIn(), { status: 200, json: { id: userID } });
  t.equal((await verify(messages[0]!.code)).status, 409, "it is verified");
  t.equal((await ask("POST", `${USERS}/me/phone-number/resend-verification`, token)).status, 409, "there is none");

  const second = await newUser({ emailAddress: "Kim@example.com", password: PASSWORD });
  t.equal((await ask("POST", `${USERS}/me/email-address/resend-verification`, second.token)).status, 204);
  await until("the next code is sent", async () => messages.length === 2);
  const { code } = messages[1]!;
  const { json: refused } = await ask("POST", `${USERS}/me/email-address/verify`, second.token, {
    verificationCode: code,
  });
  t.equal(refused.errorCode, "USER_ALREADY_EXISTS", "an address of another account");
});

t.test("a POST replaces the fields of the application, and a PATCH changes some", async (t) => {
  const { userID, token } = await newUser({ color: "red", size: { w: 1 } });
  const path = `${USERS}/${userID}`;
  const { status, json } = await ask("PATCH", path, token, { size: 2, country: "JP" }, "UserUpdate");
  t.match({ status, json }, { status: 200, json: { modifiedAt: Number } });
  t.match((await ask("GET", path, token)).json, { color: "red", size: 2, country: "JP" });
  await ask("PATCH", path, token, { color: null });
  t.notOk("color" in (await ask("GET", path, token)).json, "null removes a field");
  await ask("POST", path, token, { shape: "round", displayName: "Q" }, "UserUpdate");
  const after = (await ask("GET", path, token)).json;
  t.strictSame(Object.keys(after), ["shape", "userID", "displayName", "country"]);
  t.equal((await ask("PATCH", path, token, { text: "x".repeat(33_000) })).status, 400);
  for (const name of ["one", "two", "three"]) await ask("PATCH", path, token, { [name]: "x".repeat(12_000) });
  t.equal((await ask("PATCH", path, token, { four: "x".repeat(12_000) })).json.errorCode, "REQUEST_TOO_LARGE");
  const [row] = await sql(server.database, "SELECT roles, claims FROM users WHERE sub = $1", [userID]);
  t.strictSame(row!.roles, []);
  t.strictSame(
    Object.keys(row!.claims as object).sort(),
    ["app_fields", "country", "name"],
    "no field becomes a claim",
  );
  for (const name of ["roles", "userID", "modifiedAt", "app_fields", "email_verified"]) {
    t.equal((await ask("PATCH", path, token, { [name]: ["admin"] })).json.errorCode, "INVALID_INPUT_DATA", name);
  }
});

t.test("a user changes the password, which ends all tokens", async (t) => {
  const { json } = await register({ loginName: "mallory", password: PASSWORD });
  const token = await tokenOf({ username: "mallory", password: PASSWORD });
  const path = `${USERS}/${json.userID}/password`;
  const change = (oldPassword: string, newPassword: string, as = token) =>
    ask("PUT", path, as, { oldPassword, newPassword }, "ChangePassword");
  t.match(await change("wrong", "another password"), { status: 401, json: { errorCode: "WRONG_PASSWORD" } });
  t.match(await change(PASSWORD, "short"), { status: 400, json: { errorCode: "INVALID_INPUT_DATA" } });
  t.equal((await change(PASSWORD, "another password")).status, 204);
  t.match(await ask("GET", `${USERS}/me`, token), { status: 403, json: { errorCode: "WRONG_TOKEN" } });
  const fresh = await tokenOf({ username: "mallory", password: "another password" });
  for (let n = 0; n < 6; n += 1) await change("wrong", "yet another password", fresh);
  t.equal(
    (await change("wrong", "yet another password", fresh)).status,
    429,
    "BF-04 a token is no way to guess the password",
  );
});

t.test("a user sees no other, and an administrator looks users up where the operator allows it", async (t) => {
  const alice = await tokenOf(ALICE);
  for (const id of ["user-bob", "nobody-there", "LOGIN_NAME:bob"]) {
    t.match(
      await ask("GET", `${USERS}/${id}`, alice),
      { status: 403, json: { errorCode: "OPERATION_NOT_ALLOWED" } },
      id,
    );
  }
  t.equal((await ask("POST", `${USERS}/user-bob`, alice, { color: "red" })).json.errorCode, "OPERATION_NOT_ALLOWED");
  for (const id of [
    "user-alice",
    "LOGIN_NAME:Alice",
    "EMAIL:alice@example.com",
    "PHONE:+4930123456",
    "PHONE:DE-030123456",
  ]) {
    t.match(await ask("GET", `${USERS}/${id}`, admin), { status: 200, json: { userID: "user-alice" } }, id);
  }
  for (const id of ["user-carol", "LOGIN_NAME:carol", "user-gone"]) {
    t.match(await ask("GET", `${USERS}/${id}`, admin), { status: 404, json: { errorCode: "USER_NOT_FOUND" } }, id);
  }
  t.match(await ask("GET", `${USERS}/me`, admin), { status: 403, json: { errorCode: "WRONG_TOKEN" } });
  t.match(await ask("PATCH", `${USERS}/user-alice`, admin, { color: "red" }), { status: 403 });
  t.match(
    await ask("GET", `${USERS}/user-alice`, plainAdmin),
    { status: 403, json: { errorCode: "WRONG_TOKEN" } },
    "TE-05 another app's",
  );
  const headers = { ...ofApp(PLAIN_APP), Authorization: `Bearer ${plainAdmin}` };
  const plain = await server.send(`/api/apps/${PLAIN_APP.app_id}/users/user-alice`, { headers });
  t.match(plain, { status: 403, json: { errorCode: "OPERATION_NOT_ALLOWED" } }, "without the right");
});

t.test("a thing registers, logs in and is found by its vendor's name", async (t) => {
  const body = { _vendorThingID: "meter-7", _password: "pw", _thingType: undefined, room: "cellar" };
  const send = (on = server) =>
    postJson(on, THINGS, body, { ...ofApp(), ...typed("ThingRegistrationAndAuthorization") });
  const replies = await Promise.all([send(), send(other), send(), send(other)]);
  t.strictSame(replies.map(({ status }) => status).sort(), [201, 409, 409, 409]);
  t.equal(replies.find(({ status }) => status === 409)!.json.errorCode, "THING_ALREADY_EXISTS");
  const { json } = replies.find(({ status }) => status === 201)!;
  t.match(json, { _thingID: /^th\./, _vendorThingID: "meter-7", room: "cellar", _accessToken: String });
  for (const id of [json._thingID, "VENDOR_THING_ID:meter-7"]) {
    t.match(await ask("GET", `${THINGS}/${id}`, json._accessToken), {
      status: 200,
      json: { _vendorThingID: "meter-7" },
    });
    t.match(await ask("GET", `${THINGS}/${id}`, admin), { status: 200, json: { room: "cellar" } });
  }
  t.equal(
    await tokenOf({ username: "VENDOR_THING_ID:meter-7", password: "pw" }).then((token) => typeof token),
    "string",
  );
  t.match(await ask("GET", `${THINGS}/VENDOR_THING_ID:${THING.vendor_thing_id}`, json._accessToken), { status: 403 });
  t.match(await ask("GET", `${THINGS}/VENDOR_THING_ID:none`, admin), {
    status: 404,
    json: { errorCode: "THING_NOT_FOUND" },
  });
  t.match(await ask("GET", `${USERS}/me`, json._accessToken), { status: 403, json: { errorCode: "WRONG_TOKEN" } });
  const plain = await postJson(server, `/api/apps/${PLAIN_APP.app_id}/things`, body, ofApp(PLAIN_APP));
  t.match(plain, { status: 403, json: { errorCode: "OPERATION_NOT_ALLOWED" } });
});

t.test("what is not built answers in the vendor's form", async (t) => {
  for (const [method, path] of [
    ["DELETE", `${USERS}/user-alice`],
    ["PUT", `${USERS}/user-alice/email-address`],
    ["POST", `${USERS}/EMAIL:alice@example.com/password/request-reset`],
    ["POST", `${THINGS}/query`],
    ["PUT", `${THINGS}/th.1/status`],
    ["GET", `/api/apps/${APP.app_id}/buckets/b/objects/o`],
  ] as const) {
    const { status, json } = await ask(method, path, admin);
    t.ok([404, 405].includes(status), path);
    t.match(json, { errorCode: /^(NOT_FOUND|METHOD_NOT_ALLOWED)$/, message: String }, path);
  }
});
