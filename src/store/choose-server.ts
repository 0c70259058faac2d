import type pg from "pg";
import type { DatabaseTarget, Server } from "./database-url.js";
import type { Encryption } from "./database-tls.js";

/** Where a connection goes, and how it is spoken to. */
export interface Route extends Server {
  readonly ssl: Encryption;
}

/** Of several servers none can be written to. Its code is PostgreSQL's for a read-only transaction: a failover may be under way. */
class NoneWritableError extends Error {
  override readonly name = "NoneWritableError";
  readonly code = "25006";
}

/** The route of a target that leaves nothing to choose. */
export function onlyRoute({ servers, encryptions }: DatabaseTarget): Route | undefined {
  return servers.length === 1 && encryptions.length === 1 ? { ...servers[0]!, ssl: encryptions[0] } : undefined;
}

/**
 * Tries every server at once, and takes the first one that answers and can be written to.
 * @param open makes a connection to try with
 * @throws what the first server said, or NoneWritableError
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

/** Speaks to a server in each way in turn, until it lets us in. */
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

/** A standby and a server that was made read-only say the same. */
async function refuseReadOnly(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ transaction_read_only: string }>("SHOW transaction_read_only");
  if (rows[0]?.transaction_read_only !== "off") throw new NoneWritableError("no server can be written to");
}
