import { bytesInRow, insertRows, upsertRows } from "./bulk.js";
import { run, type Db, type Transaction } from "./open.js";

/** Appends committed records to the audit log. The hashes and signatures are computed elsewhere (src/audit/writer.ts). */

/** Largest number of records of one transaction. */
const BATCH = 500;

/** A committed record without a number. */
export interface PendingRecord {
  readonly id: string;
  /** The time of the change, by the database's clock, in microseconds: 2026-01-01T00:00:00.000000Z. */
  readonly at: string;
  /** An object of JSON, as PostgreSQL writes it. */
  readonly record: string;
  /** The table of the change. */
  readonly kind: string;
  readonly caller: string | null;
  readonly sub: string | null;
  readonly client_id: string | null;
}

/** Longest text in an indexed column. The record has the whole. */
const SHORT = 512;

/** Whatever is written into the table by hand becomes an object with these members, so that nothing stops the writer. */
const PENDING = {
  name: "audit_pending",
  text: `
    SELECT p.id, to_char(p.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, r.record::text AS record,
           left(r.record ->> 'table', ${SHORT}) AS kind,
           left((r.record #>> '{by,kind}') || ':' || (r.record #>> '{by,id}'), ${SHORT}) AS caller,
           left(r.record ->> 'user', ${SHORT}) AS sub, left(r.record ->> 'client', ${SHORT}) AS client_id
    FROM (SELECT * FROM audit_pending ORDER BY at, id LIMIT ${BATCH}) p,
      LATERAL (SELECT '{"by": {}, "what": "written by hand", "table": "audit_pending", "of": ""}'
        || CASE WHEN jsonb_typeof(p.record) = 'object' AND p.record ->> 'table' IS NOT NULL THEN p.record - '{id,at}'::text[]
                ELSE jsonb_build_object('after', jsonb_build_object('record', p.record)) END AS record) r
    ORDER BY p.at, p.id`,
};

/** The oldest records that wait. */
export async function pendingRecords(tx: Transaction): Promise<readonly PendingRecord[]> {
  return run<PendingRecord & Record<string, unknown>>(tx, PENDING, []);
}

const IS_DUE = {
  name: "audit_is_due",
  text: `
    SELECT EXISTS (SELECT FROM audit_pending) AS pending,
           coalesce(t.size > t.published, false) AS unpublished, t.checkpoint
    FROM (VALUES (1)) AS one LEFT JOIN (SELECT * FROM audit_trees ORDER BY tree DESC LIMIT 1) t ON true`,
};

interface Due {
  /** Whether records wait. */
  readonly pending: boolean;
  /** Whether a checkpoint is to be published. */
  readonly unpublished: boolean;
  /** The last checkpoint, as a note. */
  readonly checkpoint: string | null;
}

/** Whether there is something to do. */
export async function isDue(db: Db): Promise<Due> {
  return (await run<Due & Record<string, unknown>>(db, IS_DUE, []))[0]!;
}

const REMOVE = { name: "audit_pending_remove", text: "DELETE FROM audit_pending WHERE id = ANY ($1)" };

/** An entry of the log. */
export interface AuditEntry extends Omit<PendingRecord, "id"> {
  readonly tree: number;
  readonly index: number;
  readonly commitment: Uint8Array;
  readonly salt: Uint8Array;
  readonly signature: Uint8Array;
}

const ENTRIES = {
  table: "audit_log",
  columns: ["tree", "index", "at", "kind", "caller", "sub", "client_id", "commitment", "salt", "record", "signature"],
};

/** Writes entries in the place of pending records. */
export async function writeEntries(
  tx: Transaction,
  entries: readonly AuditEntry[],
  ids: readonly string[],
): Promise<void> {
  const rows = entries.map((entry) => ({
    ...entry,
    commitment: bytesInRow(entry.commitment),
    salt: bytesInRow(entry.salt),
    signature: bytesInRow(entry.signature),
  }));
  await insertRows(tx, ENTRIES, rows);
  await run(tx, REMOVE, [ids]);
}

/** A tile of a tree: the hashes of a level, one after the other. */
interface AuditTile {
  readonly level: number;
  readonly index: number;
  readonly hashes: Uint8Array;
}

const TILES = {
  name: "audit_tiles_read",
  text: `
    SELECT t.level, t.index::float8 AS index, t.hashes FROM audit_tiles t
    JOIN unnest($2::int[], $3::bigint[]) AS wanted (level, index) USING (level, index) WHERE t.tree = $1`,
};

/** Some tiles of a tree. One that does not exist is left out. */
export async function readTiles(
  where: Db | Transaction,
  tree: number,
  wanted: readonly Pick<AuditTile, "level" | "index">[],
): Promise<readonly AuditTile[]> {
  const places = [wanted.map(({ level }) => level), wanted.map(({ index }) => index)];
  return run<AuditTile & Record<string, unknown>>(where, TILES, [tree, ...places]);
}

const TILE_ROWS = {
  table: "audit_tiles",
  key: ["tree", "level", "index"],
  columns: ["tree", "level", "index", "hashes"],
};

/** Writes tiles, new or longer than before. */
export async function writeTiles(tx: Transaction, tree: number, tiles: readonly AuditTile[]): Promise<void> {
  await upsertRows(
    tx,
    TILE_ROWS,
    tiles.map((tile) => ({ tree, ...tile, hashes: bytesInRow(tile.hashes) })),
  );
}
