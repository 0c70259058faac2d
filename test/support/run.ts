import { join } from "node:path";

/** One PostgreSQL for the whole run: where it lives, and the database every test file gets a copy of. */
export const DATA_DIR = join(import.meta.dirname, "..", "..", "node_modules", ".jeton-test");
export const TEMPLATE = "jeton_template";
