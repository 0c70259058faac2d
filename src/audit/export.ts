import { readTiles } from "../store/audit-append.js";
import { entriesFrom, type StoredEntry } from "../store/audit-read.js";
import { allTrees, type AuditTree } from "../store/audit-trees.js";
import type { Db, Transaction } from "../store/open.js";
import type { EntryLine, HeadLine, Line } from "./lines.js";
import { hashOfRange, subtreesOf, unlessMissing, type ReadTile } from "./tiles.js";

/** The lines of the log of a database (lines.ts). */

/** Entries per statement. */
const PAGE = 500;

/** Reads the tiles of a tree. The last one stays in memory, because neighbours are read one after the other. */
export function tileReader(where: Db | Transaction, tree: number): ReadTile {
  const known = new Map<string, Uint8Array>();
  return async (level, index) => {
    const name = `${level}/${index}`;
    const hashes = known.get(name) ?? (await readTiles(where, tree, [{ level, index }]))[0]?.hashes;
    if (hashes === undefined) return new Uint8Array();
    known.clear();
    known.set(name, hashes);
    return hashes;
  };
}

/**
 * The whole log.
 * @param tx sees the database as it is at one moment
 * @param see called with each stored entry
 */
export async function* exportLines(
  tx: Transaction,
  see: (entry: StoredEntry) => void = () => {},
): AsyncGenerator<Line> {
  for (const tree of await allTrees(tx)) {
    yield await headOf(tx, tree);
    yield* entryLines(tx, tree, see);
    yield { size: tree.size, checkpoint: tree.checkpoint };
  }
}

async function headOf(db: Transaction, { tree, public_key, first, cut }: AuditTree): Promise<HeadLine> {
  const read = tileReader(db, tree);
  const subtrees: string[] = [];
  for (const [from, to] of subtreesOf(first)) {
    const hash = await unlessMissing(hashOfRange(read, from, to));
    subtrees.push(Buffer.from(hash ?? []).toString("base64"));
  }
  return { jeton_audit: 1, tree, public_key, first, cut, subtrees };
}

async function* entryLines(
  tx: Transaction,
  { tree }: AuditTree,
  see: (entry: StoredEntry) => void,
): AsyncGenerator<EntryLine> {
  for (let index = 0; ;) {
    const page = await entriesFrom(tx, { tree, index }, PAGE);
    for (const entry of page) {
      see(entry);
      yield lineOf(entry);
    }
    index = (page.at(-1)?.index ?? 0) + 1;
    if (page.length < PAGE) return;
  }
}

function lineOf({ index, salt, record, commitment, signature }: StoredEntry): EntryLine {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const content =
    salt === null || record === null ? { commitment: base64(commitment) } : { salt: base64(salt), record };
  return { index, ...content, signature: base64(signature) };
}
