import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A folder of a whole test file, which is removed at its end. `t.testdir` names such a folder after the process, in which several
 * files run.
 * @param files their contents by name
 */
export function ownFolder(
  t: { teardown(work: () => void): void },
  files: Readonly<Record<string, string | Buffer>> = {},
): string {
  const folder = mkdtempSync(join(tmpdir(), "jeton-test-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}
