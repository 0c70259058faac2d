import t from "tap";
import { Throttle } from "../../src/clients/throttle.js";
import { sql } from "../support/database.js";
import { deviceEntry, deviceJwt, NEW_KEYS } from "../support/devices.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Instance, type Reply } from "../support/instance.js";
import { TestClock } from "../support/clock.js";
import { holds } from "../support/oracle.js";

const ID = "test.device.01";
const KEY = NEW_KEYS.ES256();
const ERROR_URI = "iot-idp.demo.apps.iothentix.com";
const ISSUER = "https://iot-idp.demo.apps.iothentix.com";

async function startWithDevice(t: Parameters<typeof startInstance>[0], more: object = {}): Promise<Instance> {
  const server = await startInstance(t, {
    provision: FLEET,
    clock: new TestClock(),
    env: { ISSUER, IOTHENTIX_ERROR_URI: ERROR_URI },
  });
  await server.apply({ devices: [deviceEntry(ID, KEY, more)] });
  return server;
}

/** An example of the pages, without the room between its parts. */
const example = (text: string) => JSON.stringify(JSON.parse(text));

const UNAUTHORIZED = example(`{
    "error":"UNAUTHORIZED",
    "error_uri":"iot-idp.demo.apps.iothentix.com",
    "error_description":"The request could not be authorized"
}`);
const FORBIDDEN = example(`{
    "error": "FORBIDDEN",
    "error_uri": "iot-idp.demo.apps.iothentix.com",
    "error_description": "The requested action was forbidden"
}`);
const BAD_REQUEST = example(`{
    "error": "BAD_REQUEST",
    "error_uri": "iot-idp.demo.apps.iothentix.com",
    "error_description": "The request format was incorrect"
}`);
const METHOD_NOT_ALLOWED = example(`{
    "error": "METHOD_NOT_ALLOWED",
    "error_uri": "iot-idp.demo.apps.iothentix.com",
    "error_description": "The requested method is not allowed for this resource"
}`);
const NOT_FOUND = example(`{
    "error": "NOT_FOUND",
    "error_uri": "iot-idp.demo.apps.iothentix.com",
    "error_description": "The requested resource could not be found"
}`);
const INACTIVE = example(`{
    "active": false
}`);

const PATHS = ["/as/token", "/as/renew/token", "/idp/introspect", "/device/update/pubkey"] as const;
const jwt = () => deviceJwt(ID, KEY);
const json = (body: object) => ({
  method: "POST",
  body: JSON.stringify(body),
  headers: { "Content-Type": "application/json" },
});

