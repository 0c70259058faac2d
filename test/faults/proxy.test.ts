import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import t, { type Test } from "tap";
import { Proxy } from "./proxy.js";

/** Longer than anything takes that is let through. */
const SILENCE = 150;

/** A server that repeats what it hears, and a proxy before it. */
async function echo(t: Test): Promise<{ proxy: Proxy; accepted: Socket[] }> {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    accepted.push(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => socket.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy = await Proxy.open({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
  t.teardown(async () => {
    await proxy.close();
    accepted.forEach((socket) => socket.destroy());
    server.close();
  });
  return { proxy, accepted };
}

/** A connection through the proxy, and everything it heard so far. */
async function connected(t: Test, proxy: Proxy) {
  const socket = connect(Number(new URL(proxy.lead("postgres://h:1/d")).port), "127.0.0.1");
  t.teardown(() => socket.destroy());
  let heard = "";
  socket.on("data", (chunk) => (heard += chunk.toString()));
  socket.on("error", () => {});
  await once(socket, "connect");
  const hears = async (text: string) => {
    while (heard !== text) await once(socket, "data");
  };
  return { socket, heard: () => heard, hears };
}

/** Whether a connection ended by an error. */
function endOf(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => socket.once("close", resolve));
}

t.test("the proxy passes all data in order", async (t) => {
  const { proxy } = await echo(t);
  const { socket, hears } = await connected(t, proxy);
  for (const part of ["one ", "two ", "three"]) socket.write(part);
  await hears("one two three");
  t.pass("it came back");
});

t.test("the connection string names the proxy and keeps user, password and database", async (t) => {
  const { proxy } = await echo(t);
  t.match(
    proxy.lead("postgres://user:secret@10.0.0.1:5432/jeton"),
    /^postgres:\/\/user:secret@127\.0\.0\.1:\d+\/jeton$/,
  );
});

t.test("delayed data arrive late and in order, with a delay for each direction", async (t) => {
  const { proxy } = await echo(t);
  const { socket, hears } = await connected(t, proxy);
  proxy.delay({ up: 120, down: 80 });
  const begun = performance.now();
  socket.write("late");
  socket.write("r");
  await hears("later");
  t.ok(performance.now() - begun >= 199, "both delays were waited for");
});

t.test("a stall holds the data of one direction until it ends", async (t) => {
  for (const direction of ["up", "down"] as const) {
    const { proxy, accepted } = await echo(t);
    const { socket, heard, hears } = await connected(t, proxy);
    let arrived = "";
    while (accepted.length === 0) await pause(5);
    accepted[0]!.on("data", (chunk) => (arrived += chunk.toString()));
    proxy.stall(direction);
    socket.write("held");
    await pause(SILENCE);
    t.equal(heard(), "", `${direction}: nothing came back`);
    t.equal(arrived, direction === "up" ? "" : "held", `${direction}: the other direction passes`);
    proxy.pass();
    await hears("held");
  }
});

t.test("stalled data arrive even if the sender has disconnected", async (t) => {
  const { proxy, accepted } = await echo(t);
  const { socket } = await connected(t, proxy);
  while (accepted.length === 0) await pause(5);
  const arrived = once(accepted[0]!, "data");
  proxy.stall("up");
  socket.write("late statement");
  socket.end();
  await pause(SILENCE);
  proxy.pass();
  t.equal(String((await arrived)[0]), "late statement");
});

t.test("a half-open proxy accepts connections but never passes their data", async (t) => {
  const { proxy } = await echo(t);
  const old = await connected(t, proxy);
  proxy.halfOpen();
  const fresh = await connected(t, proxy);
  for (const { socket } of [old, fresh]) socket.write("lost");
  await pause(SILENCE);
  proxy.pass();
  await pause(SILENCE);
  t.equal(old.heard() + fresh.heard(), "");
  t.notOk(old.socket.destroyed || fresh.socket.destroyed, "and neither side is told");
  const next = await connected(t, proxy);
  next.socket.write("passes");
  await next.hears("passes");
});

t.test("a reset ends every connection at once, and new connections work", async (t) => {
  const { proxy } = await echo(t);
  const { socket } = await connected(t, proxy);
  const closed = endOf(socket);
  proxy.reset();
  t.ok(await closed, "by an error");
  const next = await connected(t, proxy);
  next.socket.write("passes");
  await next.hears("passes");
});

t.test("connections are refused until the proxy listens again on the same port", async (t) => {
  const { proxy } = await echo(t);
  const url = proxy.lead("postgres://h:1/d");
  const { socket } = await connected(t, proxy);
  const closed = endOf(socket);
  await proxy.refuse();
  await closed;
  const refused = connect(Number(new URL(url).port), "127.0.0.1");
  const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
  t.equal(error.code, "ECONNREFUSED");
  await proxy.listen();
  t.equal(proxy.lead("postgres://h:1/d"), url);
  const next = await connected(t, proxy);
  next.socket.write("passes");
  await next.hears("passes");
});
