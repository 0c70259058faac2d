import pg from "pg";

/** Every row of every table, by table, in an order of its own: what two moments are compared by, and secrets sought in. */
export async function everythingIn(url: string): Promise<Record<string, string[]>> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      // Left out: in these two every instance writes, by itself, that it is in service.
      `SELECT table_name AS name FROM information_schema.tables
       WHERE table_schema = 'public' AND table_name NOT IN ('availability', 'outage') ORDER BY 1`,
    );
    const tables: Record<string, string[]> = {};
    for (const { name } of rows) {
      const { rows: lines } = await client.query<{ line: string }>(
        `SELECT to_jsonb(t)::text AS line FROM "${name}" t ORDER BY 1`,
      );
      tables[name] = lines.map(({ line }) => line);
    }
    return tables;
  } finally {
    await client.end();
  }
}

/** The same for a comparison: without the decisions, which a server writes a second after their requests. */
export async function stateIn(url: string): Promise<Record<string, string[]>> {
  return { ...(await everythingIn(url)), decisions: [] };
}
