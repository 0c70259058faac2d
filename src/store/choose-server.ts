import type pg from "pg";
import type { DatabaseTarget, Server } from "./database-url.js";
import type { Encryption } from "./database-tls.js";

/** The address of a server and the encryption of the connection to it. */
export interface Route extends Server {
  readonly ssl: Encryption;
}

/** None of several servers accepts writes. The code is that of a read-only transaction: a failover may be under way. */
class NoneWritableError extends Error {
  override readonly name = "NoneWritableError";
  readonly code = "25006";
}

/** The route of a target with a single possibility; undefined if there are several. */
export function onlyRoute({ servers, encryptions }: DatabaseTarget): Route | undefined {
  return servers.length === 1 && encryptions.length === 1 ? { ...servers[0]!, ssl: encryptions[0] } : undefined;
}

/**
 * Probes all servers at once, and takes the first one that answers and accepts writes.
 * @param open makes a connection for a probe
 * @throws the error of the first server, or NoneWritableError
 */
export async function chooseRoute(target: DatabaseTarget, open: (route: Route) => pg.Client): Promise<Route> {
  const mustWrite = target.servers.length > 1;
  const attempts = target.servers.map((server) => tryServer(server, target.encryptions, { open, mustWrite }));
  try {
    return await Promise.any(attempts);
  } catch (error) {
    const { errors } = error as AggregateError;
    throw errors.find((one) => one instanceof NoneWritableError) ?? errors[0];
  }
}

interface Trial {
  readonly open: (route: Route) => pg.Client;
  readonly mustWrite: boolean;
}

/** Connects to a server with each encryption in turn, until one succeeds. */
async function tryServer(server: Server, [ssl, ...others]: readonly Encryption[], trial: Trial): Promise<Route> {
  const client = trial.open({ ...server, ssl });
  try {
    await client.connect();
    if (trial.mustWrite) await refuseReadOnly(client);
    return { ...server, ssl };
  } catch (error) {
    if (others.length === 0 || error instanceof NoneWritableError) throw error;
    return await tryServer(server, others, trial);
  } finally {
    client.end().catch(() => {});
  }
}

/** Whether a server accepts writes. A standby and a read-only server both answer no. */
async function refuseReadOnly(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ transaction_read_only: string }>("SHOW transaction_read_only");
  if (rows[0]?.transaction_read_only !== "off") throw new NoneWritableError("no server can be written to");
}
