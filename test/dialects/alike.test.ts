import t from "tap";
import { TestClock } from "../support/clock.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Instance, type Reply } from "../support/instance.js";
import { ofApp, postJson, VENDORS } from "../support/vendors.js";

/** TE-02: whatever the dialect, the same is decided. How each says it is its own; what is compared is who gets what. */

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
const server = await startInstance(t, { provision: VENDORS, clock });

t.test("a client gets the same scopes for the same settings, or nothing", async (t) => {
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

t.test("BF-05 an account has its tries once, whichever dialect they are made in", async (t) => {
  const doors = Object.values(PASSWORD);
  for (let n = 0; n < 5; n += 1) t.equal((await doors[n % doors.length]!(server, WRONG)).status, 400);
  for (const [dialect, ask] of Object.entries(PASSWORD)) {
    const wrong = await ask(server, WRONG);
    const right = await ask(server, ALICE);
    t.equal(right.status, 400, `${dialect}: locked for the right password too`);
    t.equal(right.text, wrong.text, "and it does not tell");
  }
  clock.advance(2);
  t.equal((await PASSWORD["kii"]!(server, ALICE)).status, 200, "a right password forgets them");
  for (const ask of doors) t.equal((await ask(server, ALICE)).status, 200, "everywhere");
});

t.test("BF-05 a thing has its own", async (t) => {
  const ask = (password: string) => PASSWORD["kii"]!(server, { username: "VENDOR_THING_ID:thing-1", password });
  for (let n = 0; n < 5; n += 1) await ask("wrong");
  t.equal((await ask("thing's password")).status, 400);
  t.equal((await PASSWORD["kii"]!(server, ALICE)).status, 200);
  clock.advance(2);
  t.equal((await ask("thing's password")).status, 200);
});

t.test("a dialect that is not mounted has no paths", async (t) => {
  const server = await startInstance(t, { provision: VENDORS, env: { DIALECTS: "screening-eagle" } });
  const integration = basic("integration", SECRET);
  const form = { grant_type: "client_credentials", scope: "inspect" };
  t.equal((await server.post("/api/id/v1/auth/token", form, integration)).status, 200);
  for (const path of ["/oauth2/token", "/token", "/api/oauth2/token", "/.well-known/openid-configuration"]) {
    t.equal((await server.post(path, form, integration)).status, 404, path);
  }
});

/** The members of each vendor's refusals, and where bodies are sent. */
const SHAPES: readonly (readonly [path: string, members: readonly string[]])[] = [
  ["/api/id/v1/auth/token", ["error", "errorDescription"]],
  ["/api/oauth2/token", ["errorCode", "error_description", "error"]],
  ["/api/apps/app-one/oauth2/token", ["errorCode", "error_description", "error"]],
  ["/api/apps/app-one/users", ["errorCode", "message"]],
];

const TYPES = [
  "application/json",
  "application/x-www-form-urlencoded",
  "application/vnd.kii.OauthTokenRequest+json",
  "application/vnd.kii.RegistrationRequest+json",
  "text/plain",
  "application/json; charset=utf-16",
  "",
];

const WORDS = [
  ...["grant_type", "password", "client_credentials", "refresh_token", "authorization_code", "username", "alice"],
  ...["expiresAt", "expires_at", "client_id", "client_secret", "app-one/", "loginName", "code", "scope", "openid"],
  ...["PHONE:", "VENDOR_THING_ID:x", "__proto__", "constructor", "%", "%00", "\u0000", "\ufffd", "\ud800", "é", ""],
  ...["{", "}", "[", "]", '"', ":", ",", "=", "&", "null", "true", "-1", "1e999", "1.5", "99999999999999999999"],
];

/** Numbers below one that come again for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A body that may be anything: half-way JSON, half-way a form, or neither. */
function brokenBody(next: () => number): string {
  const pick = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)]!;
  const value = (depth: number): unknown => {
    const kind = Math.floor(next() * (depth > 2 ? 4 : 6));
    if (kind === 4) return Array.from({ length: next() * 3 }, () => value(depth + 1));
    if (kind === 5)
      return Object.fromEntries(Array.from({ length: next() * 5 }, () => [pick(WORDS), value(depth + 1)]));
    return [pick(WORDS), next() * 1e15, null, next() > 0.5][kind];
  };
  const members = () => Object.fromEntries(Array.from({ length: next() * 6 }, () => [pick(WORDS), value(0)]));
  return pick([
    () => JSON.stringify(members()),
    () => JSON.stringify(value(0)),
    () => JSON.stringify(members()).slice(0, next() * 40),
    () => Array.from({ length: next() * 4 }, () => `${pick(WORDS)}=${pick(WORDS)}`).join("&"),
    () => Array.from({ length: next() * 12 }, () => pick(WORDS)).join(""),
  ])();
}

t.test("any body, however broken, is refused in its dialect's shape and in no other's", async (t) => {
  const seed = Date.now() % 2 ** 31;
  const next = random(seed);
  const pick = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)]!;
  for (let n = 0; n < 400; n += 1) {
    const [path, members] = pick(SHAPES);
    const body = brokenBody(next);
    const type = pick(TYPES);
    const headers = pick([
      {},
      ofApp(),
      basic("integration", SECRET),
      { Authorization: "Bearer x" },
      { "X-Kii-AppID": "é" },
    ]);
    const reply = await server.send(path, { method: "POST", headers: { "Content-Type": type, ...headers }, body });
    const sent = JSON.stringify({ seed, n, path, type, headers, body });
    const isExpected = reply.status >= 400 && reply.status < 500;
    if (!isExpected || JSON.stringify(Object.keys(reply.json ?? {})) !== JSON.stringify(members)) {
      t.fail(`${reply.status} ${reply.text} to ${sent}`);
    }
    const texts = Object.values((reply.json ?? {}) as object);
    if (!texts.every((one) => typeof one === "string" && one !== "")) t.fail(`${reply.text} to ${sent}`);
  }
  t.pass(`400 bodies of the seed ${seed}`);
});