t.test("each documented request gets the documented answer", async (t) => {
  const server = await startWithDevice(t);
  const take = (scope?: string) => server.post("/as/token", { client_id: ID, client_secret: jwt(), scope });
  const gateway = { client_id: "gateway", client_secret: SECRET };
  const token = async () => (await take()).json.access_token as string;

  const { exp } = (await server.core.accessTokens.read(await token()))!.claims;
  const ACTIVE = example(`{
    "active": true,
    "sub": "test.device.01",
    "scope": "tenant.demo refresh.token temp",
    "iss": "https://iot-idp.demo.apps.iothentix.com",
    "exp": ${exp}
  }`);
  const issued = (access_token: string, scope = "tenant.demo refresh.token temp") =>
    JSON.stringify({ access_token, expires_in: 3599, scope, token_type: "bearer" });

  const CASES: readonly (readonly [string, () => Promise<Reply>, number, string | ((seen: Reply) => string)])[] = [
    [
      "a token request without a scope gets every scope of the device",
      () => take(),
      201,
      (seen) => issued(seen.json.access_token),
    ],
    ["a token of one scope", () => take("temp"), 201, (seen) => issued(seen.json.access_token, "temp")],
    [
      "a token for a JWT in the header, bare, as the HTTP page has it",
      () => server.post("/as/token", { client_id: ID }, { Authorization: jwt() }),
      201,
      (seen) => issued(seen.json.access_token),
    ],
    [
      "a token for a JWT in the header, after any word",
      () => server.post("/as/token", { client_id: ID }, { Authorization: `PrivateKeyJwt ${jwt()}` }),
      201,
      (seen) => issued(seen.json.access_token),
    ],
    [
      "a token asked for in JSON",
      () => server.send("/as/token", json({ client_id: ID, client_secret: jwt() })),
      201,
      (seen) => issued(seen.json.access_token),
    ],
    ["no JWT", () => server.post("/as/token", { client_id: ID }), 401, UNAUTHORIZED],
    [
      "no JWT in the header",
      () => server.post("/as/token", { client_id: ID }, { Authorization: "" }),
      401,
      UNAUTHORIZED,
    ],
    [
      "a token for a JWT beside an empty header",
      () => server.post("/as/token", { client_id: ID, client_secret: jwt() }, { Authorization: "" }),
      201,
      (seen) => issued(seen.json.access_token),
    ],
    ["no JWT, of a device there is not", () => server.post("/as/token", { client_id: "x" }), 401, UNAUTHORIZED],
    ["a bad JWT", () => server.post("/as/token", { client_id: ID, client_secret: "a.b.c" }), 403, FORBIDDEN],
    ["no client_id", () => server.post("/as/token", { client_secret: jwt() }), 400, BAD_REQUEST],
    ["no body", () => server.send("/as/token", { method: "POST" }), 400, BAD_REQUEST],
    ["a scope the device may not have", () => take("jeton:admin"), 403, FORBIDDEN],
    [
      "another type of body",
      () => server.send("/as/token", { method: "POST", body: "x", headers: { "Content-Type": "text/plain" } }),
      400,
      BAD_REQUEST,
    ],
    [
      "a renewal",
      async () => server.post("/as/renew/token", { client_id: ID, token: await token() }),
      201,
      (seen) => issued(seen.json.access_token),
    ],
    [
      "a renewal in the header, as the HTTP page has it",
      async () => server.post("/as/renew/token", { client_id: ID }, { Authorization: await token() }),
      201,
      (seen) => issued(seen.json.access_token),
    ],
    [
      "a renewal in the header, as the HTTP page spells it",
      async () => server.post("/as/renew/token", { client_id: ID }, { Authorisation: `Bearer ${await token()}` }),
      201,
      (seen) => issued(seen.json.access_token),
    ],
    [
      "a renewal in JSON",
      async () => server.send("/as/renew/token", json({ client_id: ID, token: await token() })),
      201,
      (seen) => issued(seen.json.access_token),
    ],
    ["a renewal without a token", () => server.post("/as/renew/token", { client_id: ID }), 400, BAD_REQUEST],
    [
      "a renewal without credentials",
      async () => server.post("/as/renew/token", { token: await token() }),
      400,
      BAD_REQUEST,
    ],
    [
      "a renewal of an unknown token",
      () => server.post("/as/renew/token", { client_id: ID, token: "x" }),
      403,
      FORBIDDEN,
    ],
    [
      "introspection with Basic in the body",
      async () => server.post("/idp/introspect", { token: await token(), ...gateway }),
      201,
      ACTIVE,
    ],
    [
      "introspection with Basic in the header",
      async () => server.post("/idp/introspect", { token: await token() }, basic("gateway", SECRET)),
      201,
      ACTIVE,
    ],
    [
      "introspection in JSON",
      async () => server.send("/idp/introspect", json({ token: await token(), ...gateway })),
      201,
      ACTIVE,
    ],
    ["introspection by the device", async () => server.post("/idp/introspect", { token: await token() }), 201, ACTIVE],
    [
      "introspection by the device, which says its name",
      async () => server.post("/idp/introspect", { token: await token(), client_id: ID }),
      201,
      ACTIVE,
    ],
    [
      "introspection of what is no token",
      () => server.post("/idp/introspect", { token: "garbage", ...gateway }),
      201,
      INACTIVE,
    ],
    [
      "introspection with a wrong secret",
      async () => server.post("/idp/introspect", { token: await token(), client_id: "gateway", client_secret: "no" }),
      401,
      FORBIDDEN,
    ],
    [
      "introspection by a client there is not",
      async () => server.post("/idp/introspect", { token: await token() }, basic("nobody", SECRET)),
      401,
      FORBIDDEN,
    ],
    [
      "introspection without credentials, of a token that is not the caller's own",
      () => server.post("/idp/introspect", { token: "garbage" }),
      401,
      FORBIDDEN,
    ],
    ["introspection of nothing", () => server.post("/idp/introspect", gateway), 400, BAD_REQUEST],
    [
      "a key update without proof",
      () => server.post("/device/update/pubkey", { client_secret: jwt() }),
      400,
      BAD_REQUEST,
    ],
    ["a key update without a JWT", () => server.post("/device/update/pubkey", { pop: "AAAA" }), 401, UNAUTHORIZED],
    ["an unknown path", () => server.post("/as/nothing", {}), 404, NOT_FOUND],
    ...PATHS.map((path) => [`GET ${path}`, () => server.send(path), 405, METHOD_NOT_ALLOWED] as const),
  ];
  for (const [name, ask, status, body] of CASES) {
    await t.test(name, async (t) => {
      const seen = await ask();
      t.equal(seen.status, status);
      t.equal(seen.text, typeof body === "string" ? body : body(seen));
      t.equal(seen.headers.get("allow"), status === 405 ? "POST" : null);
      await holds(t, server, seen);
    });
  }
});

