import t from "tap";
import { FLEET, SECRET } from "../support/fleet.js";
import { sql } from "../support/database.js";
import { basic, startInstance, type Instance } from "../support/instance.js";
import { until } from "../support/until.js";

const ask = (server: Instance, secret = SECRET) =>
  server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", secret));

const backend = (changes: object) => ({ clients: [{ ...FLEET.clients[0], ...changes }] });

t.test("a change on one instance takes effect on the others", async (t) => {
  const one = await startInstance(t, { provision: FLEET });
  const other = await startInstance(t, { database: one.database });

  t.test("another instance refuses a disabled client and accepts it once enabled", async (t) => {
    t.equal((await ask(other)).status, 200);
    await one.apply(backend({ disabled: true }));
    await until("refused", async () => (await ask(other)).status === 401);
    await one.apply(backend({ disabled: false }));
    await until("let in again", async () => (await ask(other)).status === 200);
  });

  t.test("another instance accepts a new secret and refuses the old one", async (t) => {
    const renewed = "another-secret-of-forty-characters-or-so";
    await one.apply(backend({ client_secret: renewed }));
    await until("the new one works", async () => (await ask(other, renewed)).status === 200);
    t.equal((await ask(other)).status, 401);
    await one.apply(backend({}));
    await until("and back", async () => (await ask(other)).status === 200);
  });

  t.test("another instance uses a scope's new audience, also after a change with psql", async (t) => {
    t.equal((await ask(other)).json.scope, "api1 api2 plain");
    await sql(one.database, "UPDATE scopes SET audience = 'https://moved.example' WHERE name = 'api1'");
    await until("the new audience", async () => {
      const { json } = await ask(other);
      const { aud } = JSON.parse(Buffer.from(json.access_token.split(".")[1], "base64url").toString());
      return aud.includes("https://moved.example");
    });
  });

  t.test("another instance accepts a new client that it knew as unknown", async (t) => {
    const later = { client_id: "later", client_secret: SECRET, grant_types: ["client_credentials"] };
    const askLater = () => other.post("/oauth2/token", { grant_type: "client_credentials" }, basic("later", SECRET));
    t.equal((await askLater()).status, 401);
    await one.apply({ clients: [later] });
    await until("is known", async () => (await askLater()).status === 200);
  });
});

t.test("an instance whose listening connection was cut discards its cached clients", async (t) => {
  const one = await startInstance(t, { provision: FLEET });
  const other = await startInstance(t, { database: one.database });
  t.equal((await ask(other)).status, 200);
  // Cut again and again, so that no notification comes through with any timing.
  const cut = () =>
    sql(
      one.database,
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'jeton listen' AND datname = current_database()",
    );
  await cut();
  await sql(one.database, "UPDATE clients SET disabled = true WHERE client_id = 'backend'");
  await cut();
  await until("the change is obeyed all the same", async () => {
    await cut();
    return (await ask(other)).status === 401;
  });
  await until("and it listens again", async () => (await other.send("/readyz")).status === 200);
});
