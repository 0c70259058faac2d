import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * A free loopback port. Below every system's ephemeral range: from inside it, a pool that retries while nothing listens
 * may be given the very port as its own end, connect to itself, and keep PostgreSQL from coming back.
 * @param preferred the port used last, which other pools may still hold
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
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
