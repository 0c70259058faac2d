import { Validator } from "@seriousme/openapi-schema-validator";
import t from "tap";
import { isServed } from "../../src/admin/command.js";
import { COMMANDS } from "../../src/admin/commands.js";
import { routeOf } from "../../src/admin/route.js";
import { ADMIN_CLIENTS, adminCalls, adminToken } from "../support/admin-api.js";
import { FLEET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";

/** The Admin API: every command of the table over HTTP. */

const provision = { ...FLEET, clients: [...FLEET.clients, ...ADMIN_CLIENTS] };
const server = await startInstance(t, { provision, env: { ADMIN: "on" } });
const call = await adminCalls(server);
const token = await adminToken(server);
const SERVED = COMMANDS.filter(isServed);

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
  const made = await call(t, "POST", "/clients", { token, body: { client_id: "new", scope: "api1", grant_types: [] } });
  t.match(made, { status: 201, json: { client_id: "new", client_secret: String } });
  t.match(await call(t, "GET", "/clients/new", { token }), {
    status: 200,
    json: { client_id: "new", scope: ["api1"] },
  });
  const first = await call(t, "GET", "/clients?limit=3", { token });
  t.equal(first.json.items.length, 3);
  const second = await call(t, "GET", `/clients?limit=3&cursor=${first.json.next}`, { token });
  t.notOk(
    second.json.items.some(({ client_id }: { client_id: string }) => client_id === first.json.items[0].client_id),
  );
  t.match(await call(t, "GET", `/users?cursor=${first.json.next}`, { token }), {
    status: 400,
    json: { code: "admin_input_invalid" },
  });
  t.match(await call(t, "PATCH", "/clients/new", { token, body: { scope: "api2" } }), { status: 200 });
  t.match(await call(t, "POST", "/clients/new/disable", { token }), { status: 200, json: { disabled: true } });
  t.match(await call(t, "DELETE", "/clients/new", { token }), { status: 200 });
  t.match(await call(t, "GET", "/clients/new", { token }), { status: 404, json: { code: "admin_not_found" } });
});
