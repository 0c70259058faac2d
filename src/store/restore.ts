import { OperatorError } from "../errors/operator-error.js";
import type { BackupHeader } from "./backup.js";
import { SessionClient } from "./connection.js";
import { LISTENING } from "./line.js";
import { INSTALLATION, readMigrationNames, readTables, type Table } from "./tables.js";

/** Largest number of rows, and of characters, per statement. */
const BATCH = { rows: 500, characters: 1_000_000 } as const;

/**
 * Writes the rows of a backup into a migrated database, in one transaction: all of them, marked as restored, or none.
 * @param lines the lines after the header; reading them throws if the file is cut or changed
 * @param replace whether existing rows may be deleted
 * @returns the number of rows of each table
 * @throws OperatorError if a server uses the database, it is not empty, or its schema differs
 */
export async function restore(
  url: string,
  header: BackupHeader,
  lines: AsyncIterable<string>,
  replace: boolean,
): Promise<Readonly<Record<string, number>>> {
  const client = new SessionClient({ connectionString: url, application_name: "jeton restore", lock_timeout: 5_000 });
  await client.connect();
  try {
    await client.query("BEGIN");
    const tables = await readTables(client);
    await checkTarget(client, header, tables);
    const names = tables.map(({ name }) => `"${name}"`).join(", ");
    if (!replace) await refuseFull(client, tables);
    // The triggers have already changed and recorded these rows once, before the backup.
    for (const { name } of tables) await client.query(`ALTER TABLE "${name}" DISABLE TRIGGER USER`);
    // From here on no server can start on the database before the restore is complete.
    await client.query(`TRUNCATE ${names}`);
    const counts = await writeRows(client, tables, lines);
    for (const { name } of tables) await client.query(`ALTER TABLE "${name}" ENABLE TRIGGER USER`);
    await continueSequences(client);
    await client.query(`UPDATE ${INSTALLATION} SET restored_at = now()`);
    await client.query("COMMIT");
    return counts;
  } finally {
    // Without a commit, closing the connection rolls everything back.
    await client.end();
  }
}

async function checkTarget(client: SessionClient, header: BackupHeader, tables: readonly Table[]): Promise<void> {
  const { rows } = await client.query(
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1",
    [LISTENING],
  );
  if (rows.length > 0) throw new OperatorError("a server is running on this database: stop every server first");
  const here = await readMigrationNames(client);
  const newer = header.migrations.find((name) => !here.includes(name));
  if (newer !== undefined) throw new OperatorError(`the backup was made by a newer Jeton (${newer})`);
  const missing = here.find((name) => !header.migrations.includes(name));
  if (missing !== undefined || JSON.stringify(header.tables) !== JSON.stringify(tables)) {
    throw new OperatorError(
      `the backup was made by an older Jeton, before ${missing ?? "a change of the schema"}: ` +
        "restore it with that version, and let this one migrate it",
    );
  }
}

async function refuseFull(client: SessionClient, tables: readonly Table[]): Promise<void> {
  for (const { name } of tables.filter((table) => table.name !== INSTALLATION)) {
    const { rows } = await client.query(`SELECT 1 FROM "${name}" LIMIT 1`);
    if (rows.length === 0) continue;
    throw new OperatorError(`the database is not empty (${name}): --replace deletes what is in it`);
  }
}

async function writeRows(
  client: SessionClient,
  tables: readonly Table[],
  lines: AsyncIterable<string>,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const batch: { table: string; rows: string[]; characters: number } = { table: "", rows: [], characters: 0 };
  const flush = async () => {
    if (batch.rows.length > 0) await insert(client, batch.table, batch.rows);
    batch.rows = [];
    batch.characters = 0;
  };
  for await (const line of lines) {
    const value: unknown = JSON.parse(line);
    if (typeof value === "string") {
      batch.rows.push(value);
      batch.characters += value.length;
      counts[batch.table]! += 1;
      if (batch.rows.length === BATCH.rows || batch.characters > BATCH.characters) await flush();
    } else {
      await flush();
      const { table } = value as { table: string };
      if (!tables.some(({ name }) => name === table)) throw new OperatorError(`the backup has no such table: ${table}`);
      batch.table = table;
      counts[table] = 0;
    }
  }
  await flush();
  return counts;
}

/** Numbers that the database gives to new rows continue after those of the restored ones. */
async function continueSequences(client: SessionClient): Promise<void> {
  const { rows } = await client.query<{ table: string; column: string }>(
    `SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
     WHERE table_schema = 'public' AND is_identity = 'YES'`,
  );
  for (const { table, column } of rows) {
    const next = `(SELECT coalesce(max("${column}"), 0) + 1 FROM "${table}")`;
    await client.query(`SELECT setval(pg_get_serial_sequence('"${table}"', '${column}'), ${next}, false)`);
  }
}

/** OFFSET 0 makes the planner parse each row once, not once for each column. */
async function insert(client: SessionClient, table: string, rows: readonly string[]): Promise<void> {
  const text = `
    INSERT INTO "${table}"
    SELECT (s.row).* FROM (SELECT line::"${table}" AS row FROM unnest($1::text[]) AS line OFFSET 0) s`;
  await client.query({ name: `restore_${table}`, text, values: [rows] });
}
