import { createServer, type AddressInfo, type Socket } from "node:net";
import t, { type Test } from "tap";
import { isStoreUnavailable } from "../../src/store/failure.js";
import { closeDb, exclusively, openDb, run } from "../../src/store/open.js";

/** A message of PostgreSQL's protocol: a letter, its length, its body. */
function message(letter: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5, letter);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const AUTHENTICATED = message("R", Buffer.alloc(4));
const READY = message("Z", Buffer.from("I"));
const TERMINATED = message(
  "E",
  Buffer.from("SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"),
);

/** A database that opens a connection and ends it in the same breath, as one does whose answers were held on their way. */
async function hastyDatabase(t: Test): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", () => socket.end(Buffer.concat([AUTHENTICATED, READY, TERMINATED])));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `postgres://jeton@127.0.0.1:${(server.address() as AddressInfo).port}/jeton`;
}

t.test("a connection that ends with its first packet fails the statement but not the process", async (t) => {
  const db = openDb(await hastyDatabase(t));
  t.teardown(() => closeDb(db));
  const asked: Readonly<Record<string, () => Promise<unknown>>> = {
    "a named statement": () => run(db, { name: "one", text: "SELECT 1" }, []),
    "a statement of the pool": () => db.pool.query("SELECT 1"),
    "a statement of Prisma": () => db.prisma.client.count(),
    "a transaction": () => exclusively(db, 1, async () => "done"),
  };
  for (const [what, ask] of Object.entries(asked)) {
    const error: unknown = await ask().then(
      () => undefined,
      (error: unknown) => error,
    );
    t.ok(isStoreUnavailable(error), `${what}: ${String(error)}`);
  }
});
