/**
 * One of the processes of a run (test/all.ts). It takes the first test file of the list that no other process took, until none
 * is left. Each file is a test of its own, and its teardowns run when the file ends.
 */
import async_hooks from "node:async_hooks";
import { mkdirSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { Test } from "tap";
import { ROOT } from "./root.js";
import { DATA_DIR } from "./run.js";

/** Where a process takes a test file: it creates a file of that name, which succeeds once. */
const TAKEN = join(DATA_DIR, "taken");

// tap follows every promise by an async hook, to find the test that a stray error belongs to. The hook takes a fifth of a run's
// CPU time. Without it, tap reports a stray error beside the tests, and the run fails all the same.
const hook = { enable: () => hook, disable: () => hook };
async_hooks.createHook = () => hook;
syncBuiltinESMExports();
// tap reads the arguments of the process as names of folders, and these are too long for one.
const files = process.argv.splice(2);
const { default: tap } = await import("tap");

const testOfAll = tap.test.bind(tap);
mkdirSync(TAKEN, { recursive: true });
for (const file of files) {
  const name = relative(ROOT, file);
  if (!take(name)) continue;
  await testOfAll(name, async (t) => {
    receive(t);
    await import(pathToFileURL(file).href);
  });
}

/** Whether this process is the first one that asks for the file. */
function take(name: string): boolean {
  try {
    writeFileSync(join(TAKEN, name.replaceAll("/", " ")), "", { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Sends what a file does with tap's own test to the test of the file. */
function receive(t: Test): void {
  tap.test = t.test.bind(t) as typeof tap.test;
  tap.teardown = t.teardown.bind(t);
}
