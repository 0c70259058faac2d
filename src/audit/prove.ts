import { OperatorError } from "../errors/operator-error.js";
import type { StoredEntry } from "../store/audit-read.js";
import { allTrees } from "../store/audit-trees.js";
import { atOneMoment, type Db } from "../store/open.js";
import { tileReader } from "./export.js";
import { LogFault } from "./fault.js";
import { writeProof } from "./proof.js";
import { recordId } from "./record.js";
import { inclusionProof, unlessMissing } from "./tiles.js";

/** The proof of one record, under the last checkpoint of its tree. @throws OperatorError if it was erased; LogFault */
export function proofOf(db: Db, { tree, index, record, salt }: StoredEntry): Promise<string> {
  const id = recordId(tree, index);
  if (record === null || salt === null) throw new OperatorError(`record ${id} was erased`);
  return atOneMoment(db, async (tx) => {
    const { size = 0, checkpoint = null } = (await allTrees(tx)).find((one) => one.tree === tree) ?? {};
    const hashes = index < size ? await unlessMissing(inclusionProof(tileReader(tx, tree), index, size)) : undefined;
    if (hashes === undefined || checkpoint === null) throw new LogFault(`the log has no proof of record ${id}`);
    return writeProof({ index, hashes, checkpoint, entry: { salt, record } });
  });
}
