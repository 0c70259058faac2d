import { run, type Db } from "./open.js";
import { pageStatement, readPage, rowsToRead, type RowPage, type ReadRow } from "./pages.js";

/** The number of uses of a dialect by a client, and the time of the last one. */
export interface DialectUse {
  readonly client_id: string;
  readonly dialect: string;
  readonly uses: number;
  readonly last_used_at: Date;
}

/** Rows are written in one order, so that instances do not deadlock. Deleted clients are skipped. */
const ADD = {
  name: "dialect_usage_add",
  text: `
    INSERT INTO dialect_usage AS u (client_id, dialect, uses, last_used_at)
    SELECT client_id, n.dialect, n.uses, least(n.last_used_at, coalesce($5::timestamptz, now()))
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[]) AS n (client_id, dialect, uses, last_used_at)
    JOIN clients USING (client_id)
    ORDER BY client_id, n.dialect
    ON CONFLICT (client_id, dialect) DO UPDATE SET
      uses = u.uses + excluded.uses, last_used_at = greatest(u.last_used_at, excluded.last_used_at)`,
};

/** Adds the counts of an instance. Its clock may be ahead, so no use is recorded later than the database's present. */
export async function addDialectUses(db: Db, uses: readonly DialectUse[], now: Date | null): Promise<void> {
  const column = <Name extends keyof DialectUse>(name: Name) => uses.map((use) => use[name]);
  await run(db, ADD, [column("client_id"), column("dialect"), column("uses"), column("last_used_at"), now]);
}

/** The row as node-postgres returns it: a bigint is a text. */
type StoredUse = Omit<DialectUse, "uses"> & { readonly uses: string };

const USE = ["client_id", "dialect", "uses", "last_used_at"];

/** $3 is the client and $4 the dialect after which the page begins, $5 the dialect, $6 and $7 the times of the last use. */
const FITS = "($6::timestamptz IS NULL OR s.last_used_at >= $6) AND ($7::timestamptz IS NULL OR s.last_used_at < $7)";

/** Uses of all dialects, or of one. */
const LIST_USES = {
  any: {
    name: "dialect_usage_list",
    text: pageStatement(USE, {
      source: `SELECT * FROM dialect_usage WHERE (client_id, dialect) > ($3, $4) AND $5::text IS NULL ORDER BY client_id, dialect`,
      order: "client_id, dialect",
      fits: FITS,
    }),
  },
  one: {
    name: "dialect_usage_list_of_dialect",
    text: pageStatement(USE, {
      source: `SELECT * FROM dialect_usage WHERE dialect = $5 AND client_id > $3 AND $4::text IS NOT NULL ORDER BY client_id`,
      order: "client_id",
      fits: FITS,
    }),
  },
} as const;

/** The uses of a list. An absent filter is no restriction. */
interface UseFilter {
  readonly dialect?: string | undefined;
  /** The last use was not before this time. */
  readonly since?: Date | undefined;
  /** The last use was before this time. */
  readonly before?: Date | undefined;
}

/** A page of uses, by client and dialect. @param after the use after which it begins */
export async function listDialectUses(
  db: Db,
  { dialect, since, before }: UseFilter,
  { after = { client_id: "", dialect: "" }, limit }: From,
): Promise<RowPage<DialectUse>> {
  const read = rowsToRead(limit, [since, before]);
  const values = [limit, read, after.client_id, after.dialect, dialect, since, before];
  const rows = await run<ReadRow<StoredUse>>(db, LIST_USES[dialect === undefined ? "any" : "one"], values);
  const { items, last } = readPage<StoredUse>(rows, limit, read);
  return { items: items.map(inNumbers), last: last && inNumbers(last) };
}

interface From {
  readonly after?: Pick<DialectUse, "client_id" | "dialect"> | undefined;
  readonly limit: number;
}

function inNumbers({ uses, ...use }: StoredUse): DialectUse {
  return { ...use, uses: Number(uses) };
}

const OF_CLIENT = {
  name: "dialect_usage_of_client",
  text: "SELECT client_id, dialect, uses, last_used_at FROM dialect_usage WHERE client_id = $1 ORDER BY dialect",
};

/** The uses of one client. */
export async function dialectUsesOf(db: Db, client_id: string): Promise<readonly DialectUse[]> {
  return (await run<StoredUse>(db, OF_CLIENT, [client_id])).map(inNumbers);
}
