import { randomUUID } from "node:crypto";
import { Prisma, type Client, type ClientSecret } from "./generated/client.js";
import { allPages } from "./batches.js";
import { bytesInRow, insertRows, upsertRows, type BulkTarget } from "./bulk.js";
import { epochOf } from "./epochs.js";
import { run, type Db, type Transaction, type Tx } from "./open.js";

/** A client with its valid secrets. */
export type ClientRow = Client & { readonly secrets: readonly ClientSecret[] };

const FIND = {
  name: "client_find",
  text: `SELECT c.*, ${epochOf("c")} AS token_epoch FROM clients c WHERE client_id = $1`,
};
const SECRETS = { name: "client_secrets_find", text: "SELECT * FROM client_secrets WHERE client_id = $1" };

/** The client, or null if no client has this id. Its epoch includes that of the deployment: of two columns the later counts. */
export async function findClient(where: Db | Transaction, client_id: string): Promise<ClientRow | null> {
  const [client] = await run<Client>(where, FIND, [client_id]);
  return client === undefined ? null : { ...client, secrets: await run<ClientSecret>(where, SECRETS, [client_id]) };
}

export type NewClient = Omit<
  Prisma.ClientUncheckedCreateInput,
  | "secrets"
  | "registration"
  | "grants"
  | "consents"
  | "usage"
  | "app"
  | "administers"
  | "token_epoch"
  | "jwks"
  | "token_exchange"
> & {
  readonly jwks: object | null;
  readonly token_exchange?: object;
};

/** A secret as it is stored: hashed, sealed where the method needs it in clear, or as the sealed hash of another system. */
export interface NewSecret {
  readonly hash?: Uint8Array<ArrayBuffer> | null;
  readonly sealed?: Uint8Array<ArrayBuffer> | null;
  readonly imported?: Uint8Array<ArrayBuffer> | null;
  readonly expires_at?: Date | null;
}

/** The columns of a client to write. Without a list of secrets it keeps its present ones. */
export interface ClientToSave {
  readonly client: NewClient;
  readonly secrets: readonly NewSecret[] | undefined;
}

/** Optional columns of a client. */
export const ABSENT = {
  token_endpoint_auth_methods: [],
  claims_redirect_uris: [],
  authorization_signed_response_alg: "RS256",
  introspection_signed_response_alg: "RS256",
  id_token_claims: "minimal",
  subject_type: "public",
  assertion_lifetime: 300,
  access_token_signing_alg: "ES256",
  access_token_typ: "at+jwt",
  tls_client_certificate_bound_access_tokens: false,
  dpop_bound_access_tokens: false,
  require_pushed_authorization_requests: false,
  backchannel_logout_session_required: false,
  frontchannel_logout_session_required: false,
  token_exchange: [],
  profile: null,
  require_signed_request_object: false,
  disabled: false,
} as const;

/** Columns that are never written with the client. */
const OWN_COLUMNS: ReadonlySet<string> = new Set(["token_epoch", "created_at", "updated_at"]);

const CLIENTS: BulkTarget = {
  table: "clients",
  key: ["client_id"],
  columns: Object.values(Prisma.ClientScalarFieldEnum).filter((column) => !OWN_COLUMNS.has(column)),
  update: { updated_at: "now()" },
};

const CLIENT_SECRETS = {
  table: "client_secrets",
  columns: ["id", "client_id", "hash", "sealed", "imported", "expires_at"],
} as const;

const DROP_SECRETS = { name: "client_secrets_drop", text: "DELETE FROM client_secrets WHERE client_id = ANY ($1)" };

/** Writes new or existing clients, with exactly the given secrets. */
export async function saveClients(tx: Transaction, clients: readonly ClientToSave[]): Promise<void> {
  await upsertRows(
    tx,
    CLIENTS,
    clients.map(({ client }) => ({ ...ABSENT, ...client })),
  );
  const replaced = clients.flatMap(({ client, secrets }) => (secrets === undefined ? [] : client.client_id));
  await run(tx, DROP_SECRETS, [replaced]);
  const secrets = clients.flatMap(({ client: { client_id }, secrets = [] }) =>
    secrets.map(({ hash, sealed, imported, expires_at }) => ({
      ...{ id: randomUUID(), client_id, expires_at },
      ...{ hash: bytesInRow(hash), sealed: bytesInRow(sealed), imported: bytesInRow(imported) },
    })),
  );
  await insertRows(tx, CLIENT_SECRETS, secrets);
}

const WITHOUT_SECRET = {
  name: "clients_without_secret",
  text: `
    SELECT c.client_id FROM clients c
    WHERE c.client_id = ANY ($1) AND NOT EXISTS (SELECT FROM client_secrets s WHERE s.client_id = c.client_id
      AND (s.sealed IS NOT NULL OR coalesce(c.token_endpoint_auth_method, '') <> 'client_secret_jwt'
        AND NOT 'client_secret_jwt' = ANY (c.token_endpoint_auth_methods)))`,
};

