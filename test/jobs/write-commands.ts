import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withCommandTable } from "../support/command-table.js";
import { ROOT } from "../support/root.js";

/** Writes the table of commands into docs/administration.md (`npm run commands`). */
const path = join(ROOT, "docs", "administration.md");
await writeFile(path, withCommandTable(await readFile(path, "utf8")));
