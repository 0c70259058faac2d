import t from "tap";
import { freshDatabase } from "../support/database.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { until } from "../support/process.js";
import { Proxy } from "../faults/proxy.js";

/** As many at once as make the pool open several connections. */
const AT_ONCE = 8;

t.test("after the network was gone without a word, no statement is sent on a connection from before", async (t) => {
  const database = await freshDatabase(t, FLEET);
  const { hostname: host, port } = new URL(database);
  const proxy = await Proxy.open({ host, port: Number(port) });
  t.teardown(() => proxy.close());
  const server = await startInstance(t, { database: proxy.lead(database) });
  const issued = await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET));
  const token: string = issued.json.access_token;
  const introspect = () => server.post("/oauth2/introspect", { token }, basic("gateway", SECRET));
  const askAtOnce = async () => {
    const replies = await Promise.all(Array.from({ length: AT_ONCE }, introspect));
    return [...new Set(replies.map(({ status, json }) => `${status} ${json.active}`))];
  };
  t.strictSame(await askAtOnce(), ["200 true"]);
  t.ok(server.core.db.pool.idleCount > 0, "connections are kept");

  proxy.halfOpen();
  await until("the instance hears nothing", () => !server.core.feed.alive());
  proxy.pass();
  await until("it hears again", () => server.core.feed.alive());
  t.strictSame(await askAtOnce(), ["200 true"]);
});
