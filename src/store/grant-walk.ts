/**
 * A walk through grants in an order that an index has, so that a page costs the same however many grants there are. The grants of
 * a client or a user are read by the time they were made (docs/decisions/0031). All grants have only the order of their ids.
 */

/** Which grants are meant. A grant has to fit all members. */
export interface GrantFilter {
  readonly client_id?: string | undefined;
  readonly sub?: string | undefined;
  readonly scope?: string | undefined;
  readonly dialect?: string | undefined;
  readonly made_after?: Date | undefined;
  readonly made_before?: Date | undefined;
}

/** A grant by its place in a walk. The walk through all grants goes by the id alone. */
export interface GrantPlace {
  readonly created_at: Date;
  readonly id: string;
}

type Order = "newest first" | "oldest first";

/** The index that is read. A user has fewer grants than a client, as a rule. */
export type Walk = "sub" | "client_id" | "id";

export function walkOf({ sub, client_id }: GrantFilter): Walk {
  if (sub !== undefined) return "sub";
  return client_id === undefined ? "id" : "client_id";
}

/** The parameters of `walkSql`: the owner, and the place after which the walk goes on. */
export function walkParameters(filter: GrantFilter, order: Order, after: GrantPlace | undefined): unknown[] {
  const owner = filter.sub ?? filter.client_id;
  const start = order === "newest first" ? (filter.made_before ?? "infinity") : (filter.made_after ?? "-infinity");
  return after === undefined ? [owner, start, ""] : [owner, after.created_at, after.id];
}

/** The parameters of `FITS`, which follow those of `walkSql`. */
export function filterParameters({ client_id, sub, scope, dialect, made_after, made_before }: GrantFilter): unknown[] {
  return [client_id, sub, scope, dialect, made_after, made_before];
}

/** SQL: whether a grant `g` fits the filter. */
export const FITS = `(
      ($4::text IS NULL OR g.client_id = $4) AND ($5::text IS NULL OR g.sub = $5)
      AND ($6::text IS NULL OR $6 = ANY (g.scope)) AND ($7::text IS NULL OR g.dialect = $7)
      AND ($8::timestamptz IS NULL OR g.created_at >= $8) AND ($9::timestamptz IS NULL OR g.created_at < $9))`;

/** SQL: the minute of a time, as the index over the grants of a client has it. */
const minuteOf = (time: string) => `date_bin('1 minute', ${time}, TIMESTAMPTZ '2000-01-01 00:00:00+00')`;

/**
 * SQL: grants in the order of a walk. It is run by `runPlanned`: only the values tell the planner how many grants an owner has.
 * @param limit has its number in the text, so that the planner knows how few rows are read
 */
export function walkSql(walk: Walk, order: Order, limit: string): string {
  if (walk === "id") {
    return `SELECT * FROM grants WHERE id > $3 AND $1::text IS NULL AND $2::timestamptz IS NOT NULL ORDER BY id ${limit}`;
  }
  const [after, direction] = order === "newest first" ? ["<", "DESC"] : [">", "ASC"];
  const minutes = walk === "client_id" ? [minuteOf("created_at")] : [];
  const range = minutes.map((minute) => `AND ${minute} ${after}= ${minuteOf("$2::timestamptz")}`).join("");
  const columns = [...minutes, "created_at", "id"].map((column) => `${column} ${direction}`);
  return `SELECT * FROM grants WHERE ${walk} = $1 ${range} AND (created_at, id) ${after} ($2::timestamptz, $3)
      ORDER BY ${columns.join(", ")} ${limit}`;
}

/** One statement for each walk. */
export function ofEachWalk<T>(make: (walk: Walk) => T): Readonly<Record<Walk, T>> {
  return { sub: make("sub"), client_id: make("client_id"), id: make("id") };
}
