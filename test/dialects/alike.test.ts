import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { brokenRequest } from "../support/broken-bodies.js";
import { TestClock } from "../support/clock.js";
import { deviceEntry, deviceJwt, NEW_KEYS } from "../support/devices.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Instance, type Reply } from "../support/instance.js";
import { APP, ofApp, postJson, VENDORS } from "../support/vendors.js";

/** TE-02: every dialect decides the same, in a wording of its own. The test compares who gets which token. */

type Ask = (server: Instance, form: Form, client?: string) => Promise<Reply>;

const CLIENT_CREDENTIALS: Readonly<Record<string, Ask>> = {
  oauth2: (server, form, client = "integration") => server.post("/oauth2/token", form, basic(client, SECRET)),
  "simple-identity-server": (server, form, client = "integration") =>
    server.post("/token", form, basic(client, SECRET)),
  "screening-eagle": (server, form, client = "integration") =>
    server.post("/api/id/v1/auth/token", form, basic(client, SECRET)),
};

const PASSWORD: Readonly<Record<string, Ask>> = {
  oauth2: (server, form) => server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...form }),
  "simple-identity-server": (server, form) =>
    server.post("/token", { grant_type: "password", client_id: "mobile", scope: "openid", ...form }),
  kii: (server, form) => postJson(server, "/api/oauth2/token", form, ofApp()),
};

const WRONG = { username: "alice", password: "not the password" };

/** What a client asks for itself, and what it is granted: the scopes, or nothing. */
const ASKED: readonly (readonly [
  what: string,
  client: string,
  scope: string,
  granted: readonly string[] | undefined,
])[] = [
  ["a scope it has", "integration", "inspect", ["inspect"]],
  ["two, in their order", "integration", "api1 inspect", ["api1", "inspect"]],
  ["one it has not", "integration", "inspect api2", undefined],
  ["a scope in other letters", "integration", "Inspect", undefined],
  ["without the grant", "kiosk", "api1", undefined],
  ["with response_types that do not hold it", "narrow", "api1", undefined],
  ["switched off", "off", "api1", undefined],
  ["unknown", "nobody", "api1", undefined],
];

const clock = new TestClock();
const DEVICE = "test.device.01";
const KEY = NEW_KEYS.ES256();
const provision = { ...VENDORS, devices: [deviceEntry(DEVICE, KEY)] };
const server = await startInstance(t, { provision, clock });

t.test("a client gets the same scopes or the same refusal in every dialect", async (t) => {
  for (const [what, client, scope, granted] of ASKED) {
    for (const [dialect, ask] of Object.entries(CLIENT_CREDENTIALS)) {
      const { status, json } = await ask(server, { grant_type: "client_credentials", scope }, client);
      t.equal(status === 200, granted !== undefined, `${what}, in ${dialect}`);
      t.equal(typeof json.access_token, granted === undefined ? "undefined" : "string");
      t.notOk(json.refresh_token || json.id_token, "RFC 6749 section 4.4.3");
      if (granted !== undefined) {
        const { json: said } = await server.post(
          "/oauth2/introspect",
          { token: json.access_token },
          basic("gateway", SECRET),
        );
        t.match(said, { active: true, scope: granted.join(" "), client_id: client, sub: client });
        t.equal(said.aud, granted.includes("api1") ? "https://api1.example" : server.core.issuer, dialect);
        t.equal(said.exp - said.iat, 604_800);
      }
    }
  }
});

t.test("BF-05 wrong passwords count against one limit of the account across all dialects", async (t) => {
  const doors = Object.values(PASSWORD);
  for (let n = 0; n < 5; n += 1) t.equal((await doors[n % doors.length]!(server, WRONG)).status, 400);
  for (const [dialect, ask] of Object.entries(PASSWORD)) {
    const wrong = await ask(server, WRONG);
    const right = await ask(server, ALICE);
    t.equal(right.status, 400, `${dialect}: locked for the right password too`);
    t.equal(right.text, wrong.text, "and it does not tell");
  }
  clock.advance(2);
  t.equal((await PASSWORD.kii!(server, ALICE)).status, 200, "a right password forgets them");
  for (const ask of doors) t.equal((await ask(server, ALICE)).status, 200, "everywhere");
});

t.test("BF-05 a thing has a limit of its own", async (t) => {
  const ask = (password: string) => PASSWORD.kii!(server, { username: "VENDOR_THING_ID:thing-1", password });
  for (let n = 0; n < 5; n += 1) await ask("wrong");
  t.equal((await ask("thing's password")).status, 400);
  t.equal((await PASSWORD.kii!(server, ALICE)).status, 200);
  clock.advance(2);
  t.equal((await ask("thing's password")).status, 200);
});

t.test("a dialect that is not mounted has no paths", async (t) => {
  const server = await startInstance(t, { provision: VENDORS, clock, env: { DIALECTS: "screening-eagle" } });
  const integration = basic("integration", SECRET);
  const form = { grant_type: "client_credentials", scope: "inspect" };
  t.equal((await server.post("/api/id/v1/auth/token", form, integration)).status, 200);
  for (const path of ["/oauth2/token", "/token", "/api/oauth2/token", "/.well-known/openid-configuration"]) {
    t.equal((await server.post(path, form, integration)).status, 404, path);
  }
});

/** The members of each vendor's refusals, and good requests that each of its paths takes. */
const IOTHENTIX = ["error", "error_uri", "error_description"];
const SCREENING_EAGLE = ["error", "errorDescription"];
const KII = ["errorCode", "error_description", "error"];
const KII_USERS = ["errorCode", "message"];

const GATEWAY = { client_id: "gateway", client_secret: SECRET };
const ADMINISTRATOR = { client_id: APP.client_id, client_secret: APP.client_secret };
const CAROL = { loginName: "carol", password: "carol's password" };

const BODIES: readonly (readonly [
  path: string,
  members: readonly string[],
  good: Form,
  credentials?: Record<string, string>,
])[] = [
  ["/as/token", IOTHENTIX, { client_id: DEVICE, client_secret: deviceJwt(DEVICE, KEY) }],
  ["/as/renew/token", IOTHENTIX, { client_id: DEVICE, token: "jat_x" }],
  ["/idp/introspect", IOTHENTIX, { token: "jat_x", ...GATEWAY }],
  ["/device/update/pubkey", IOTHENTIX, { pop: "AAAA", client_secret: deviceJwt(DEVICE, KEY) }],
  [
    "/api/id/v1/auth/token",
    SCREENING_EAGLE,
    { grant_type: "client_credentials", scope: "inspect" },
    basic("integration", SECRET),
  ],
  ["/api/oauth2/token", KII, ADMINISTRATOR, ofApp()],
  [`/api/apps/${APP.app_id}/oauth2/token`, KII, ADMINISTRATOR, ofApp()],
  [`/api/apps/${APP.app_id}/users`, KII_USERS, CAROL, ofApp()],
];

t.test("TE-05 each malformed body is refused in the vendor's format only", async (t) => {
  for (const [path, members, good, credentials = {}] of BODIES) {
    const isRefused = fc.asyncProperty(brokenRequest(good, credentials), async ({ type, headers, body }) => {
      const request = { method: "POST", headers: { "Content-Type": type, ...headers }, body };
      const { status, text, json } = await server.send(path, request);
      const texts = Object.entries(json ?? {}).filter(([, value]) => typeof value === "string" && value !== "");
      const said = texts.map(([name]) => name);
      assert.ok(status >= 400 && status < 500 && `${said}` === `${members}`, `${status} ${text}`);
    });
    await t.resolves(fc.assert(isRefused, { numRuns: 60 }), path);
  }
});
