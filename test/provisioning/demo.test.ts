import t from "tap";
import { systemRandom } from "../../src/clock.js";
import { demoSet } from "../../src/provisioning/demo.js";
import { freshDatabase, sql } from "../support/database.js";
import { SECRET } from "../support/fleet.js";
import { basic, startInstance, type Instance } from "../support/instance.js";

const PLACE = {
  url: "http://127.0.0.1:3000",
  issuer: "http://127.0.0.1:3000",
  account: "http://127.0.0.1:3000/account",
};
const DEMO = JSON.parse(demoSet(PLACE, systemRandom).file);
const secretOf = (id: string) =>
  DEMO.clients.find(({ client_id }: { client_id: string }) => client_id === id).client_secret;

const asClient = (server: Instance, client_id: string, secret: string) =>
  server.post("/oauth2/token", { grant_type: "client_credentials" }, basic(client_id, secret));

t.test("a start in production disables the demo clients and users only", async (t) => {
  const database = await freshDatabase(t);
  const own = { client_id: "backend", client_secret: SECRET, grant_types: ["client_credentials"], scope: "api1" };
  const person = { sub: "u-1", preferred_username: "carol", password: SECRET, name: "Demo User" };
  const before = await startInstance(t, {
    database,
    provision: { ...DEMO, clients: [...DEMO.clients, own], users: [...DEMO.users, person] },
  });
  const { json } = await asClient(before, "demo-admin", secretOf("demo-admin"));
  t.ok(json.access_token);
  await before.stop();

  const server = await startInstance(t, { database, env: { NODE_ENV: "production" } });
  const warned = server.log.filter(({ type }) => type === "demo");
  t.equal(warned.length, 1);
  t.strictSame([...(warned[0]!.disabled as string[])].sort(), [
    "demo-admin",
    "demo-backend",
    "demo-mobile",
    "demo-user-1",
    "demo-web",
  ]);
  t.equal((await asClient(server, "demo-admin", secretOf("demo-admin"))).status, 401);
  t.match((await server.post("/oauth2/introspect", { token: json.access_token }, basic("backend", SECRET))).json, {
    active: false,
  });
  t.equal((await asClient(server, "backend", SECRET)).status, 200);
  t.strictSame(await sql(database, "SELECT sub FROM users WHERE NOT disabled"), [{ sub: "u-1" }]);
  await server.stop();

  t.test("the next start logs nothing about the demo set", async (t) => {
    const again = await startInstance(t, { database, env: { NODE_ENV: "production" } });
    t.strictSame(
      again.log.filter(({ type }) => type === "demo"),
      [],
    );
  });
});

t.test("a client of the operator with an id of the demo set stays enabled", async (t) => {
  const clients = [
    {
      client_id: "demo-backend",
      client_name: "Ours",
      client_secret: SECRET,
      grant_types: ["client_credentials"],
      scope: "api1",
    },
  ];
  const server = await startInstance(t, { provision: { clients }, env: { NODE_ENV: "production" } });
  t.equal((await asClient(server, "demo-backend", SECRET)).status, 200);
  t.strictSame(
    server.log.filter(({ type }) => type === "demo"),
    [],
  );
});
