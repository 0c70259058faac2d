import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The repository. Tests run compiled, from a folder below it, and read what they compare with from here. */
export const ROOT = findRoot(import.meta.dirname);

function findRoot(folder: string): string {
  return existsSync(join(folder, "package-lock.json")) ? folder : findRoot(dirname(folder));
}
