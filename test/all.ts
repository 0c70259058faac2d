/**
 * Every test file: what `npm test` runs. Loading the server takes longer than most files do. Therefore a few processes share
 * the files: each takes the next one from the same list (support/together.ts). tap could start every file by itself, but each
 * process would then carry the loader that tap needs for coverage. `npm run coverage` keeps it.
 */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { ROOT } from "./support/root.js";
import { NODE_FLAGS } from "./support/run.js";

const COMPILED = join(ROOT, "build", "js", "test");

/** The files that take longest begin first, so that every processor has work until the end. */
const LONGEST = [
  "process/start",
  "embedded/postgres",
  "pages/browser",
  "docs/pasted",
  "process/survive",
  "process/backup",
  "store/half-open",
  "store/listen",
  "grants/refresh-cut-off",
  "admin/cli",
  "store/database-session",
  "process/hangup",
  "process/backup-memory",
  "store/large-tables",
  "provisioning/apply",
  "clients/certificates",
  "grants/refresh-token",
];

/** Processes at a time. Most tests wait now and then, so two processors have work for four. */
const PROCESSES = 4;

/** Milliseconds that one process may take. */
const TIMEOUT = 1_500_000;

/** By env(1), because tap puts its loader into the NODE_OPTIONS of this process and of every child. */
const command = ["-u", "NODE_OPTIONS", process.execPath, ...NODE_FLAGS, "--enable-source-maps"];
const env = { ...process.env, JETON_TEST_RUNNER: String(process.ppid), TAP_TIMEOUT: String(TIMEOUT / 1000) };

/** The compiler leaves the output of a file that was deleted or renamed. */
const hasSource = (name: string) => existsSync(join(ROOT, "test", `${name}.ts`));

const compiled = (await readdir(COMPILED, { recursive: true })).filter((name) => name.endsWith(".test.js")).sort();
const names = compiled.map((name) => name.slice(0, -".js".length)).filter(hasSource);
const unknown = LONGEST.filter((name) => !names.includes(`${name}.test`));
if (unknown.length > 0) throw new Error(`test/all.ts names files that are gone: ${unknown.join(", ")}`);
const rank = (name: string) =>
  (LONGEST.indexOf(name.slice(0, -".test".length)) + LONGEST.length + 1) % (LONGEST.length + 1);
const files = names.toSorted((a, b) => rank(a) - rank(b)).map((name) => join(COMPILED, `${name}.js`));

t.jobs = PROCESSES;
for (let number = 1; number <= PROCESSES; number += 1) {
  void t.spawn("env", [...command, join(COMPILED, "support", "together.js"), ...files], {
    name: `process ${number} of ${PROCESSES}`,
    cwd: ROOT,
    env,
    buffered: true,
    timeout: TIMEOUT,
  });
}
