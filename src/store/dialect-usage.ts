import { run, type Db } from "./open.js";

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

const LISTED = {
  name: "dialect_usage_listed",
  text: `
    SELECT client_id, dialect, uses, last_used_at FROM dialect_usage
    WHERE (client_id, dialect) > ($1, $2) ORDER BY client_id, dialect LIMIT $3`,
};

/** The uses on record by client and dialect, behind one of them. */
export async function dialectUses(
  db: Db,
  { client_id, dialect }: Pick<DialectUse, "client_id" | "dialect">,
  take: number,
): Promise<DialectUse[]> {
  const rows = await run<StoredUse>(db, LISTED, [client_id, dialect, take]);
  return rows.map(({ uses, ...row }) => ({ ...row, uses: Number(uses) }));
}
