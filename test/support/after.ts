// Runs once after all tests.
import { gatherStatements } from "./recording.js";
import { DATA_DIR } from "./run.js";
import { stopPostgres } from "./stop-postgres.js";

await gatherStatements();
await stopPostgres(DATA_DIR);
process.exit(0);
