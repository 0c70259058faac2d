import { renameSync, writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

/**
 * Imported by a server before its program (`node --import`): every 5 s it writes the memory of the process to MEMORY_FILE, as
 * JSON. The system knows the resident memory of another process, and only V8 knows its heap.
 */
if (isMainThread) {
  const file = process.env.MEMORY_FILE!;
  const report = () => {
    // A reader always finds a whole document.
    writeFileSync(`${file}.new`, JSON.stringify(process.memoryUsage()));
    renameSync(`${file}.new`, file);
  };
  report();
  setInterval(report, 5_000).unref();
}
