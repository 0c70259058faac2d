import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { Test } from "tap";

/** A way to a database that can be shut: open connections are cut off, and new ones are refused. */
export interface Gate {
  /** The connection string that leads through it. */
  readonly url: string;
  shut(): Promise<void>;
  open(): Promise<void>;
  /** Lets nothing through for the moment, in neither direction, and closes nothing. */
  hold(): void;
  /** Lets through what was held, and what comes. */
  release(): void;
}

/** Puts a gate before a database; it is open, and ends with its test. */
export async function openGate(t: Test, database: string): Promise<Gate> {
  const target = new URL(database);
  const sockets = new Set<Socket>();
  /** What goes where. */
  const ways = new Map<Socket, Socket>();
  let isHeld = false;
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      ways.set(socket, other);
      if (!isHeld) socket.pipe(other);
      socket.on("error", () => other.destroy());
      socket.on("close", () => void (sockets.delete(socket), ways.delete(socket)));
    }
  });
  const open = (port: number) => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await open(0);
  const { port } = server.address() as AddressInfo;
  const url = new URL(database);
  url.host = `127.0.0.1:${port}`;
  const shut = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.resetAndDestroy();
    await closed;
  };
  t.teardown(() => (server.listening ? shut() : undefined));
  const hold = () => {
    isHeld = true;
    for (const [socket, other] of ways) socket.unpipe(other);
  };
  const release = () => {
    isHeld = false;
    for (const [socket, other] of ways) socket.pipe(other);
  };
  return { url: url.href, shut, open: () => open(port), hold, release };
}