t.test("an internal error has the nested format and the id of the request", async (t) => {
  const server = await startWithDevice(t);
  await sql(server.database, "ALTER TABLE device_jtis RENAME TO device_jtis_gone");
  const seen = await server.post("/as/token", { client_id: ID, client_secret: jwt() });
  t.equal(seen.status, 500);
  const request = seen.headers.get("x-request-id");
  t.equal(
    seen.text,
    example(`{
    "error":
    {
        "code": 500,
        "status": "Internal Server Error",
        "request": "${request}",
        "message": "An internal server error occurred, please contact the system administrator"
    }
}`),
  );
  t.ok(
    server.log.some(({ decision_id }) => decision_id === request),
    "by which the log has it too",
  );
});

t.test("error_uri is the host of the issuer unless a setting replaces it", async (t) => {
  const server = await startInstance(t, { clock: new TestClock(), env: { ISSUER: "https://id.example:8443/iot" } });
  t.equal((await server.post("/as/token", { client_id: ID })).json.error_uri, "id.example");
});

t.test("an ambiguous request is refused", async (t) => {
  const server = await startWithDevice(t);
  const token = (await server.post("/as/token", { client_id: ID, client_secret: jwt() })).json.access_token;
  const both = (path: string, form: Form, headers: Record<string, string>) => () => server.post(path, form, headers);
  const CASES: readonly (readonly [string, () => Promise<Reply>])[] = [
    ["two JWTs", both("/as/token", { client_id: ID, client_secret: jwt() }, { Authorization: jwt() })],
    ["two old tokens", both("/as/renew/token", { client_id: ID, token }, { Authorization: token })],
    ["two headers", both("/as/renew/token", { client_id: ID }, { Authorization: token, Authorisation: token })],
    [
      "two Basics",
      both("/idp/introspect", { token, client_id: "gateway", client_secret: SECRET }, basic("gateway", SECRET)),
    ],
    ["two names", both("/idp/introspect", { token, client_id: "admin" }, basic("gateway", SECRET))],
    [
      "one parameter twice",
      () => server.send("/as/token", { method: "POST", body: new URLSearchParams(`client_id=${ID}&client_id=x`) }),
    ],
    ["TE-06 a number for a text", () => server.send("/as/token", json({ client_id: 1, client_secret: jwt() }))],
    ["TE-06 a list for a text", () => server.send("/as/token", json({ client_id: [ID], client_secret: jwt() }))],
    ["TE-06 an object for a text", () => server.send("/as/token", json({ client_id: {}, client_secret: jwt() }))],
    ["null for a text", () => server.send("/as/token", json({ client_id: ID, client_secret: null }))],
    ["a list for an object", () => server.send("/as/token", json([ID]))],
    ["an empty object", () => server.send("/as/token", json({}))],
  ];
  for (const [name, ask] of CASES) {
    await t.test(name, async (t) => {
      const seen = await ask();
      t.equal(seen.status, 400);
      t.equal(seen.text, BAD_REQUEST);
      await holds(t, server, seen);
    });
  }
  await t.test("unknown members are ignored, a grant_type among them", async (t) => {
    const seen = await server.send(
      "/as/token",
      json({ client_id: ID, client_secret: jwt(), grant_type: "password", username: "alice", more: "x" }),
    );
    t.equal(seen.status, 201);
  });
});

