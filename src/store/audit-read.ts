import { run, type Db, type Transaction } from "./open.js";

/** Reads the audit log: a page of a list, one entry, and all entries of a tree. */

/** An entry as it is stored. Of an erased one, salt and record are null. */
export interface StoredEntry {
  readonly tree: number;
  readonly index: number;
  readonly at: string;
  readonly kind: string;
  readonly caller: string | null;
  readonly sub: string | null;
  readonly client_id: string | null;
  readonly commitment: Uint8Array;
  readonly salt: Uint8Array | null;
  readonly record: string | null;
  readonly signature: Uint8Array;
}

const AT = `to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at`;
const COLUMNS = `tree, index::float8 AS index, ${AT}, kind, caller, sub, client_id, commitment, salt, record, signature`;

const ONE = { name: "audit_entry", text: `SELECT ${COLUMNS} FROM audit_log WHERE tree = $1 AND index = $2` };

/** One entry. */
export async function findEntry(
  where: Db | Transaction,
  { tree, index }: Pick<StoredEntry, "tree" | "index">,
): Promise<StoredEntry | undefined> {
  return (await run<StoredEntry & Record<string, unknown>>(where, ONE, [tree, index]))[0];
}

const NEXT = {
  name: "audit_entries_next",
  text: `SELECT ${COLUMNS} FROM audit_log WHERE tree = $1 AND index >= $2 ORDER BY index LIMIT $3`,
};

/** Entries of a tree in their order, from an index on. */
export async function entriesFrom(
  where: Db | Transaction,
  { tree, index }: Pick<StoredEntry, "tree" | "index">,
  limit: number,
): Promise<readonly StoredEntry[]> {
  return run<StoredEntry & Record<string, unknown>>(where, NEXT, [tree, index, limit]);
}

/** The columns that a list can be filtered by. Each has an index that ends with the time. */
const FILTERS = ["sub", "client_id", "caller", "kind"] as const;

type AuditFilter = Readonly<Partial<Record<(typeof FILTERS)[number], string | undefined>>> & {
  /** The earliest time, and the time before which the records are. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
};

/** The sort key of an entry: the latest come first. */
export type EntryPosition = Pick<StoredEntry, "at" | "tree" | "index">;

export interface ListedEntry extends EntryPosition {
  readonly kind: string;
  /** Null if it was erased. */
  readonly record: string | null;
}

/** Most rows that are read for a page whose filters share no index. */
const MAX_READ = 1_000;

/**
 * A page of entries, the latest first. The first filter that is given decides which index is read. The others are compared row by
 * row, so that a page with several filters may be short, and still have a next one.
 * @returns the entries, and the position up to which the rows were read; undefined if there are no more
 */
export async function listEntries(
  db: Db,
  filter: AuditFilter,
  after: EntryPosition | undefined,
  limit: number,
): Promise<{ readonly entries: readonly ListedEntry[]; readonly next: EntryPosition | undefined }> {
  const [first, ...others] = FILTERS.filter((column) => filter[column] !== undefined);
  const reads = others.length === 0 ? limit : MAX_READ;
  const { at = "infinity", tree = 0, index = 0 } = after ?? {};
  const values = [filter.since ?? "-infinity", filter.until ?? "infinity", at, tree, index, reads];
  const columns = first === undefined ? [] : [first, ...others];
  const given = columns.map((column) => filter[column]);
  const rows = await run<ListedEntry & { readonly fits: boolean }>(db, listing(columns), [...values, ...given]);
  const entries = rows.filter(({ fits }) => fits).slice(0, limit);
  // The rows behind the last entry of a full page are read again with the next one.
  const last = entries.length === limit ? entries.at(-1) : rows.length === reads ? rows.at(-1) : undefined;
  return { entries, next: last && { at: last.at, tree: last.tree, index: last.index } };
}

function listing(columns: readonly string[]) {
  const [indexed = "true", ...others] = columns.map((column, place) => `${column} = $${place + 7}`);
  return {
    name: `audit_list_${columns.join("_")}`,
    text: `
      SELECT tree, index::float8 AS index, ${AT}, kind, record, coalesce(${others.join(" AND ") || "true"}, false) AS fits
      FROM audit_log
      WHERE ${indexed} AND at >= $1::timestamptz AND at < $2::timestamptz
        AND (at, tree, index) < ($3::timestamptz, $4::int, $5::bigint)
      ORDER BY audit_log.at DESC, tree DESC, audit_log.index DESC LIMIT $6`,
  };
}
