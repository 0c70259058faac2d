import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { Test } from "tap";

/** A way to a database that can be shut: whoever is on it is cut off, and whoever comes finds nobody. */
export interface Gate {
  /** The connection string that leads through it. */
  readonly url: string;
  shut(): Promise<void>;
  open(): Promise<void>;
}

/** Puts a gate before a database; it is open, and ends with its test. */
export async function openGate(t: Test, database: string): Promise<Gate> {
  const target = new URL(database);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on("error", () => other.destroy());
      socket.on("close", () => void sockets.delete(socket));
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
  return { url: url.href, shut, open: () => open(port) };
}
