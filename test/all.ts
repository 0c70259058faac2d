/**
 * Every test file: what `npm test` runs. Loading the server takes longer than most files do, so the files of a folder share a
 * process and run there one after another (support/together.ts). tap could start them by itself, but then each process
 * carries the loader that tap needs for coverage, and that costs more than most files do. `npm run coverage` keeps it.
 */
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import t from "tap";
import { ROOT } from "./support/root.js";
import { NODE_FLAGS } from "./support/run.js";

const FOLDER = join(ROOT, "build", "js", "test");

/** Files that have a process of their own, because most of their work is done by other processes. */
const ALONE = [
  "process/start",
  "process/survive",
  "process/backup",
  "process/backup-memory",
  "process/hangup",
  "docs/pasted",
  "pages/browser",
  "admin/cli",
  "embedded/postgres",
  "store/large-tables",
  "grants/refresh-token",
];

/** Folders with little in them share one process. */
const SMALL = [".", "errors", "faults", "keys", "outbound", "tokens"];

/** What takes long begins first, so that the last minute of a run is shared by both cores. */
const LONG = [
  "process/start",
  "process/survive",
  "clients",
  "store",
  "docs/pasted",
  "pages/browser",
  "process/backup",
  "grants",
  "browser",
  "endpoints",
  "provisioning",
  "accounts",
  "http",
  "admin/cli",
  "grants/refresh-token",
];

/** Milliseconds that one process may take. */
const TIMEOUT = 1_500_000;

/** By env(1), because tap puts its loader into the NODE_OPTIONS of this process and of every child. */
const command = ["-u", "NODE_OPTIONS", process.execPath, ...NODE_FLAGS, "--enable-source-maps"];
const env = { ...process.env, JETON_TEST_RUNNER: String(process.ppid), TAP_TIMEOUT: String(TIMEOUT / 1000) };
const together = join(FOLDER, "support", "together.js");

/** The process that a file runs in, by its name. */
function runOf(name: string): string {
  if (ALONE.includes(name)) return name;
  return SMALL.includes(dirname(name)) ? "small folders" : dirname(name);
}

t.jobs = 4;
const found = (await readdir(FOLDER, { recursive: true })).filter((name) => name.endsWith(".test.js")).sort();
const names = found.map((name) => name.slice(0, -".test.js".length));
const rank = (run: string) => (LONG.indexOf(run) + LONG.length + 1) % (LONG.length + 1);
for (const run of [...new Set(names.map(runOf))].sort((a, b) => rank(a) - rank(b))) {
  const files = names.filter((name) => runOf(name) === run).map((name) => join(FOLDER, `${name}.test.js`));
  void t.spawn("env", [...command, together, ...files], {
    name: run,
    cwd: ROOT,
    env,
    buffered: true,
    timeout: TIMEOUT,
  });
}
