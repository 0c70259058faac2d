// Runs once after all tests.
import { DATA_DIR } from "./run.js";
import { stopPostgres } from "./stop-postgres.js";

await stopPostgres(DATA_DIR);
process.exit(0);
