// Prints the SQL that leads from one schema file to another: the first draft of the next migration.
//   npm run build && DATABASE_URL=postgres://… node prisma/diff.mjs OLD_SCHEMA|empty [NEW_SCHEMA]
import { readFile } from "node:fs/promises";
import pg from "pg";
import { openSchemaEngine } from "../dist/store/schema-engine.js";

const [from = "empty", to = "prisma/schema.prisma"] = process.argv.slice(2);
const side = async (path) =>
  path === "empty"
    ? { tag: "empty" }
    : { tag: "schemaDatamodel", files: [{ path, content: await readFile(path, "utf8") }] };

// The engine wants a database it could talk to even where it only compares two files.
const engine = await openSchemaEngine(new pg.Pool({ connectionString: process.env.DATABASE_URL }));
const { stdout } = await engine.diff({
  from: await side(from),
  to: await side(to),
  script: true,
  shadowDatabaseUrl: null,
  exitCode: null,
  filters: { externalTables: [], externalEnums: [] },
});
console.log(stdout);
process.exit(0);
