import { run, type Transaction } from "./open.js";

/** Writes many rows by one statement (at most MAX_ROWS, batches.ts). */

/** A row by its columns. It is sent as JSON, in which PostgreSQL reads bytes from hexadecimal digits (bytesInRow). */
type BulkRow = object;

export interface BulkTarget {
  readonly table: string;
  readonly key: readonly string[];
  /** The written columns, including the key. */
  readonly columns: readonly string[];
  /** Columns that an update of an existing row sets to an expression instead of the new value. */
  readonly update?: Readonly<Record<string, string>>;
}

/** Inserts or updates whole rows. A missing column is NULL. A table has one such target. */
export async function upsertRows(tx: Transaction, target: BulkTarget, rows: readonly BulkRow[]): Promise<void> {
  if (rows.length === 0) return;
  const { table, key, columns, update = {} } = target;
  const written = columns
    .filter((column) => !key.includes(column))
    .map((column) => [column, `excluded.${column}`] as const);
  const changes: Readonly<Record<string, string>> = { ...Object.fromEntries(written), ...update };
  const names = columns.join(", ");
  const set = Object.entries(changes).map((change) => change.join(" = "));
  const text = `
    INSERT INTO ${table} AS stored (${names})
    SELECT ${names} FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb)
    ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${set.join(", ")}`;
  await run(tx, { name: `${table}_upsert`, text }, [JSON.stringify(rows)]);
}

/** Inserts rows. */
export async function insertRows(
  tx: Transaction,
  { table, columns }: Pick<BulkTarget, "table" | "columns">,
  rows: readonly BulkRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const names = columns.join(", ");
  const text = `INSERT INTO ${table} (${names}) SELECT ${names} FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb)`;
  await run(tx, { name: `${table}_insert`, text }, [JSON.stringify(rows)]);
}

/** The form of bytes in a BulkRow. */
export function bytesInRow(bytes: Uint8Array | null | undefined): string | null {
  return bytes ? `\\x${Buffer.from(bytes).toString("hex")}` : null;
}

/**
 * Runs a part of a transaction that may fail alone (a savepoint).
 * @param isExpected whether an error undoes only this part
 * @returns the error that undid it; undefined if it succeeded
 */
export async function inSavepoint(
  tx: Transaction,
  work: () => Promise<void>,
  isExpected: (error: unknown) => boolean,
): Promise<unknown> {
  await tx.client.query("SAVEPOINT part");
  try {
    await work();
    await tx.client.query("RELEASE SAVEPOINT part");
    return undefined;
  } catch (error) {
    if (!isExpected(error)) throw error;
    await tx.client.query("ROLLBACK TO SAVEPOINT part");
    return error;
  }
}
