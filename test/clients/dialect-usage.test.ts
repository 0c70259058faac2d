import t from "tap";
import { runCommandLine } from "../../src/command-line.js";
import { after, TestClock } from "../support/clock.js";
import { sql } from "../support/database.js";
import { deviceEntry, deviceJwt, NEW_KEYS } from "../support/devices.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { MASTER_KEY } from "../support/run.js";
import { statementsOf } from "../support/statements.js";

t.test("the use of dialects is counted and reported", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: FLEET, clock });
  const key = NEW_KEYS.ES256();
  await server.apply({ devices: [deviceEntry("d1", key)] });
  const take = (path: string, on = server) =>
    on.post(path, { grant_type: "client_credentials", scope: "api1" }, basic("backend", SECRET));
  const report = async () => {
    const env = { DATABASE_URL: server.database, MASTER_KEY };
    return JSON.parse(await runCommandLine(["dialects", "usage", "--json"], async () => "", env, clock)) as object[];
  };
  const backend = (dialect: string, uses: number, last_used_at: string) => ({
    client_id: "backend",
    dialect,
    last_used_at,
    uses,
  });
  const NOON = clock.statement().toISOString();
  const LATER = after(clock, 3_600).toISOString();

  await t.test("in memory: a request runs no statement for it", async (t) => {
    await take("/oauth2/token");
    t.equal((await statementsOf(() => take("/oauth2/token"))).length, 0);
    t.strictSame(await report(), []);
  });
  await t.test("and by one statement into the store", async (t) => {
    await take("/token");
    t.equal((await statementsOf(() => server.core.usage.flush())).length, 1);
    t.equal((await statementsOf(() => server.core.usage.flush())).length, 0, "none where nothing was counted");
    t.strictSame(await report(), [backend("oauth2", 2, NOON), backend("simple-identity-server", 1, NOON)]);
  });
  await t.test("a device is counted with its JWT and with its token", async (t) => {
    const shown = { client_id: "d1", client_secret: deviceJwt("d1", key) };
    const { access_token } = (await server.post("/as/token", shown)).json;
    const { access_token: token } = (await server.post("/as/renew/token", { client_id: "d1", token: access_token }))
      .json;
    t.ok((await server.post("/idp/introspect", { token })).json.active);
    await server.core.usage.flush();
    t.match(await report(), [{}, {}, { client_id: "d1", dialect: "iothentix", uses: 3 }]);
  });
  await t.test("an unauthenticated client is not counted", async (t) => {
    await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", "wrong"));
    await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("nobody", SECRET));
    await server.post("/as/token", { client_id: "d1", client_secret: deviceJwt("d1", NEW_KEYS.ES256()) });
    t.equal((await statementsOf(() => server.core.usage.flush())).length, 0);
  });
  await t.test("counts that cannot be stored are kept for the next flush", async (t) => {
    clock.advance(3_600);
    await take("/oauth2/token");
    await sql(server.database, "ALTER TABLE dialect_usage RENAME TO elsewhere");
    await t.rejects(server.core.usage.flush());
    await take("/oauth2/token");
    await sql(server.database, "ALTER TABLE elsewhere RENAME TO dialect_usage");
    await server.core.usage.flush();
    t.match(await report(), [backend("oauth2", 4, LATER), backend("simple-identity-server", 1, NOON), {}]);
  });
  await t.test("the counts of two instances are added, and stopping one loses none", async (t) => {
    const second = await startInstance(t, { database: server.database, clock });
    await take("/oauth2/token", second);
    await second.stop();
    await take("/oauth2/token");
    await server.core.usage.flush();
    t.match(await report(), [backend("oauth2", 6, LATER), {}, {}]);
  });
  await t.test("a deleted client loses its own keys and no other's", async (t) => {
    await take("/oauth2/token");
    await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("admin", SECRET));
    await sql(server.database, "DELETE FROM clients WHERE client_id = 'backend'");
    await server.core.usage.flush();
    t.strictSame(
      (await report()).map((row) => (row as { client_id: string }).client_id),
      ["admin", "d1"],
    );
  });
});
