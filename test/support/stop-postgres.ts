// Runs once after all tests.
import { rm } from "node:fs/promises";
import { startEmbedded } from "../../src/store/embedded/index.js";
import { DATA_DIR } from "./run.js";

const postgres = await startEmbedded({ dataDir: DATA_DIR, role: "server" });
await postgres.stop();
await rm(DATA_DIR, { recursive: true, force: true });
process.exit(0);
