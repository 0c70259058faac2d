import { run, type Db, type Transaction, type Tx } from "./open.js";

/**
 * Statements over tables that grow with the deployment. Each is repeated over a bounded number of rows, so that none reaches
 * the time limit, however large the table is.
 */

/** Largest number of rows that one such statement reads or writes. */
export const MAX_ROWS = 1_000;

/**
 * Runs one part of a work of several statements. The parts of an administrator's work are transactions, which are attributed to
 * the administrator.
 */
export type Part = <T>(work: (where: Db | Transaction | Tx) => Promise<T>) => Promise<T>;

/** Repeats a statement until it reports that no rows are left. */
export async function inBatches(step: () => Promise<{ readonly more: boolean } | undefined>): Promise<void> {
  while ((await step())?.more === true);
}

/** Cuts a list into lists of at most MAX_ROWS. */
export function pieces<T>(list: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / MAX_ROWS) }, (_, index) =>
    list.slice(index * MAX_ROWS, (index + 1) * MAX_ROWS),
  );
}

/**
 * Reads a whole table, one page per statement.
 * @param read reads at most `take` rows after the given one, or the first rows, always in the same order
 */
export async function allPages<Row>(read: (after: Row | undefined, take: number) => Promise<Row[]>): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const page = await read(rows.at(-1), MAX_ROWS);
    for (const row of page) rows.push(row);
    if (page.length < MAX_ROWS) return rows;
  }
}

/**
 * Deletes a row and the rows that refer to it, with as many statements as necessary. Each reports whether rows are left, and
 * whether it deleted the row itself, which comes last.
 * @returns whether the row existed
 */
export async function deleteInBatches(
  db: Db,
  statement: { readonly name: string; readonly text: string },
  values: readonly unknown[],
): Promise<boolean> {
  let deleted = false;
  await inBatches(async () => {
    const [batch] = await run<{ more: boolean; deleted: boolean }>(db, statement, values);
    deleted = batch!.deleted;
    return batch;
  });
  return deleted;
}
