import type pg from "pg";

/** The tables that a backup contains. */
export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
}

/** Prisma's record of the migrations. A restore needs a migrated database, which has its own. */
const MIGRATIONS = "_prisma_migrations";

/** Whose rows decide about those of others, or begin a new era; a restore writes it last. */
export const INSTALLATION = "installation";

/** Every table with its columns, each after the tables that it refers to. */
export async function readTables(client: pg.ClientBase): Promise<readonly Table[]> {
  const { rows } = await client.query<{ name: string; columns: string[]; needs: string[] }>(
    `SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns,
            ARRAY(SELECT DISTINCT f.confrelid::regclass::text FROM pg_constraint f
                  WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid) AS needs
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> $1
     GROUP BY c.oid, c.relname ORDER BY c.relname = $2, c.relname`,
    [MIGRATIONS, INSTALLATION],
  );
  const sorted: typeof rows = [];
  while (sorted.length < rows.length) {
    const done = (name: string) => sorted.some((row) => row.name === name);
    const next = rows.find((row) => !done(row.name) && row.needs.every(done));
    if (next === undefined) throw new Error("the tables refer to each other in a circle");
    sorted.push(next);
  }
  return sorted.map(({ name, columns }) => ({ name, columns }));
}

/** The names of the applied migrations. */
export async function readMigrationNames(client: pg.ClientBase): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT migration_name AS name FROM ${MIGRATIONS} WHERE rolled_back_at IS NULL ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}