/** The ids of those clients that have no secret for their method. */
export async function clientsWithoutSecret(db: Db, client_ids: readonly string[]): Promise<readonly string[]> {
  const rows = await run<{ client_id: string }>(db, WITHOUT_SECRET, [client_ids]);
  return rows.map(({ client_id }) => client_id);
}

/**
 * Writes a new client, and never over an existing one.
 * @throws Error that isConflict recognises, if the id is in use
 */
export async function createClient(tx: Tx, client: NewClient, secrets: readonly NewSecret[]): Promise<void> {
  const { client_id } = client;
  await tx.client.create({ data: { ...client, jwks: client.jwks ?? Prisma.DbNull }, select: { client_id: true } });
  await tx.clientSecret.createMany({ data: secrets.map((secret) => ({ ...secret, client_id })) });
}

const ADD_REDIRECT_URI = {
  name: "client_add_redirect_uri",
  text: `
    UPDATE clients SET redirect_uris = redirect_uris || $2::text, updated_at = now()
    WHERE client_id = $1 AND $2 <> ALL (redirect_uris)`,
};

/** Adds a redirect URI to a client, unless it is there. */
export async function addRedirectUri(db: Db, client_id: string, redirect_uri: string): Promise<void> {
  await run(db, ADD_REDIRECT_URI, [client_id, redirect_uri]);
}

/** A client with its secrets, locked until the transaction ends; null if there is none. */
export async function lockClient(tx: Tx, client_id: string): Promise<ClientRow | null> {
  await tx.$queryRaw`SELECT 1 FROM clients WHERE client_id = ${client_id} FOR UPDATE`;
  return tx.client.findUnique({ where: { client_id }, include: { secrets: true } });
}

/** Changes some columns of a client. */
export async function changeClient(
  tx: Tx,
  client_id: string,
  { jwks, ...columns }: Readonly<Record<string, unknown>>,
): Promise<void> {
  const keys = jwks === undefined ? {} : { jwks: jwks ?? Prisma.DbNull };
  await tx.client.update({ where: { client_id }, data: { ...columns, ...keys }, select: { client_id: true } });
}

/** Adds a secret. The earlier ones expire at `overlapUntil`, or at once if it is null. */
export async function replaceSecret(
  tx: Tx,
  client_id: string,
  secret: NewSecret,
  overlapUntil: Date | null,
): Promise<void> {
  if (overlapUntil === null) {
    await tx.clientSecret.deleteMany({ where: { client_id } });
  } else {
    await tx.clientSecret.updateMany({
      where: { client_id, OR: [{ expires_at: null }, { expires_at: { gt: overlapUntil } }] },
      data: { expires_at: overlapUntil },
    });
  }
  await tx.clientSecret.create({ data: { ...secret, client_id } });
}

const REPLACE_IMPORTED = {
  name: "client_secret_replace_imported",
  text: "UPDATE client_secrets SET hash = $3, imported = NULL WHERE id = $1 AND imported = $2",
};

/** Replaces the imported hash of a secret by our own. A secret that has changed since it was read stays as it is. */
export async function replaceImportedSecret(
  db: Db,
  { id, imported }: Pick<ClientSecret, "id" | "imported">,
  hash: Uint8Array,
): Promise<void> {
  await run(db, REPLACE_IMPORTED, [id, imported, hash]);
}

const REPLACE_HASH = {
  name: "client_secret_replace_hash",
  text: "UPDATE client_secrets SET hash = $3 WHERE id = $1 AND hash = $2",
};

/** Replaces the hash of a secret. A secret that has changed since it was read stays as it is. */
export async function replaceSecretHash(
  db: Db,
  { id, hash }: { readonly id: string; readonly hash: Uint8Array },
  after: Uint8Array,
): Promise<void> {
  await run(db, REPLACE_HASH, [id, hash, after]);
}

/** Disables or enables a client. Its tokens are rejected while it is disabled. */
export async function setClientDisabled(tx: Tx, client_id: string, disabled: boolean): Promise<void> {
  await tx.client.update({ where: { client_id }, data: { disabled } });
}

type ClientUris = Pick<Client, "client_id" | "redirect_uris" | "web_origins">;

const URIS = {
  name: "client_uris",
  text: `
    SELECT client_id, redirect_uris, web_origins FROM clients
    WHERE NOT disabled AND (redirect_uris <> '{}' OR web_origins <> '{}') AND client_id > $1
    ORDER BY client_id LIMIT $2`,
};

/** The registered URIs of all enabled clients, from which their web origins are derived. */
export async function allClientUris(db: Db): Promise<readonly ClientUris[]> {
  return allPages((after, take) => run<ClientUris>(db, URIS, [after?.client_id ?? "", take]));
}

const GOODBYES = {
  name: "client_goodbye_uris",
  text: `
    SELECT client_id, post_logout_redirect_uris FROM clients
    WHERE NOT disabled AND post_logout_redirect_uris <> '{}' ORDER BY client_id`,
};

export type GoodbyeUris = Pick<Client, "client_id" | "post_logout_redirect_uris">;

/** The post_logout_redirect_uris of all enabled clients, by client id. */
export async function allGoodbyeUris(db: Db): Promise<readonly GoodbyeUris[]> {
  return run(db, GOODBYES, []);
}
