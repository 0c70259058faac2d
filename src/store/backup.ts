import { SessionClient } from "./connection.js";
import { readMigrationNames, readTables, type Table } from "./tables.js";

/**
 * A backup in text: every row of one moment, with no row that is written during the backup. It needs no tool of
 * PostgreSQL, and works while servers run. The first line is the header. A line that is an object begins a table. A
 * line that is a text is one of its rows, as PostgreSQL writes a row. src/store/restore.ts reads it back.
 */

/** The version of this format. */
export const BACKUP_FORMAT = 1;

/** The first line of a backup. */
export interface BackupHeader {
  readonly jeton_backup: number;
  readonly created_at: string;
  /** The fingerprint of the master key that the rows were written under. */
  readonly master_key: string;
  readonly migrations: readonly string[];
  readonly tables: readonly Table[];
}

/** Rows per fetch, at first and at most, and the characters that a fetch should have. */
const FETCH = { first: 100, most: 5_000, characters: 1_000_000 } as const;

/**
 * The lines of a backup, without line breaks.
 * @param master_key the fingerprint of the master key
 */
export async function* backupLines(url: string, master_key: string): AsyncGenerator<string> {
  // A connection of its own, because a backup takes longer than the limits of requests allow.
  const client = new SessionClient({ connectionString: url, application_name: "jeton backup", keepAlive: true });
  await client.connect();
  try {
    // One snapshot for all tables.
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    const tables = await readTables(client);
    const { rows } = await client.query<{ now: Date }>("SELECT now() AS now");
    const header: BackupHeader = {
      jeton_backup: BACKUP_FORMAT,
      created_at: rows[0]!.now.toISOString(),
      master_key,
      migrations: await readMigrationNames(client),
      tables,
    };
    yield JSON.stringify(header);
    for (const { name } of tables) {
      yield JSON.stringify({ table: name });
      yield* rowsOf(client, name);
    }
  } finally {
    await client.end();
  }
}

async function* rowsOf(client: SessionClient, table: string): AsyncGenerator<string> {
  await client.query(`DECLARE backup NO SCROLL CURSOR FOR SELECT t::text AS row FROM "${table}" t`);
  for (let count: number = FETCH.first; ;) {
    const { rows } = await client.query<{ row: string }>(`FETCH ${count} FROM backup`);
    let characters = 1;
    for (const { row } of rows) {
      characters += row.length;
      yield JSON.stringify(row);
    }
    if (rows.length < count) break;
    // Small rows by the thousand, large ones by the dozen: memory does not grow with either.
    count = Math.min(FETCH.most, 4 * count, Math.ceil((FETCH.characters * count) / characters));
  }
  await client.query("CLOSE backup");
}
