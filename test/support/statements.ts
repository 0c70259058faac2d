import pg from "pg";

/** What the instances of this process say to each other and to themselves, request or not. */
const HOUSEKEEPING = new RegExp(
  [
    /^(SELECT now\(\) AS now$|LISTEN |\s*WITH t AS \(\s*SELECT n\.now, coalesce\(\$2::timestamptz, \(SELECT alive_at)/,
    // The decisions of a second, and looks for notices and jobs, each of which a timer begins.
    /INSERT INTO decisions /,
    /FROM logout_notices n, t\s+WHERE n\.due_at/,
    /SELECT j\.id FROM jobs j, t|^SELECT count\(\*\)::int AS unfinished FROM jobs/,
  ]
    .map(({ source }) => source)
    .join("|"),
);

/**
 * Runs something and returns every statement that this process sent at the same time, by any sender: Prisma, a named
 * statement, a transaction's BEGIN. Counted where they leave, at the connection.
 */
export async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  const sent: string[] = [];
  const original = pg.Client.prototype.query;
  pg.Client.prototype.query = function (this: pg.Client, ...args: any[]) {
    const text = typeof args[0] === "string" ? args[0] : (args[0]?.text ?? "");
    if (!HOUSEKEEPING.test(text)) sent.push(text);
    return (original as (...given: unknown[]) => unknown).apply(this, args);
  } as typeof original;
  try {
    await work();
  } finally {
    pg.Client.prototype.query = original;
  }
  return sent;
}

/** A statement with its values, as it was sent without a name. */
export interface Query {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Runs something and returns the statements that the store had planned for their values alone (`runPlanned`). */
export async function plannedBy(work: () => Promise<unknown>): Promise<readonly Query[]> {
  const sent: Query[] = [];
  const original = pg.Client.prototype.query;
  pg.Client.prototype.query = function (this: pg.Client, ...args: any[]) {
    if (typeof args[0] === "string" && Array.isArray(args[1]) && !HOUSEKEEPING.test(args[0]))
      sent.push({ text: args[0], values: args[1] });
    return (original as (...given: unknown[]) => unknown).apply(this, args);
  } as typeof original;
  try {
    await work();
  } finally {
    pg.Client.prototype.query = original;
  }
  return sent;
}

/** What one statement came to: the rows it told of, and the milliseconds until it was answered. */
export interface Answered {
  readonly rows: number;
  readonly milliseconds: number;
}

/**
 * Runs something and returns what came of each statement that the store sent while it ran: all connections but plain ones,
 * which tests use.
 */
export async function answersOf(work: () => Promise<unknown>): Promise<readonly Answered[]> {
  const answers: Answered[] = [];
  const original = pg.Client.prototype.query;
  pg.Client.prototype.query = function (this: pg.Client, ...args: any[]) {
    const begun = performance.now();
    const answered = (result?: { rowCount?: number | null }) =>
      void answers.push({ rows: result?.rowCount ?? 0, milliseconds: performance.now() - begun });
    const callback: unknown = args.at(-1);
    const isOurs = this.constructor !== pg.Client;
    if (isOurs && typeof args[0]?.submit === "function") {
      countRows(args[0], (rows) => answered({ rowCount: rows }));
    } else if (isOurs && typeof callback === "function") {
      // The pool asks with a callback.
      args[args.length - 1] = (error: unknown, result: { rowCount?: number | null }) => {
        answered(result);
        callback(error, result);
      };
    }
    const sent: unknown = (original as (...given: unknown[]) => unknown).apply(this, args);
    if (isOurs && sent instanceof Promise) sent.then(answered, () => answered());
    return sent;
  } as typeof original;
  try {
    await work();
    return answers;
  } finally {
    pg.Client.prototype.query = original;
  }
}

/** A query that node-postgres passes each message of its answer to. */
interface Submitted {
  handleDataRow(row: object): void;
  handleReadyForQuery(): void;
}

function countRows(query: Submitted, answered: (rows: number) => void): void {
  const { handleDataRow, handleReadyForQuery } = query;
  let rows = 0;
  query.handleDataRow = (row) => {
    rows += 1;
    handleDataRow.call(query, row);
  };
  query.handleReadyForQuery = () => {
    answered(rows);
    handleReadyForQuery.call(query);
  };
}

/** The most rows that one statement of the store told of while something ran. */
export async function mostRowsOf(work: () => Promise<unknown>): Promise<number> {
  return Math.max(...(await answersOf(work)).map(({ rows }) => rows));
}
