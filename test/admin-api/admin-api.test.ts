import { Validator } from "@seriousme/openapi-schema-validator";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import type { z } from "zod";
import { isServed } from "../../src/admin/command.js";
import { COMMANDS } from "../../src/admin/commands.js";
import { usageOf } from "../../src/admin/flags.js";
import { helpOn } from "../../src/admin/help.js";
import { routeOf } from "../../src/admin/route.js";
import { SECTIONS } from "../../src/provisioning/schema.js";
import { unwrap } from "../../src/provisioning/value-kind.js";
import { systemClock } from "../../src/clock.js";
import { ADMIN_CLIENTS, adminCalls, adminToken } from "../support/admin-api.js";
import { withCommandTable } from "../support/command-table.js";
import { runCommand } from "../support/commands.js";
import { sql } from "../support/database.js";
import { dpopKey, hashOf, prover } from "../support/dpop.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { requestsTo } from "../support/requests.js";
import { ROOT } from "../support/root.js";

/** The Admin API: every command of the table over HTTP. One instance serves it beside everything else, one at an address of its own. */

/** People, by the role that they have. */
const PEOPLE = [
  { sub: "root", preferred_username: "root", roles: ["jeton:admin"] },
  { sub: "auditor", preferred_username: "auditor", roles: ["jeton:admin:read"] },
  { sub: "nobody-special", preferred_username: "plain", roles: ["admin"] },
].map((one) => ({ ...one, password: "a password of somebody" }));

const DESK = {
  client_id: "desk",
  client_secret: SECRET,
  grant_types: ["password", "refresh_token"],
  scope: "openid api1 jeton:admin jeton:admin:read",
};

const provision = {
  ...FLEET,
  // A declaration changes the description of such a scope, and not its audience.
  scopes: [...FLEET.scopes, { name: "jeton:admin:read", audience: "https://api1.example" }],
  clients: [...FLEET.clients, ...ADMIN_CLIENTS, DESK],
  users: [...FLEET.users, ...PEOPLE],
};
const server = await startInstance(t, { provision, env: { ADMIN: "on", ISSUER: "https://id.example" } });
const { database } = server;
const other = await startInstance(t, { database, env: { ADMIN: "127.0.0.1:0", ISSUER: "https://id.example" } });
const aside = requestsTo(String(other.log.find(({ type }) => type === "administration")?.address));
const call = await adminCalls(server);
const callAside = await adminCalls(aside);
const token = await adminToken(server);
/** Members that docs/settings.md describes. */
const MEMBERS_OF_ENTRIES: ReadonlySet<string> = new Set([
  ...Object.keys(SECTIONS.clients.entry.shape),
  ...Object.keys(SECTIONS.users.entry.shape),
  "name",
]);

function describedIn(schema: z.ZodType): boolean {
  return (schema.meta()?.description ?? unwrap(schema).meta()?.description) !== undefined;
}

const SERVED = COMMANDS.filter(isServed);

/** The answer to a login of a person for administration. */
const logIn = (username: string, scope: string) =>
  server.post(
    "/oauth2/token",
    { grant_type: "password", username, password: "a password of somebody", scope },
    basic("desk", SECRET),
  );

