import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";

/** Milliseconds until every process of PostgreSQL has read its settings again, or has written its log. */
const SETTLE = 200;

/** A line of PostgreSQL's log that shows a statement: a simple one, or the execution of a prepared one. */
const STATEMENT = /LOG: {2}(statement|execute [^:]*): /;

/** The settings of PostgreSQL that a fast and wrong result would change, and its version. */
export async function settingsOf(client: pg.Client): Promise<Readonly<Record<string, string>>> {
  const { rows } = await client.query<Record<string, string>>(
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit,
            current_setting('full_page_writes') AS full_page_writes, current_setting('server_version') AS version`,
  );
  return rows[0]!;
}

/** What a candidate's requests do in its PostgreSQL, seen from a connection of the benchmark. */
export class Database {
  private constructor(
    private readonly client: pg.Client,
    private readonly log: string,
  ) {}

  /** @param folder the data folder of the embedded PostgreSQL */
  static async open(url: string, folder: string): Promise<Database> {
    const client = new pg.Client(url);
    await client.connect();
    return new Database(client, join(folder, "postgres.log"));
  }

  /** The settings that a fast and wrong result would change. */
  settings(): Promise<Readonly<Record<string, string>>> {
    return settingsOf(this.client);
  }

  /** Bytes of WAL that were written so far. */
  async wal(): Promise<number> {
    const { rows } = await this.client.query<{ wal: string }>(
      "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal",
    );
    return Number(rows[0]!.wal);
  }

  /** Counts the statements that the work sends, by the log of PostgreSQL. It also counts those of the server's own timers. */
  async statementsOf<Result>(work: () => Promise<Result>): Promise<readonly [number, Result]> {
    await this.#set("log_statement = 'all'");
    const { size } = await stat(this.log);
    const result = await work();
    await pause(SETTLE);
    const lines = (await readFile(this.log)).subarray(size).toString("utf8").split("\n");
    await this.#set("log_statement = 'none'");
    return [lines.filter((line) => STATEMENT.test(line)).length, result];
  }

  async #set(setting: string): Promise<void> {
    await this.client.query(`ALTER SYSTEM SET ${setting}`);
    await this.client.query("SELECT pg_reload_conf()");
    await pause(SETTLE);
  }

  close(): Promise<void> {
    return this.client.end();
  }
}
