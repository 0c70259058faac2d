import { Prisma } from "./generated/client.js";
import type { Db, Tx } from "./open.js";

/**
 * Reads values that are sealed under the master key in pages, and replaces them (docs/decisions/0017). A row that has changed
 * since it was read stays as it is, because the change sealed it with the current key.
 */
interface SealedRow {
  readonly id: string;
  readonly sealed: Uint8Array;
}

/** A kind of sealed value: a page of them after an id, and their replacement. */
interface SealedKind {
  page(tx: Tx, after: string, limit: number): Promise<readonly SealedRow[]>;
  replace(tx: Tx, rows: readonly (SealedRow & { readonly resealed: Uint8Array })[]): Promise<number>;
}

/** The prefix of a sealed hash of another system, which is stored in the place of our own hash. */
export const IMPORTED_HASH = "imported:";

/** Sealed values in a column of their own. */
function inColumn(table: string, key: string, column: string): SealedKind {
  const [name, id, value] = [table, key, column].map((one) => Prisma.raw(`"${one}"`)) as [
    Prisma.Sql,
    Prisma.Sql,
    Prisma.Sql,
  ];
  return {
    page: (tx, after, limit) => tx.$queryRaw<SealedRow[]>`
      SELECT ${id}::text AS id, ${value} AS sealed FROM ${name}
      WHERE ${id}::text > ${after} AND ${value} IS NOT NULL ORDER BY ${id}::text LIMIT ${limit}`,
    replace: (tx, rows) => tx.$executeRaw`
      UPDATE ${name} SET ${value} = one.resealed
      FROM unnest(${ids(rows)}::text[], ${rows.map(({ sealed }) => sealed)}::bytea[], ${rows.map(({ resealed }) => resealed)}::bytea[])
        AS one(id, sealed, resealed)
      WHERE ${name}.${id}::text = one.id AND ${name}.${value} = one.sealed`,
  };
}

/** Sealed hashes of passwords. They are texts, in the same column as our own hashes. */
const importedPasswords: SealedKind = {
  page: async (tx, after, limit) => {
    const rows = await tx.$queryRaw<{ sub: string; password_hash: string }[]>`
      SELECT sub, password_hash FROM users
      WHERE sub > ${after} AND password_hash LIKE ${`${IMPORTED_HASH}%`} ORDER BY sub LIMIT ${limit}`;
    return rows.map(({ sub, password_hash }) => ({ id: sub, sealed: readText(password_hash) }));
  },
  replace: (tx, rows) => tx.$executeRaw`
    UPDATE users SET password_hash = one.resealed
    FROM unnest(${ids(rows)}::text[], ${rows.map(({ sealed }) => writeText(sealed))}::text[], ${rows.map(({ resealed }) => writeText(resealed))}::text[])
      AS one(id, sealed, resealed)
    WHERE users.sub = one.id AND users.password_hash = one.sealed`,
};

/** All kinds, with the purpose of the key that sealed them. */
export const SEALED = [
  { of: "signing keys", purpose: "signing-key", kind: inColumn("signing_keys", "kid", "sealed_private") },
  { of: "client secrets", purpose: "client-secret", kind: inColumn("client_secrets", "id", "sealed") },
  { of: "imported client secrets", purpose: "imported-hash", kind: inColumn("client_secrets", "id", "imported") },
  { of: "pre-shared keys of devices", purpose: "device-psk", kind: inColumn("device_psks", "device_id", "sealed") },
  { of: "keys of the audit log", purpose: "audit-key", kind: inColumn("audit_trees", "tree", "sealed") },
  { of: "imported passwords", purpose: "imported-hash", kind: importedPasswords },
] as const;

/** Records once that everything is sealed under another master key. @returns the time of the record */
export async function recordMasterKey(
  db: Db,
  {
    fingerprint,
    lasting_keys,
    now,
  }: { readonly fingerprint: string; readonly lasting_keys: Uint8Array; readonly now: Date | null },
): Promise<Date> {
  const [row] = await db.prisma.$queryRaw<{ master_key_since: Date }[]>`
    UPDATE installation SET
      master_key_since = CASE WHEN master_key_fingerprint = ${fingerprint} THEN coalesce(master_key_since, ${now}::timestamptz, now())
                              ELSE coalesce(${now}::timestamptz, now()) END,
      lasting_keys = CASE WHEN master_key_fingerprint = ${fingerprint} THEN coalesce(lasting_keys, ${lasting_keys}) ELSE ${lasting_keys} END,
      master_key_fingerprint = ${fingerprint}
    WHERE id = 1 RETURNING master_key_since`;
  return row!.master_key_since;
}

/** The rows that still depend on an earlier master key, and the seconds for which values without a row can. */
interface Dependents {
  readonly passwords: number;
  readonly client_secrets: number;
  readonly refresh_token_lifetime: number;
  readonly opaque_token_lifetime: number;
}

/**
 * Counts hashes by the key that they name, and reads the longest lifetimes of tokens without a row.
 * @param mark the id of the current master key: as text in a password hash, as bytes in a secret hash
 */
export async function countDependents(
  db: Db,
  mark: { readonly text: string; readonly bytes: Uint8Array },
): Promise<Dependents> {
  return db.prisma.$transaction(
    async (tx) => {
      await tx.$executeRaw`SET LOCAL statement_timeout = '60s'`;
      const [row] = await tx.$queryRaw<Dependents[]>`
      SELECT
        (SELECT count(*) FROM users
          WHERE password_hash LIKE '%,data=%' AND password_hash NOT LIKE ${`%,data=${mark.text}$%`})::int AS passwords,
        (SELECT count(*) FROM client_secrets
          WHERE length(hash) > 32 AND substring(hash FROM 1 FOR length(${mark.bytes}::bytea)) <> ${mark.bytes})::int AS client_secrets,
        (SELECT coalesce(max(least(refresh_token_lifetime, refresh_token_absolute_lifetime)), 0)::int FROM clients
          WHERE 'refresh_token' = ANY (grant_types)) AS refresh_token_lifetime,
        (SELECT coalesce(max(access_token_lifetime), 0)::int FROM clients
          WHERE access_token_format = 'opaque' OR dialects && '{kii,iothentix}') AS opaque_token_lifetime`;
      return row!;
    },
    { timeout: 60_000 },
  );
}

function ids(rows: readonly SealedRow[]): string[] {
  return rows.map(({ id }) => id);
}

function readText(hash: string): Uint8Array {
  return Buffer.from(hash.slice(IMPORTED_HASH.length), "base64url");
}

function writeText(sealed: Uint8Array): string {
  return IMPORTED_HASH + Buffer.from(sealed).toString("base64url");
}
