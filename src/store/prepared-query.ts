import pg from "pg";
import { prepareValue } from "pg/lib/utils";
import { published } from "../spans.js";

/**
 * Prepared statements over the protocol of PostgreSQL ("Extended Query"). A query of node-postgres asks for the description of
 * its rows each time, and reads it each time. That costs more than the rows themselves. The rows of a prepared statement never
 * change their form: PostgreSQL refuses to run a statement whose columns would differ. So a connection asks once.
 */

/** A statement with a name of its own. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** The columns of the rows of a statement. */
interface Columns {
  readonly names: readonly string[];
  /** Each turns the text of a value into the value. */
  readonly readers: readonly ((text: string) => unknown)[];
}

/** The columns of the statements that a connection has prepared, by the name of the statement. */
type Prepared = Map<string, Columns>;
const prepared = new WeakMap<pg.Connection, Prepared>();

function preparedOn(connection: pg.Connection): Prepared {
  const statements = prepared.get(connection) ?? (new Map() as Prepared);
  prepared.set(connection, statements);
  return statements;
}

/**
 * Runs a statement on a connection, and prepares it there before its first run. After a failure the connection must be closed.
 * @throws pg.DatabaseError if the server refused it; any other error means that there was no answer
 */
export async function ask<Row>(
  client: pg.ClientBase,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  try {
    return await published("statement", statement.name, () => answerTo<Row>(client, statement, values));
  } catch (error) {
    // The trace of an answer begins at the socket. This one shows who asked.
    if (error instanceof Error) Error.captureStackTrace(error);
    throw error;
  }
}

function answerTo<Row>(client: pg.ClientBase, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    client.query(new PreparedQuery<Row>(statement, values, resolve, reject));
  });
}

/** One run of a statement. node-postgres sends it when its turn comes, and passes each message of the answer to it. */
class PreparedQuery<Row> implements pg.Submittable {
  readonly name: string;
  readonly text: string;
  readonly values: (Buffer | string | null)[];
  readonly #resolve: (rows: Row[]) => void;
  readonly #reject: (failure: Error) => void;
  readonly #rows: Row[] = [];
  #prepared: Prepared | undefined;
  #columns: Columns | undefined;
  #failure: Error | undefined;

  constructor(
    statement: Statement,
    values: readonly unknown[],
    resolve: (rows: Row[]) => void,
    reject: (failure: Error) => void,
  ) {
    this.name = statement.name;
    this.text = statement.text;
    this.values = values.map(prepareValue);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: pg.Connection): void {
    this.#prepared = preparedOn(connection);
    this.#columns = this.#prepared.get(this.name);
    connection.stream.cork();
    try {
      this.#send(connection, this.#columns !== undefined);
    } finally {
      connection.stream.uncork();
    }
  }

  #send(connection: pg.Connection, isPrepared: boolean): void {
    const { name, text } = this;
    if (!isPrepared) connection.parse({ name, text, types: [] }, false);
    connection.bind({ statement: name, values: this.values }, false);
    if (!isPrepared) connection.describe({ type: "P" }, false);
    connection.execute(null, false);
    connection.sync();
  }

  handleRowDescription({ fields }: { readonly fields: readonly pg.FieldDef[] }): void {
    this.#columns = {
      names: fields.map(({ name }) => name),
      readers: fields.map(({ dataTypeID }) => readerOf(dataTypeID)),
    };
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    try {
      this.#rows.push(rowOf(this.#columns!, fields) as Row);
    } catch (error) {
      this.#failure ??= error as Error;
    }
  }

  handleCommandComplete(): void {
    // A statement without rows has no columns.
    this.#prepared!.set(this.name, (this.#columns ??= { names: [], readers: [] }));
  }

  handleReadyForQuery(): void {
    if (this.#failure === undefined) this.#resolve(this.#rows);
    else this.#reject(this.#failure);
  }

  handleError(error: Error): void {
    this.#reject(error);
  }
}

/** How node-postgres reads the text of a value of this type. */
function readerOf(type: number): (text: string) => unknown {
  return pg.types.getTypeParser(type, "text") as (text: string) => unknown;
}

function rowOf({ names, readers }: Columns, fields: readonly (string | null)[]): object {
  const row: Record<string, unknown> = {};
  for (let index = 0; index < names.length; index += 1) {
    const text = fields[index]!;
    row[names[index]!] = text === null ? null : readers[index]!(text);
  }
  return row;
}
