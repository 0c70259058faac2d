import { readFile } from "node:fs/promises";
import { codeOf } from "../errors/error-code.js";
import { OperatorError } from "../errors/operator-error.js";
import { allTrees } from "../store/audit-trees.js";
import type { Db } from "../store/open.js";
import { openCheckpoint, originOf } from "./checkpoint.js";
import { tileReader } from "./export.js";
import { LogFault } from "./fault.js";
import { readNoteKey } from "./note.js";
import { hashOfRange, unlessMissing } from "./tiles.js";

/**
 * Compares the log with the checkpoint in a file of this machine. A copy of the database from before must not get a second history.
 * @throws LogFault if the log is older, or differs; OperatorError if the file cannot be read
 */
export async function compareWithFile(db: Db, file: string): Promise<void> {
  const note = await readFile(file, "utf8").catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new OperatorError(`${file} cannot be read (${codeOf(error)})`);
  });
  if (note !== undefined) await refuseOlder(db, file, note);
}

async function refuseOlder(db: Db, file: string, note: string): Promise<void> {
  for (const { tree, size, public_key } of await allTrees(db)) {
    const key = readNoteKey(public_key);
    if (key?.name !== originOf(note)) continue;
    const known = openCheckpoint(note, key);
    const root = known && known.size <= size && (await unlessMissing(hashOfRange(tileReader(db, tree), 0, known.size)));
    if (root && Buffer.from(root).equals(known.root)) return;
    throw new LogFault(
      `the audit log is older than the checkpoint in ${file}, or differs from it: jeton audit verify tells more`,
    );
  }
  throw new LogFault(`the checkpoint in ${file} is of another log, or of a later one: ${originOf(note)}`);
}
