import { hasRoom } from "./client-registrations.js";
import { changeClient, createClient, lockClient, type NewClient } from "./clients.js";
import { isConflict } from "./failure.js";
import { run, type Db, type Tx } from "./open.js";

/** Clients whose `client_id` is the URL of their metadata document. Each is a row like any other client. */

const FRESH = {
  name: "client_document_fresh",
  text: `SELECT client_id FROM client_registrations WHERE client_id = $1 AND fresh_until > coalesce($2::timestamptz, now())`,
};

/** Whether the document of a client need not be fetched again. */
export async function isFresh(db: Db, client_id: string, now: Date | null): Promise<boolean> {
  return (await run(db, FRESH, [client_id, now])).length === 1;
}

/** A client as its document describes it. Times are seconds. */
interface DescribedClient {
  readonly client: Readonly<Record<string, unknown>> & { readonly client_id: string };
  readonly metadata: object;
  readonly freshFor: number;
  /** After which the sweep deletes the client if no person has used it. */
  readonly lifetime: number;
  readonly maxClients: number;
}

/**
 * Writes the client of a document, new or known. A client that an operator made or disabled stays as it is.
 * @returns whether there was room for it
 */
export async function saveDescribed(db: Db, described: DescribedClient, now: Date | null): Promise<boolean> {
  try {
    return await db.prisma.$transaction((tx) => save(tx, described, now));
  } catch (error) {
    // Another request has written it at the same time, or the name belongs to an account.
    if (isConflict(error)) return true;
    throw error;
  }
}

async function save(tx: Tx, described: DescribedClient, now: Date | null): Promise<boolean> {
  const { client_id, ...columns } = described.client;
  const known = await lockClient(tx, client_id);
  if (known !== null && (known.registered_by !== "document" || known.disabled)) return true;
  if (known !== null) {
    await changeClient(tx, client_id, columns);
  } else {
    if (!(await hasRoom(tx, described.maxClients))) return false;
    await createClient(tx, { ...columns, client_id, registered_by: "document" } as unknown as NewClient, []);
  }
  const { metadata, freshFor, lifetime } = described;
  await tx.$executeRaw`
    INSERT INTO client_registrations (client_id, metadata, registered_at, expires_at, fresh_until)
    SELECT ${client_id}, ${metadata}::jsonb, t.now, t.now + ${lifetime}::int * interval '1 second',
           t.now + ${freshFor}::int * interval '1 second'
    FROM (SELECT coalesce(${now}::timestamptz, now()) AS now) t
    ON CONFLICT (client_id) DO UPDATE SET metadata = excluded.metadata, fresh_until = excluded.fresh_until`;
  return true;
}
