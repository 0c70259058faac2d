import { originOf, openCheckpoint, type Checkpoint } from "./checkpoint.js";
import { LogFault } from "./fault.js";
import type { EndLine, EntryLine, HeadLine, Line } from "./lines.js";
import type { NoteKey } from "./note.js";
import { LOG, readRecord, recordId, type AuditRecord } from "./record.js";
import { TreeVerifier } from "./verify-tree.js";

/** What to verify a log by. */
export interface Trust {
  /** The public key. Without it the log is only compared with the key that it names itself. */
  readonly key?: NoteKey | undefined;
  /** A checkpoint that was kept outside, as a signed note. */
  readonly checkpoint?: string | undefined;
}

/** Compares the hash of each leaf, in order, with what else is stored of it. */
type SeeLeaf = (tree: number, leaf: Uint8Array) => Promise<void>;

/** A log that is whole. */
export interface Verified {
  readonly origin: string;
  readonly public_key: string;
  readonly records: number;
  /** Records whose content was erased. */
  readonly erased: number;
  /** Records that were cut, at the beginning. */
  readonly cut: number;
  readonly checkpoint: string | null;
}

/**
 * Verifies a log by its lines.
 * @param lines undefined for a text that is no line
 * @returns each tree, the last one is in use
 * @throws LogFault naming the first record that is not as it was appended, or saying what is missing
 */
export async function verifyLog(
  lines: AsyncIterable<Line | undefined>,
  trust: Trust = {},
  seeLeaf?: SeeLeaf,
): Promise<readonly Verified[]> {
  const verifier = new LogVerifier(trust);
  for await (const line of lines) {
    const leaf = verifier.take(line);
    if (leaf !== undefined) await seeLeaf?.(verifier.tree, leaf);
  }
  return verifier.finish();
}

class LogVerifier {
  #lines = 0;
  readonly #trust: Trust;
  readonly #done: Verified[] = [];
  #tree: TreeVerifier | undefined;
  #known: Checkpoint | undefined;
  #hasFoundKnown = false;
  readonly #seen = { records: 0, erased: 0 };
  /** Records without content, and those that a later record says were erased. */
  readonly #erased = new Set<string>();
  /** The first record that is kept, by tree, and what records say of it. */
  readonly #cuts = new Map<string, { readonly first: number; isRecorded: boolean }>();

  constructor(trust: Trust) {
    this.#trust = trust;
  }

  /** The number of the tree that is read. */
  get tree(): number {
    return this.#tree?.tree ?? 0;
  }

  /** Takes the next line. @returns the hash of the leaf, if it is a record @throws LogFault */
  take(line: Line | undefined): Uint8Array | undefined {
    this.#lines += 1;
    if (line === undefined) throw new LogFault(`line ${this.#lines} is none of an audit log`);
    if ("jeton_audit" in line) return this.#begin(line);
    if (this.#tree === undefined) throw new LogFault(`line ${this.#lines} belongs to no tree`);
    if ("index" in line) return this.#takeEntry(this.#tree, line);
    return this.#end(this.#tree, line);
  }

  #end(tree: TreeVerifier, line: EndLine): undefined {
    tree.end(line);
    this.#compare(tree, true);
    const { name: origin, text: public_key } = tree.key;
    const { checkpoint } = line;
    this.#done.push({ origin, public_key, ...this.#seen, cut: tree.first, checkpoint });
    this.#tree = undefined;
  }

  finish(): Verified[] {
    if (this.#tree !== undefined) throw new LogFault("the log is cut off: its end is missing");
    if (this.#done.length === 0) throw new LogFault("there is no audit log");
    const [erased] = this.#erased;
    if (erased !== undefined)
      throw new LogFault(`record ${erased} is not as it was appended: no record says that it was erased`);
    for (const [tree, { first, isRecorded }] of this.#cuts) {
      if (!isRecorded)
        throw new LogFault(`records before ${tree}-${first} are missing: no record says that they were cut`);
    }
    if (this.#trust.checkpoint !== undefined && !this.#hasFoundKnown) {
      throw new LogFault(`the log ${originOf(this.#trust.checkpoint)} of the known checkpoint is missing`);
    }
    return this.#done;
  }

  #begin(head: HeadLine): undefined {
    if (this.#tree !== undefined) throw new LogFault(`line ${this.#lines} begins a tree before the end of another`);
    this.#tree = new TreeVerifier(head, this.#trust.key);
    this.#seen.records = this.#seen.erased = 0;
    if (head.first > 0) this.#cuts.set(String(head.tree), { first: head.first, isRecorded: false });
    this.#known = this.#openKnown(this.#tree.key);
    this.#compare(this.#tree, false);
  }

  #openKnown(key: NoteKey): Checkpoint | undefined {
    const { checkpoint } = this.#trust;
    if (checkpoint === undefined || originOf(checkpoint) !== key.name) return undefined;
    const opened = openCheckpoint(checkpoint, key);
    if (opened === undefined) throw new LogFault("the known checkpoint is not signed by this key");
    return opened;
  }

  #takeEntry(tree: TreeVerifier, line: EntryLine): Uint8Array {
    const leaf = tree.take(line);
    this.#seen.records += 1;
    if (line.record === undefined) {
      this.#seen.erased += 1;
      this.#erased.add(recordId(tree.tree, line.index));
    } else this.#read(tree, line);
    this.#compare(tree, false);
    return leaf;
  }

  /** Takes from a record what it says about the log itself. */
  #read(tree: TreeVerifier, { record: text, index }: EntryLine): void {
    const record = readRecord(text!);
    if (record?.table !== LOG || record.tree !== tree.tree || record.index !== index) return;
    const { after = {} } = record;
    if (record.what === "erased" && Array.isArray(after.ids))
      for (const id of after.ids) this.#erased.delete(String(id));
    if (record.what === "cut") this.#readCut(after);
    if (record.what === "begun") this.#readBeginning(record);
  }

  #readCut({ tree, first }: Readonly<Record<string, unknown>>): void {
    const cut = this.#cuts.get(String(tree));
    if (cut?.first === first) cut!.isRecorded = true;
  }

  /** A tree names the last checkpoint of the one before it, which must not have become shorter since. */
  #readBeginning({ tree, after = {} }: AuditRecord): void {
    const before = this.#done.at(-1);
    const { previous } = after;
    if (typeof previous !== "string" || tree === 1) return;
    if (before?.checkpoint === previous) return;
    throw new LogFault(`the log ${originOf(previous)} is not whole: log ${tree} began after another checkpoint of it`);
  }

  /** Compares a tree with the known checkpoint, once it has its size. */
  #compare(tree: TreeVerifier, isEnd: boolean): void {
    const known = this.#known;
    if (known === undefined) return;
    if (known.size === tree.size) {
      tree.compare(known);
      this.#hasFoundKnown = true;
      this.#known = undefined;
    } else if (known.size < tree.first) {
      // Its records were cut. Nothing is left to compare it with.
      this.#hasFoundKnown = true;
    } else if (isEnd) {
      throw new LogFault(
        `records from ${tree.tree}-${tree.size} on are missing: the known checkpoint has ${known.size}`,
      );
    }
  }
}
