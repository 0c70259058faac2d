import t from "tap";
import { isStoreUnavailable } from "../../src/store/failure.js";
import { closeDb, exclusively, LOCKS, openDb, run } from "../../src/store/open.js";
import { freshDatabase } from "../support/database.js";
import { decided } from "../support/decided.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { Proxy } from "../faults/proxy.js";
import { introspect } from "../support/tokens.js";
import { until } from "../support/until.js";

/** As many at once as make the pool open several connections. */
const AT_ONCE = 8;

t.test("after a silent network failure no statement uses a connection from before", async (t) => {
  const database = await freshDatabase(t, FLEET);
  const { hostname: host, port } = new URL(database);
  const proxy = await Proxy.open({ host, port: Number(port) });
  t.teardown(() => proxy.close());
  const server = await startInstance(t, { database: proxy.lead(database) });
  const issued = await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET));
  const token: string = issued.json.access_token;
  const askAtOnce = async () => {
    const replies = await Promise.all(Array.from({ length: AT_ONCE }, () => decided(() => introspect(server, token))));
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

t.test("a statement on a dead connection fails, and closing the pool does not wait for it", async (t) => {
  const database = await freshDatabase(t, FLEET);
  const { hostname: host, port } = new URL(database);
  const proxy = await Proxy.open({ host, port: Number(port) });
  t.teardown(() => proxy.close());
  const db = openDb(proxy.lead(database));
  const one = { name: "one", text: "SELECT 1" };
  const asked: Readonly<Record<string, () => Promise<unknown>>> = {
    "a named statement": () => run(db, one, []),
    "a statement of the pool": () => db.pool.query("SELECT 1"),
    "a statement of Prisma": () => db.prisma.client.count(),
    "a transaction": () => db.prisma.$transaction((tx) => tx.client.count()),
  };
  await Promise.all(Object.values(asked).map((ask) => ask()));
  proxy.halfOpen();
  const failed = Object.entries(asked).map(async ([what, ask]) => {
    const error: unknown = await ask().catch((error: unknown) => error);
    t.ok(isStoreUnavailable(error), `${what}: ${String(error).slice(0, 100)}`);
  });
  await Promise.all(failed);
  await closeDb(db);
  t.pass("and the pool ends");
});

t.test("closing the pool does not wait for an idle dead connection", async (t) => {
  const database = await freshDatabase(t, FLEET);
  const { hostname: host, port } = new URL(database);
  const proxy = await Proxy.open({ host, port: Number(port) });
  t.teardown(() => proxy.close());
  const db = openDb(proxy.lead(database));
  await db.prisma.client.count();
  proxy.halfOpen();
  await closeDb(db);
  t.equal(db.pool.totalCount, 0);
});

const SLEEP = { name: "sleep", text: "SELECT pg_sleep(6.5)::text" };

t.test("a long transaction may take longer than the limit of other statements", async (t) => {
  const db = openDb(await freshDatabase(t, FLEET));
  t.teardown(() => closeDb(db));
  const [[row], [pause]] = await exclusively(db, LOCKS.provision, async (tx) => [
    await run(tx, SLEEP, []),
    await run(tx, { name: "pause", text: "SHOW idle_in_transaction_session_timeout" }, []),
  ]);
  t.ok(row, "an answer that came after the limit of other statements");
  t.strictSame(pause, { idle_in_transaction_session_timeout: "1min" }, "work between two statements may take as long");
});
