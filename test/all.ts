/**
 * Every test file, each in a process of its own: what `npm test` runs. tap could start them by itself, but then each process
 * carries the loader that tap needs for coverage, and that costs more than most files do. `npm run coverage` keeps it.
 */
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import t from "tap";
import { ROOT } from "./support/root.js";

const FOLDER = join(ROOT, "build", "js", "test");

/** Files that take long begin first, so that the last minute of a run is shared by both cores. */
const LONG = [
  "store/embedded",
  "process/survive",
  "process/start",
  "docs/pasted",
  "pages/browser",
  "admin/cli",
  "clients/assertions",
  "grants/refresh-token",
  "accounts/guessing",
  "store/database-session",
];

/** Milliseconds that one file may take. */
const TIMEOUT = 600_000;

/** By env(1), because tap puts its loader into the NODE_OPTIONS of this process and of every child. */
const withoutLoader = ["-u", "NODE_OPTIONS"];
const env = { ...process.env, JETON_TEST_RUNNER: String(process.ppid), TAP_TIMEOUT: String(TIMEOUT / 1000) };

t.jobs = 4;
const names = (await readdir(FOLDER, { recursive: true })).filter((name) => name.endsWith(".test.js"));
const rank = (name: string) => (LONG.indexOf(name.slice(0, -".test.js".length)) + LONG.length + 1) % (LONG.length + 1);
for (const name of names.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))) {
  const file = join(FOLDER, name);
  const args = [...withoutLoader, process.execPath, "--enable-source-maps", file];
  void t.spawn("env", args, { name: relative(ROOT, file), cwd: ROOT, env, buffered: true, timeout: TIMEOUT });
}
