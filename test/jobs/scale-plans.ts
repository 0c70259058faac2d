import type pg from "pg";

/** A table with more rows than this is read by an index. */
const LARGE = 5_000;

/** Statements that read a whole table on purpose, each with its reason. */
const EXCEPTIONS: readonly (readonly [RegExp, string])[] = [
  [/^DECLARE walk/, "the cursor that marks ended grants, read 500 rows at a time"],
  [/FROM scopes ORDER BY name$/, "the scopes, which each instance remembers"],
  [/count\(\*\).*"public"\."uma_(resources|policies)"/is, "the number of results that a search has to tell"],
];

interface Plan {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly Plans?: readonly Plan[];
}

/** One line for each statement whose plan reads a whole large table, where the planner does not know its parameters. */
export async function plansThatGrow(client: pg.Client, texts: readonly string[]): Promise<readonly string[]> {
  const { rows } = await client.query<{ relname: string }>(
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > $1",
    [LARGE],
  );
  const large = new Set(rows.map(({ relname }) => relname));
  const grown: string[] = [];
  let planned = 0;
  for (const text of texts.filter((one) => /^\s*(WITH|SELECT|INSERT|UPDATE|DELETE)\b/i.test(one))) {
    if (EXCEPTIONS.some(([pattern]) => pattern.test(text))) continue;
    const plan = await planOf(client, text);
    if (plan === undefined) continue;
    planned += 1;
    const read = scannedTables(plan).filter((table) => large.has(table));
    if (read.length > 0) grown.push(`${read.join(", ")} is read whole by ${text.replace(/\s+/g, " ").slice(0, 160)}`);
  }
  console.log(`${planned} statements planned, ${grown.length} read a large table whole`);
  return grown;
}

async function planOf(client: pg.Client, text: string): Promise<Plan | undefined> {
  try {
    const { rows } = await client.query(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`);
    return rows[0]["QUERY PLAN"][0].Plan as Plan;
  } catch (error) {
    // A few depend on the types of their parameters, which only a call tells.
    console.log(`not planned (${(error as Error).message}): ${text.replace(/\s+/g, " ").slice(0, 100)}`);
    return undefined;
  }
}

function scannedTables(plan: Plan): readonly string[] {
  const own = plan["Node Type"] === "Seq Scan" ? [plan["Relation Name"] ?? ""] : [];
  return [...own, ...(plan.Plans ?? []).flatMap(scannedTables)];
}
