import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** A port of the loopback address on which nothing listens. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Whether a server can listen on a port of the loopback address. */
export async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  const isListening = once(server.listen(port, "127.0.0.1"), "listening").then(
    () => true,
    () => false,
  );
  if (!(await isListening)) return false;
  server.close();
  return true;
}