t.test("the OpenAPI document is valid and has each command once", async (t) => {
  const { json } = await server.send("/admin/v1/openapi.json");
  t.strictSame(await new Validator().validate(json), { valid: true });
  t.equal(json.openapi, "3.1.0");
  const described = Object.entries(json.paths).flatMap(([path, methods]) =>
    Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const routes = SERVED.map((command) => {
    const { method, path } = routeOf(command);
    return `${method} ${path.replace(/:(\w+)/g, "{$1}")}`;
  });
  t.strictSame(described.sort(), routes.sort());
  t.equal(new Set(routes).size, routes.length);
});

t.test("the help and docs/administration.md have each command", async (t) => {
  const help = helpOn();
  for (const command of COMMANDS) t.match(help, `  jeton ${`${command.name} ${usageOf(command)}`.trim()}\n`);
  const page = await readFile(join(ROOT, "docs/administration.md"), "utf8");
  t.equal(withCommandTable(page), page, "npm run commands writes the table");
  for (const { name, input } of SERVED) {
    for (const [member, schema] of Object.entries<z.ZodType>(input.shape))
      t.ok(describedIn(schema) || MEMBERS_OF_ENTRIES.has(member), `${name}: ${member} has a description`);
  }
});

t.test("each command needs a token, and one with its scope", async (t) => {
  const [read, keys] = [await adminToken(server, "read"), await adminToken(server, "keys")];
  for (const command of SERVED) {
    const { method, path } = routeOf(command);
    const place = path.replace(/:\w+/g, "x");
    const without = await call(t, method, place);
    t.match(without, { status: 401, json: { code: "admin_token_missing" } }, command.name);
    t.match(without.headers.get("www-authenticate"), /^Bearer realm="jeton", scope="jeton:admin /);
    const weak = command.access === "read" ? keys : read;
    const under = await call(t, method, place, { token: weak });
    t.match(under, { status: 403, json: { code: "admin_scope_missing" } }, command.name);
    t.match(under.headers.get("www-authenticate"), /error="insufficient_scope", scope="jeton:admin/);
  }
});

t.test("a client is listed, shown, added, changed and deleted", async (t) => {
  const made = await call(t, "POST", "/clients", { token, body: { client_id: "new", scope: "api1" } });
  t.match(made, { status: 201, json: { client_id: "new", client_secret: String } });
  t.match(await call(t, "GET", "/clients/new", { token }), { status: 200, json: { scope: ["api1"] } });
  t.match(await call(t, "PATCH", "/clients/new", { token, body: { scope: "api2" } }), { status: 200 });
  t.match(await call(t, "POST", "/clients/new/disable", { token }), { status: 200, json: { disabled: true } });
  t.match(await call(t, "DELETE", "/clients/new", { token }), { status: 200 });
  t.match(await call(t, "GET", "/clients/new", { token }), { status: 404, json: { code: "admin_not_found" } });
  const path = encodeURIComponent("https://client.example/a b");
  t.match(await call(t, "GET", `/clients/${path}`, { token }), { status: 404 }, "an id may be anything");
});

t.test("each call leaves a line that names the command and the caller", async (t) => {
  await call(t, "GET", "/keys", { token });
  t.match(server.log.at(-1), {
    ...{ type: "decision", operation: "administration", command: "keys list", outcome: "granted" },
    ...{ client_id: "admin-all", endpoint: "/admin/v1/keys", jti: String },
  });
  await callAside(t, "GET", "/keys", {});
  t.match(other.log.at(-1), { operation: "administration", refused_with: "admin_token_missing", status: 401 });
});

t.test(
  "a list is read in pages, and AM-04 a cursor that was made up or belongs to another list is refused",
  async (t) => {
    const seen: string[] = [];
    let next = "";
    do {
      const { json } = await call(t, "GET", `/clients?limit=4${next && `&cursor=${next}`}`, { token });
      seen.push(...json.items.map(({ client_id }: { client_id: string }) => client_id));
      next = json.next ?? "";
    } while (next !== "");
    const all: { client_id: string }[] = await runCommand(server, ["client", "list"]);
    t.strictSame(
      seen,
      all.map(({ client_id }) => client_id),
    );
    const { next: real } = (await call(t, "GET", "/clients?limit=4", { token })).json;
    const position = Buffer.from('["m"]').toString("base64url");
    const faulty = [
      `/users?cursor=${real}`,
      `/clients?cursor=${position}.${real.split(".")[1]}`,
      `/clients?cursor=${real}x`,
      `/clients?cursor=${position}`,
      "/clients?cursor=%00",
      "/clients?limit=0",
      "/clients?limit=1000000",
      "/clients?limit=1&limit=2",
      "/clients?colour=red",
      "/clients?__proto__=x",
    ];
    for (const path of faulty) {
      const { status, json } = await call(t, "GET", path, { token });
      t.match({ status, json }, { status: 400, json: { code: "admin_input_invalid", detail: String } }, path);
    }
  },
);

t.test("AM-01 a token that is forged, expired, of another audience or under-scoped is refused", async (t) => {
  const [head, body, signature] = token.split(".") as [string, string, string];
  const claims = JSON.parse(Buffer.from(body, "base64url").toString());
  t.equal(claims.aud, "https://id.example/admin/v1");
  const changed = Buffer.from(JSON.stringify({ ...claims, client_id: "admin-read" })).toString("base64url");
  const foreign = (await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET)))
    .json.access_token;
  const both = await adminToken(server, "all", { scope: "jeton:admin api1" });
  const refused = { forged: `${head}.${changed}.${signature}`, foreign, both, garbage: "garbage" };
  for (const [name, text] of Object.entries(refused)) {
    const { status, json, headers } = await call(t, "GET", "/clients", { token: text });
    t.match({ status, json }, { status: 401, json: { code: "admin_token_invalid" } }, name);
    t.match(headers.get("www-authenticate"), /^Bearer realm="jeton", error="invalid_token"/);
  }
  t.match(await call(t, "GET", "/clients?access_token=x", { token }), { status: 400 }, "no token in a URL");
  const once = await adminToken(server);
  t.equal((await call(t, "GET", "/clients", { token: once })).status, 200);
  await call(t, "POST", "/revoke", { token, body: { token: once } });
  t.match(await call(t, "GET", "/clients", { token: once }), { status: 401, json: { code: "admin_token_invalid" } });
});

t.test("AM-02 a person has the powers of their roles, and loses them with the role", async (t) => {
  t.match(await logIn("plain", "openid jeton:admin"), { status: 200, json: { scope: "openid" } });
  t.match(await logIn("plain", "jeton:admin"), { status: 400, json: { error: "invalid_scope" } });
  const audit = (await logIn("auditor", "jeton:admin jeton:admin:read")).json;
  t.equal(audit.scope, "jeton:admin:read");
  t.equal((await call(t, "GET", "/clients", { token: audit.access_token })).status, 200);
  t.equal((await call(t, "POST", "/keys/rotate", { token: audit.access_token })).status, 403);
  const root = (await logIn("root", "openid jeton:admin")).json;
  t.equal((await call(t, "GET", "/clients", { token: root.access_token })).status, 200);
  await sql(database, "UPDATE users SET roles = '{}' WHERE sub = 'root'");
  t.equal((await call(t, "GET", "/clients", { token: root.access_token })).status, 403, "the role is gone");
  const form = { grant_type: "refresh_token", refresh_token: root.refresh_token };
  t.equal((await server.post("/oauth2/token", form, basic("desk", SECRET))).json.scope, "openid");
  await sql(database, "UPDATE users SET roles = '{jeton:admin}' WHERE sub = 'root'");
});

t.test("AM-03 an administrator who is disabled in the middle is refused with the next call", async (t) => {
  const { access_token } = (await logIn("root", "jeton:admin")).json;
  t.match(await call(t, "GET", "/keys", { token: access_token }), { status: 200 });
  await call(t, "POST", "/users/root/disable", { token });
  t.match(await call(t, "GET", "/keys", { token: access_token }), { status: 401 });
  t.match(await callAside(t, "GET", "/keys", { token: access_token }), { status: 401 }, "on every instance");
  const client = await adminToken(server, "read");
  t.match(await callAside(t, "GET", "/keys", { token: client }), { status: 200 });
  await call(t, "POST", "/clients/admin-read/disable", { token });
  t.match(await callAside(t, "GET", "/keys", { token: client }), { status: 401 });
  for (const path of ["/users/root/enable", "/clients/admin-read/enable"]) await call(t, "POST", path, { token });
});

t.test("a token that is bound to a key is accepted with its proof", async (t) => {
  const key = dpopKey();
  const prove = prover("https://id.example", systemClock);
  const proof = { DPoP: prove(key, "POST", "/oauth2/token") };
  const form = { grant_type: "client_credentials", scope: "jeton:admin" };
  const { access_token, token_type } = (
    await server.post("/oauth2/token", form, { ...basic("admin-all", SECRET), ...proof })
  ).json;
  t.equal(token_type, "DPoP");
  const shown = (path: string) => ({
    Authorization: `DPoP ${access_token}`,
    DPoP: prove(key, "GET", path, { claims: hashOf(access_token) }),
  });
  t.equal((await call(t, "GET", "/keys", { headers: shown("/admin/v1/keys") })).status, 200);
  t.equal((await callAside(t, "GET", "/keys", { headers: shown("/admin/v1/keys") })).status, 200);
  const wrong = await call(t, "GET", "/keys", { headers: shown("/admin/v1/clients") });
  t.match(wrong, { status: 401 });
  t.match(wrong.headers.get("www-authenticate"), /^DPoP realm="jeton", error="invalid_dpop_proof"/);
  t.match(await call(t, "GET", "/keys", { token: access_token }), { status: 401 }, "stolen, without the key");
});

t.test("AM-05 stored markup is JSON, and an odd body is refused", async (t) => {
  const markup = "<script>alert(1)</script>";
  const made = await call(t, "POST", "/clients", { token, body: { client_id: "odd", client_name: markup } });
  t.equal(made.status, 201);
  const shown = await call(t, "GET", "/clients/odd", { token });
  t.equal(shown.json.client_name, markup);
  t.equal(shown.headers.get("content-type"), "application/json; charset=utf-8");
  t.equal(shown.headers.get("x-content-type-options"), "nosniff");
  t.equal(shown.headers.get("access-control-allow-origin"), null);
  const bodies: Readonly<Record<string, unknown>> = {
    "an unknown member": { client_id: "a", colour: "red" },
    "a wrong type": { client_id: 7 },
    "no object": [],
    "no JSON": "{",
    "a repeated name": '{"client_id":"a","client_id":"b"}',
    "a prototype": '{"client_id":"a","__proto__":{}}',
    "U+0000": '{"client_id":"a\\u0000"}',
    "too deep": `{"client_id":${"[".repeat(40)}${"]".repeat(40)}}`,
  };
  for (const [name, body] of Object.entries(bodies))
    t.match(await call(t, "POST", "/clients", { token, body }), { status: 400 }, name);
  t.equal((await call(t, "POST", "/clients", { token, body: { client_id: "a".repeat(70_000) } })).status, 413);
  const form = { token, body: "client_id=a", headers: { "Content-Type": "application/x-www-form-urlencoded" } };
  t.equal((await call(t, "POST", "/clients", form)).status, 415);
  t.match(await call(t, "PUT", "/clients/odd", { token }), { status: 405, json: { code: "method_not_allowed" } });
  t.match(await call(t, "GET", "/nothing", { token }), { status: 404, json: { code: "path_unknown" } });
});

t.test("of two changes with the same If-Match one is made, and a stale one is refused by every command", async (t) => {
  await call(t, "POST", "/clients", { token, body: { client_id: "guarded", grant_types: ["client_credentials"] } });
  await call(t, "POST", "/users", { token, body: { preferred_username: "guarded-user" } });
  const subjects: Readonly<Record<string, { readonly path: string; readonly change: object }>> = {
    client: { path: "/clients/guarded", change: { client_name: "New" } },
    user: { path: "/users/guarded-user", change: { name: "New" } },
  };
  for (const [noun, { path, change }] of Object.entries(subjects)) {
    const tag = (await call(t, "GET", path, { token })).headers.get("etag")!;
    t.match(tag, /^"[\w-]{22}"$/);
    const headers = { "If-Match": tag };
    const two = await Promise.all(
      [call, callAside].map((one) => one(t, "PATCH", path, { token, body: change, headers })),
    );
    t.strictSame(two.map(({ status }) => status).sort(), [200, 412], noun);
    const before = await call(t, "GET", path, { token });
    const guarding = SERVED.filter(({ name, expects }) => expects === true && name.startsWith(`${noun} `));
    t.ok(guarding.length > 3);
    for (const command of guarding) {
      const route = routeOf(command);
      const place = route.path.replace(/\/\w+\/:\w+/, path);
      const body = route.method === "PATCH" ? change : route.method === "DELETE" ? undefined : {};
      const stale = await call(t, route.method, place, { token, body, headers });
      t.match(stale, { status: 412, json: { code: "admin_changed" } }, command.name);
    }
    t.equal((await call(t, "GET", path, { token })).text, before.text, "nothing was changed");
    const now = { "If-Match": `"other", ${before.headers.get("etag")}` };
    t.equal((await call(t, "POST", `${path}/disable`, { token, headers: now })).status, 200);
    t.equal((await call(t, "DELETE", path, { token, headers: { "If-Match": "*" } })).status, 200);
  }
  const elsewhere = await call(t, "POST", "/keys/rotate", { token, headers: { "If-Match": "*" } });
  t.match(elsewhere, { status: 400, json: { code: "if_match_unsupported" } }, "it is not ignored");
});

t.test("AM-06 a finer scope neither makes nor changes an administrator", async (t) => {
  const [clients, users] = [await adminToken(server, "clients"), await adminToken(server, "users")];
  const asked: readonly (readonly [string, string, string, unknown?])[] = [
    [clients, "POST", "/clients", { client_id: "mine", scope: "api1 jeton:admin" }],
    [clients, "POST", "/clients/admin-all/rotate-secret"],
    [clients, "POST", "/clients/admin-read/disable"],
    [clients, "PATCH", "/clients/desk", { redirect_uris: ["https://evil.example/"] }],
    [clients, "PATCH", "/clients/backend", { scope: "jeton:admin:keys" }],
    [clients, "DELETE", "/clients/admin-all"],
    [users, "POST", "/users", { preferred_username: "mine", roles: ["jeton:admin"] }],
    [users, "POST", "/users/root/passwd", { password: "a password of mine" }],
    [users, "PATCH", "/users/root", { email: "me@evil.example", email_verified: true }],
    [users, "PATCH", "/users/plain", { roles: ["jeton:admin:read"] }],
    [users, "DELETE", "/users/auditor"],
  ];
  for (const [weak, method, path, body] of asked) {
    const { status, json } = await call(t, method, path, { token: weak, body });
    t.match({ status, json }, { status: 403, json: { code: "admin_scope_missing" } }, `${method} ${path}`);
  }
  t.equal((await call(t, "PATCH", "/users/plain", { token: users, body: { name: "Plain" } })).status, 200);
  t.equal((await call(t, "GET", "/users/root", { token })).json.email, null);
});

t.test("an Idempotency-Key makes one of many calls, and gives its answer again", async (t) => {
  const body = { client_id: "made-once", grant_types: ["client_credentials"] };
  const headers = { "Idempotency-Key": "a-key" };
  const both = [call, callAside];
  const all = await Promise.all(
    Array.from({ length: 8 }, (_, index) => both[index % 2]!(t, "POST", "/clients", { token, body, headers })),
  );
  const made = all.filter(({ status }) => status === 201);
  t.equal(new Set(made.map(({ text }) => text)).size, 1, "one secret");
  for (const { status, json } of all.filter(({ status }) => status !== 201))
    t.match({ status, json }, { status: 409, json: { code: "idempotency_key_busy" } });
  const again = await callAside(t, "POST", "/clients", { token, body, headers });
  t.match(again, { status: 201, text: made[0]!.text });
  t.match(await call(t, "POST", "/clients", { token, body: { ...body, scope: "api1" }, headers }), {
    status: 422,
    json: { code: "idempotency_key_reused" },
  });
  const keys = await adminToken(server, "clients");
  t.match(await call(t, "POST", "/clients", { token: keys, body, headers }), { status: 409 }, "of another caller");
  const [row] = await sql(database, "SELECT encode(sealed, 'escape') AS text FROM admin_answers LIMIT 1");
  t.notMatch(row!.text, made[0]!.json.client_secret);
  await sql(database, "UPDATE admin_answers SET begun_at = begun_at - interval '25 hours', expires_at = begun_at");
  t.match(await call(t, "POST", "/clients", { token, body, headers }), {
    status: 409,
    json: { code: "admin_conflict" },
  });
  t.match(await call(t, "POST", "/clients", { token, body, headers: { "Idempotency-Key": "a b" } }), {
    status: 400,
    json: { code: "idempotency_key_malformed" },
  });
});
