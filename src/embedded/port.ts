import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * A free loopback port below the ephemeral range of every system. From inside that range, a pool that retries while
 * nothing listens may get this very port as its own end. It would connect to itself, and keep PostgreSQL from coming
 * back.
 * @param preferred the port of the last start, to which other pools may still connect
 */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && preferred > 0 && (await isFree(preferred))) return preferred;
  for (;;) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const listener = createServer();
    listener.once("error", () => resolve(false));
    listener.listen({ port, host: "127.0.0.1", exclusive: true }, () => listener.close(() => resolve(true)));
  });
}
