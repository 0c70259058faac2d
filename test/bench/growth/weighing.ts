import type pg from "pg";

/** What PostgreSQL tells of its tables and of its WAL. */
export class Weighing {
  constructor(private readonly client: pg.Client) {}

  /** Bytes of WAL that were written so far. */
  wal(): Promise<number> {
    return this.#number("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS n");
  }

  /** Bytes of a table, its indexes and its TOAST table. */
  bytesOf(table: string): Promise<number> {
    return this.#number(`SELECT pg_total_relation_size('${table}') AS n`);
  }

  /** Rows of `grants` that were deleted so far. A connection tells what it did at most a second late. */
  deletedGrants(): Promise<number> {
    return this.#number("SELECT n_tup_del AS n FROM pg_stat_user_tables WHERE relname = 'grants'");
  }

  /** Updates of `grants` so far, and those that wrote to no index. */
  async updates(): Promise<{ readonly all: number; readonly hot: number }> {
    const of = (column: string) =>
      this.#number(`SELECT ${column} AS n FROM pg_stat_user_tables WHERE relname = 'grants'`);
    return { all: await of("n_tup_upd"), hot: await of("n_tup_hot_upd") };
  }

  async #number(text: string): Promise<number> {
    const { rows } = await this.client.query<{ n: string }>(text);
    return Number(rows[0]!.n);
  }
}
