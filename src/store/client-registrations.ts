import { attribute } from "./audit-actor.js";
import { changeClient, createClient, findClient, type ClientRow, type NewClient, type NewSecret } from "./clients.js";
import { run, type Db, type Tx } from "./open.js";

/** Clients that registered themselves: their rows, and the hashes of the tokens with which they manage them. */

/** What a client registers. */
interface Registration {
  readonly client: object & Pick<NewClient, "client_id">;
  readonly secrets: readonly NewSecret[];
  readonly registered_by: "open" | "token";
  /** A keyed hash of its registration access token. */
  readonly token_hash: Uint8Array<ArrayBuffer>;
  readonly metadata: object;
  /** Seconds after which the sweep deletes the client if no person has used it; null for never. */
  readonly lifetime: number | null;
}

interface RegistrationRow {
  readonly registered_at: Date;
  readonly metadata: object;
}

/** A client that registered itself, as its registration access token shows it. */
export interface FoundRegistration extends RegistrationRow {
  readonly client: ClientRow;
}

/**
 * Writes a new client. An initial access token is used up by the one statement that decides who wins.
 * @param by the hash of an initial access token, or the largest number of clients without one
 * @returns when it was registered; undefined if the token is used up or there are too many clients. Nothing is written then.
 */
export async function register(
  db: Db,
  registration: Registration,
  by: { readonly initialToken: Uint8Array } | { readonly maxClients: number },
  now: Date | null,
): Promise<Date | undefined> {
  return db.prisma.$transaction(async (tx) => {
    await attribute(tx, db);
    const isFree = "initialToken" in by ? await useToken(tx, by.initialToken, now) : await hasRoom(tx, by.maxClients);
    return isFree ? write(tx, registration, now) : undefined;
  });
}

async function useToken(tx: Tx, hash: Uint8Array, now: Date | null): Promise<boolean> {
  const used = await tx.$executeRaw`
    UPDATE registration_tokens SET uses_left = uses_left - 1
    WHERE hash = ${hash} AND uses_left > 0 AND expires_at > coalesce(${now}::timestamptz, now())`;
  return used === 1;
}

/** A few clients that register at the same moment may go beyond the limit, which only bounds the table. */
export async function hasRoom(tx: Tx, maxClients: number): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ clients: number }[]>`
    SELECT count(*)::int AS clients FROM (
      SELECT FROM clients WHERE registered_by IS NOT NULL AND registered_by <> 'token' LIMIT ${maxClients}) counted`;
  return row!.clients < maxClients;
}

async function write(
  tx: Tx,
  { client, secrets, registered_by, token_hash, metadata, lifetime }: Registration,
  now: Date | null,
): Promise<Date> {
  await createClient(tx, { ...client, registered_by } as NewClient, secrets);
  const [row] = await tx.$queryRaw<{ registered_at: Date }[]>`
    INSERT INTO client_registrations (client_id, token_hash, metadata, registered_at, expires_at)
    SELECT ${client.client_id}, ${token_hash}, ${metadata}::jsonb, t.now, t.now + ${lifetime}::int * interval '1 second'
    FROM (SELECT coalesce(${now}::timestamptz, now()) AS now) t RETURNING registered_at`;
  return row!.registered_at;
}

const FIND = {
  name: "client_registration_find",
  text: `
    SELECT r.registered_at, r.metadata FROM client_registrations r JOIN clients c USING (client_id)
    WHERE r.client_id = $1 AND r.token_hash = $2 AND c.registered_by IS NOT NULL AND NOT c.disabled`,
};

/** The enabled client whose registration access token has this hash. */
export async function findRegistration(
  db: Db,
  client_id: string,
  token_hash: Uint8Array,
): Promise<FoundRegistration | undefined> {
  const [row] = await run<RegistrationRow>(db, FIND, [client_id, token_hash]);
  const client = row === undefined ? null : await findClient(db, client_id);
  return row === undefined || client === null ? undefined : { ...row, client };
}

/** The new settings of a client, which replace all earlier ones. */
interface ChangedRegistration {
  readonly client: Readonly<Record<string, unknown>>;
  readonly metadata: object;
  /** The secrets from now on; undefined for those it has. */
  readonly secrets: readonly NewSecret[] | undefined;
  /** The hash of the next registration access token. */
  readonly token_hash: Uint8Array<ArrayBuffer>;
}

/**
 * Replaces a registration and its registration access token.
 * @returns whether this call did; of two updates with the same token one does
 */
export async function updateRegistration(
  db: Db,
  client_id: string,
  token_hash: Uint8Array<ArrayBuffer>,
  { client, metadata, secrets, token_hash: next }: ChangedRegistration,
): Promise<boolean> {
  return db.prisma.$transaction(async (tx) => {
    await attribute(tx, db);
    const { count } = await tx.clientRegistration.updateMany({
      where: { client_id, token_hash, client: { registered_by: { not: null }, disabled: false } },
      data: { token_hash: next, metadata },
    });
    if (count === 0) return false;
    await changeClient(tx, client_id, client);
    if (secrets === undefined) return true;
    await tx.clientSecret.deleteMany({ where: { client_id } });
    await tx.clientSecret.createMany({ data: secrets.map((secret) => ({ ...secret, client_id })) });
    return true;
  });
}

/** The pages that a client names for its users. */
export interface ClientPages {
  readonly client_uri?: string;
  readonly policy_uri?: string;
  readonly tos_uri?: string;
}

const PAGES = {
  name: "client_registration_pages",
  text: "SELECT metadata FROM client_registrations WHERE client_id = $1",
};

/** The pages of a client that registered itself. */
export async function pagesOf(db: Db, client_id: string): Promise<ClientPages> {
  const [row] = await run<{ metadata: ClientPages }>(db, PAGES, [client_id]);
  return row?.metadata ?? {};
}
