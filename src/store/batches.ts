import { run, type Db } from "./open.js";

/**
 * Statements whose rows grow with the deployment: each is repeated over a bounded number of rows, so that none meets the
 * time limit of statements however much there is.
 */

/** Rows that one such statement reads or writes at most. */
export const MAX_ROWS = 1_000;

/** Repeats a statement until it says that no more is left. */
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
 * Reads a whole table, a page with each statement.
 * @param read reads at most `take` rows that come after the given one, or the first ones, in one order
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
 * Deletes a row and what hangs on it, with as many statements as that takes. Each answers whether there is more, and whether
 * the row itself is deleted, which comes last.
 * @returns whether there was such a row
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
