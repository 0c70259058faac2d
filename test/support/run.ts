import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where Linux keeps files in memory, and how many bytes of it have to be free to put a whole run there. */
const MEMORY = "/dev/shm";
const ENOUGH = 4 * 2 ** 30;

/** Nothing of a run outlives it, so where there is memory to spare no disk is waited for. */
function fastestFolder(): string {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= ENOUGH ? MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** The process id of the runner: the parent of a test process, or what test/all.ts tells its own. */
const RUNNER = process.env.JETON_TEST_RUNNER ?? String(process.ppid);

/** Folders of runs begin so, and end with the runner's process id. */
export const RUN_FOLDERS = join(fastestFolder(), "jeton-test-");

/** One PostgreSQL for the whole run: where it lives, and the database every test file gets a copy of. */
export const DATA_DIR = `${RUN_FOLDERS}${RUNNER}`;
export const TEMPLATE = "jeton_template";

/** What a password hash costs in a test: the same argon2id, as cheap as it can be. */
export const HASHING = { memoryCost: 1_024, timeCost: 2 };

/** Secrets of the test deployment; every instance of it has the same master key. */
export const MASTER_KEY = Buffer.alloc(32, 7).toString("base64url");

/**
 * V8's flags for every process of a run. Prisma's query compiler is WebAssembly, and optimizing it takes half a second that no
 * process lives long enough to get back.
 */
export const NODE_FLAGS = ["--liftoff-only"];

/** The same for a server or a command in a process of its own: it ends before optimized code could repay what it costs to make. */
export const SHORT_LIVED = [...NODE_FLAGS, "--no-opt"];
