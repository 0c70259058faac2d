import type { Tx } from "./open.js";

/** Writing many rows by one statement, whatever their number (at most MAX_ROWS, batches.ts). */

/** A row by its columns. PostgreSQL gets it as JSON, in which it reads bytes from hexadecimal digits (bytesInRow). */
type BulkRow = object;

export interface BulkTarget {
  readonly table: string;
  readonly key: readonly string[];
  /** Columns that are written, the key among them. */
  readonly columns: readonly string[];
  /** Columns whose value in a row that is there already is another expression than the new value. */
  readonly update?: Readonly<Record<string, string>>;
}

/** Writes rows whole, new or not. A column that a row does not have is NULL. */
export async function upsertRows(tx: Tx, target: BulkTarget, rows: readonly BulkRow[]): Promise<void> {
  if (rows.length === 0) return;
  const { table, key, columns, update = {} } = target;
  const written = columns
    .filter((column) => !key.includes(column))
    .map((column) => [column, `excluded.${column}`] as const);
  const changes: Readonly<Record<string, string>> = { ...Object.fromEntries(written), ...update };
  const names = columns.join(", ");
  await tx.$executeRawUnsafe(
    `INSERT INTO ${table} AS stored (${names})
     SELECT ${names} FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb)
     ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${Object.entries(changes)
       .map((change) => change.join(" = "))
       .join(", ")}`,
    JSON.stringify(rows),
  );
}

/** Writes new rows. */
export async function insertRows(
  tx: Tx,
  { table, columns }: Pick<BulkTarget, "table" | "columns">,
  rows: readonly BulkRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const names = columns.join(", ");
  await tx.$executeRawUnsafe(
    `INSERT INTO ${table} (${names}) SELECT ${names} FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb)`,
    JSON.stringify(rows),
  );
}

/** Bytes as a BulkRow holds them. */
export function bytesInRow(bytes: Uint8Array | null | undefined): string | null {
  return bytes ? `\\x${Buffer.from(bytes).toString("hex")}` : null;
}

/**
 * Does a part of a transaction that may fail without the rest.
 * @param isExpected whether an error only undoes this part
 * @returns the error that undid it; undefined where it was done
 */
export async function inSavepoint(
  tx: Tx,
  work: () => Promise<void>,
  isExpected: (error: unknown) => boolean,
): Promise<unknown> {
  await tx.$executeRawUnsafe("SAVEPOINT part");
  try {
    await work();
    await tx.$executeRawUnsafe("RELEASE SAVEPOINT part");
    return undefined;
  } catch (error) {
    if (!isExpected(error)) throw error;
    await tx.$executeRawUnsafe("ROLLBACK TO SAVEPOINT part");
    return error;
  }
}
