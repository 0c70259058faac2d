import { asActor, type Caller } from "../store/audit-actor.js";
import { findEntry } from "../store/audit-read.js";
import { cutEntries, cutOf, eraseSome } from "../store/audit-remove.js";
import { allTrees, type AuditTree } from "../store/audit-trees.js";
import type { Transaction } from "../store/open.js";
import { checkpointText } from "./checkpoint.js";
import { tileReader } from "./export.js";
import { LogFault } from "./fault.js";
import { isSignature, readNoteKey, writeNote } from "./note.js";
import type { AuditWriter } from "./writer.js";
import { hashOfRange, TILE_WIDTH, unlessMissing } from "./tiles.js";

/**
 * Erases the contents of all records of a person. Their commitments stay, so the log stays whole. A record says which were erased,
 * and by whom.
 * @returns the number of erased records; undefined if the database was restored, and is not accepted yet
 */
export function erase(writer: AuditWriter, sub: string, caller: Caller): Promise<number | undefined> {
  return writer.alone(async (tx) => {
    await asActor(tx, caller);
    let erased = 0;
    for (let some = -1; some !== 0; erased += some) some = await eraseSome(tx, sub);
    return erased;
  });
}

/**
 * Deletes records that are older, at the beginning of the log. It is cut at a checkpoint, which is kept, so that the rest can be
 * verified. A record says up to where it was cut.
 * @param kept seconds
 */
export async function cut(writer: AuditWriter, kept: number, now: Date | null): Promise<void> {
  await writer.alone(async (tx) => {
    const trees = await allTrees(tx);
    for (const tree of trees) await cutTree(tx, tree, { kept, now, isLast: tree === trees.at(-1) });
  });
}

/** A tree that still grows keeps its last tile, which the next records are added to. */
async function cutTree(
  tx: Transaction,
  { tree, first, size, public_key }: AuditTree,
  { kept, now, isLast }: { readonly kept: number; readonly now: Date | null; readonly isLast: boolean },
): Promise<void> {
  const end = isLast ? Math.floor(size / TILE_WIDTH) * TILE_WIDTH : size;
  const to = first < end ? await cutOf(tx, { tree, first, end }, { bundle: TILE_WIDTH, kept, now }) : undefined;
  if (to === undefined) return;
  const key = readNoteKey(public_key);
  const last = await findEntry(tx, { tree, index: to - 1 });
  const root = await unlessMissing(hashOfRange(tileReader(tx, tree), 0, to));
  const text = key && root && checkpointText({ origin: key.name, size: to, root });
  if (text === undefined || last === undefined || !isSignature(key!, text, last.signature)) {
    throw new LogFault(`log ${tree} cannot be cut at ${to}: it is not as it was appended`);
  }
  await cutEntries(tx, { tree, first: to }, writeNote(key!, text, last.signature), TILE_WIDTH);
}