t.test("the rules of the standard dialect apply to device tokens", async (t) => {
  const server = await startWithDevice(t);
  const take = async () =>
    (await server.post("/as/token", { client_id: ID, client_secret: jwt() })).json.access_token as string;

  await t.test("TE-09 a resource server can introspect a device's token in either dialect", async (t) => {
    const token = await take();
    t.match(token, /^jat_/, "opaque");
    const seen = await server.post("/oauth2/introspect", { token }, basic("gateway", SECRET));
    t.match(seen.json, { active: true, sub: ID, client_id: ID, scope: "tenant.demo refresh.token temp" });
    t.notOk("renewals" in seen.json);
    const other = await server.post("/idp/introspect", { token }, basic("api1-server", SECRET));
    t.equal(other.text, INACTIVE, "one that it is not meant for");
  });
  await t.test("TE-09 a device's token can be revoked in the standard dialect", async (t) => {
    const token = await take();
    t.equal((await server.post("/oauth2/revoke", { token }, basic("admin", SECRET))).status, 200);
    t.equal((await server.post("/idp/introspect", { token })).text, INACTIVE);
    t.equal((await server.post("/as/renew/token", { client_id: ID, token })).text, FORBIDDEN);
  });
  await t.test("TE-01 a device may not use another dialect or another authentication method", async (t) => {
    const grant_type = "client_credentials";
    for (const form of [{ client_secret: jwt() }, { client_assertion: jwt() }, {}]) {
      const seen = await server.post("/oauth2/token", { grant_type, client_id: ID, ...form });
      t.equal(seen.status, 401);
    }
    const token = await take();
    const itself = await server.post("/oauth2/introspect", { token }, { Authorization: `Bearer ${token}` });
    t.equal(itself.status, 401, "where it may not look at its own token either");
  });
  await t.test("TE-02 a client that is not a device is refused at these paths", async (t) => {
    for (const client_id of ["backend", "mobile"]) {
      for (const client_secret of [SECRET, deviceJwt(client_id, KEY)]) {
        t.equal((await server.post("/as/token", { client_id, client_secret })).text, FORBIDDEN);
      }
      const client_secret = deviceJwt(client_id, KEY, { claims: { public_key: "x" } });
      t.equal((await server.post("/device/update/pubkey", { pop: "AAAA", client_secret })).text, FORBIDDEN);
    }
    const form = { grant_type: "client_credentials" };
    const token = (await server.post("/oauth2/token", form, basic("backend", SECRET))).json.access_token;
    t.equal((await server.post("/as/renew/token", { client_id: "backend", token })).text, FORBIDDEN);
    t.equal((await server.post("/idp/introspect", { token })).status, 401, "nor looks at its token without its secret");
  });
  await t.test("TE-04 the log records a refusal with its reason and without the JWT", async (t) => {
    const client_secret = deviceJwt(ID, NEW_KEYS.ES256());
    await server.post("/as/token", { client_id: ID, client_secret });
    const line = server.log.findLast(({ type }) => type === "decision");
    t.match(line, { dialect: "iothentix", outcome: "refused", client_id: ID, refused_with: "device_jwt_wrong" });
    t.notMatch(JSON.stringify(server.log), client_secret.split(".")[2]!);
  });
  await t.test("wrong secrets of both dialects count against the same limit", async (t) => {
    const counted = t.capture(Throttle.prototype, "countFailure", Throttle.prototype.countFailure);
    await server.post("/idp/introspect", { token: "x", client_id: "kiosk", client_secret: "no" });
    await server.post("/oauth2/introspect", { token: "x" }, basic("kiosk", "no"));
    const [here, there] = counted();
    t.match(here!.args[0], /kiosk$/);
    t.strictSame(here!.args, there!.args);
  });
  await t.test("a disabled device gets no tokens, and its tokens become inactive", async (t) => {
    const token = await take();
    await server.apply({ devices: [deviceEntry(ID, KEY, { disabled: true })] });
    t.equal((await server.post("/as/token", { client_id: ID, client_secret: jwt() })).text, FORBIDDEN);
    t.equal((await server.post("/as/renew/token", { client_id: ID, token })).text, FORBIDDEN);
    t.equal((await server.post("/idp/introspect", { token })).text, INACTIVE);
    const seen = await server.post("/oauth2/introspect", { token }, basic("gateway", SECRET));
    t.equal(seen.text, INACTIVE);
    await server.apply({ devices: [deviceEntry(ID, KEY)] });
    t.equal((await server.post("/as/token", { client_id: ID, client_secret: jwt() })).status, 201);
  });
});
