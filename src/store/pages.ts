/**
 * Pages of long lists. An index gives the rows in their order, and a page begins after the last row of the one before. Filters
 * that no index serves are checked on a bounded number of rows for each page. So the cost of a page does not depend on the size
 * of the table. A page may be short, or empty, and still have a next one.
 */

/** Largest number of rows that are read for one page. */
const MAX_READ = 1_000;

/** A part of a list. */
export interface RowPage<Row> {
  readonly items: readonly Row[];
  /** The row after which the next page begins; undefined on the last page. */
  readonly last: Row | undefined;
}

interface Read {
  readonly fits: boolean;
  /** The position among the rows that were read, from 1. */
  readonly place: number;
}

/** A row of a statement made by `pageStatement`. */
export type ReadRow<Row> = Row & Read;

/** SQL. */
interface Source {
  /** A query for all rows after the one before, in the order of the list. */
  readonly source: string;
  /** The same order, over the columns of the source. */
  readonly order: string;
  /** A condition on a row, which is called `s`. */
  readonly fits?: string | undefined;
}

/**
 * SQL: at most $1 + 1 rows that fit, and the last row if $2 rows were read.
 * @param columns of the result
 */
export function pageStatement(columns: readonly string[], { source, order, fits = "true" }: Source): string {
  return `
    SELECT ${columns.join(", ")}, fits, place FROM (
      SELECT s.*, coalesce(${fits}, false) AS fits, (row_number() OVER (ORDER BY ${order}))::int AS place
      FROM (${source} LIMIT $2::int) s
    ) r WHERE fits OR place = $2::int ORDER BY place LIMIT $1::int + 1`;
}

/** The rows of a page. @param read the number of rows that were to be read */
export function readPage<Row>(rows: readonly ReadRow<Row>[], limit: number, read: number): RowPage<Row> {
  const fitting = rows.filter(({ fits }) => fits);
  if (fitting.length > limit) return { items: fitting.slice(0, limit).map(bare), last: bare(fitting[limit - 1]!) };
  const end = rows.at(-1);
  return { items: fitting.map(bare), last: end?.place === read ? bare(end) : undefined };
}

/** The number of rows to read for a page: one more than it has, or many if some of them may not fit. */
export function rowsToRead(limit: number, filters: readonly unknown[]): number {
  return filters.every((one) => one === undefined || one === null) ? limit + 1 : Math.max(limit + 1, MAX_READ);
}

function bare<Row>({ fits: _fits, place: _place, ...row }: ReadRow<Row>): Row {
  return row as Row;
}
