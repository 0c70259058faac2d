/**
 * Runs several test files in this process, one after another: loading the server takes longer than most files do. Each is a
 * test of its own, whose teardowns run when it ends.
 */
import { relative } from "node:path";
import { pathToFileURL } from "node:url";
import type { Test } from "tap";
import { ROOT } from "./root.js";

// tap makes names of folders of a process's arguments, and these are too long for one.
const files = process.argv.splice(2);
const { default: tap } = await import("tap");

const testOfAll = tap.test.bind(tap);
for (const file of files) {
  await testOfAll(relative(ROOT, file), async (t) => {
    receive(t);
    await import(pathToFileURL(file).href);
  });
}

/** What a file does with tap's own test happens to this one. */
function receive(t: Test): void {
  tap.test = t.test.bind(t) as typeof tap.test;
  tap.teardown = t.teardown.bind(t);
}
