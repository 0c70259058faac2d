import { tmpdir } from "node:os";
import { join } from "node:path";

/** Folders of runs begin so; the number is the runner's process id, which all its test processes have as their parent. */
export const RUN_FOLDERS = join(tmpdir(), "jeton-test-");

/** One PostgreSQL for the whole run: where it lives, and the database every test file gets a copy of. */
export const DATA_DIR = `${RUN_FOLDERS}${process.ppid}`;
export const TEMPLATE = "jeton_template";

/** Secrets of the test deployment; every instance of it has the same master key. */
export const MASTER_KEY = Buffer.alloc(32, 7).toString("base64url");
