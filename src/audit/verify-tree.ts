import { checkpointText, openCheckpoint, type Checkpoint } from "./checkpoint.js";
import { commitmentTo } from "./entry.js";
import { LogFault } from "./fault.js";
import type { EndLine, EntryLine, HeadLine } from "./lines.js";
import { Edge, leafHash } from "./merkle.js";
import { isSignature, noteKey, readNoteKey, type NoteKey } from "./note.js";
import { readRecord } from "./record.js";

/** Records whose signatures are checked by that of the last one. If it is false, the first false one is searched for. */
const STRIDE = 256;

/** A record that waits for the check of its signature. */
interface Unchecked {
  readonly line: EntryLine;
  readonly leaf: Uint8Array;
}

/**
 * Verifies one tree, record by record. Each record has a signature over the checkpoint that ends with it. It is genuine only if
 * this record and all before it are as they were appended. So the first false signature is at the first record that is not.
 */
export class TreeVerifier {
  readonly key: NoteKey;
  readonly tree: number;
  readonly first: number;
  #edge: Edge;
  /** The edge before the records that wait. */
  #checked: Edge;
  #unchecked: Unchecked[] = [];

  /**
   * @param given the public key, whose name may be that of another tree; by default the key that the log names
   * @throws LogFault
   */
  constructor(head: HeadLine, given: NoteKey | undefined) {
    const named = readNoteKey(head.public_key);
    if (named === undefined) throw new LogFault(`tree ${head.tree} has no readable public key`);
    this.key = given === undefined ? named : noteKey(named.name, given.bytes);
    this.tree = head.tree;
    this.first = head.first;
    if (this.key.text !== named.text) throw this.#fault(`another key signed it: ${named.text}`);
    this.#edge = this.#edgeOf(head);
    this.#checked = this.#edge.copy();
  }

  get size(): number {
    return this.#edge.size;
  }

  get root(): Buffer {
    return this.#edge.root;
  }

  /** Takes the next record. @returns the hash of its leaf @throws LogFault */
  take(line: EntryLine): Uint8Array {
    const { size } = this.#edge;
    if (line.index > size) throw this.#misplaced(size, "it was removed");
    if (line.index < size) throw this.#misplaced(line.index, "its number is there twice");
    const leaf = leafHash(entryOf(line));
    this.#edge.push(leaf);
    this.#unchecked.push({ line, leaf });
    if (this.#unchecked.length === STRIDE) this.checkSignatures();
    return leaf;
  }

  /** Checks the signatures of the records so far. @throws LogFault */
  checkSignatures(): void {
    const { line } = this.#unchecked.at(-1) ?? {};
    if (line !== undefined && !this.#isGenuine(line, this.#edge)) throw this.#firstFalse();
    this.#unchecked = [];
    this.#checked = this.#edge.copy();
  }

  /** Checks the end of the tree. @throws LogFault */
  end({ size, checkpoint }: EndLine): void {
    this.checkSignatures();
    const opened = checkpoint === null ? undefined : openCheckpoint(checkpoint, this.key);
    if (size > this.size) throw this.#misplaced(this.size, "it was removed, with all records after it");
    if (size < this.size) throw this.#misplaced(size, "the log ends before it");
    if (size === 0 && checkpoint === null) return;
    if (opened === undefined) throw this.#fault("its last checkpoint was altered");
    if (opened.size !== size || !this.root.equals(opened.root)) {
      throw this.#fault(`its last checkpoint is of ${opened.size} records, and not of these ${size}`);
    }
  }

  /** Compares the tree with a checkpoint of the size that it has reached. @throws LogFault */
  compare({ size, root }: Checkpoint): void {
    this.checkSignatures();
    if (this.root.equals(root)) return;
    throw this.#fault(
      `it differs from a known checkpoint: records before ${this.tree}-${size} were replaced by others`,
    );
  }

  #edgeOf({ first, cut, subtrees }: HeadLine): Edge {
    if (first === 0) return new Edge();
    const opened = cut === null ? undefined : openCheckpoint(cut, this.key);
    const bytes = subtrees.map((one) => Buffer.from(one, "base64"));
    const edge = Edge.open(first, bytes);
    if (opened?.size !== first || !edge?.root.equals(opened.root)) {
      throw this.#fault(`records before ${this.tree}-${first} are missing, and no checkpoint fits the cut`);
    }
    return edge;
  }

  #isGenuine({ signature }: EntryLine, { size, root }: Edge): boolean {
    const text = checkpointText({ origin: this.key.name, size, root });
    return isSignature(this.key, text, Buffer.from(signature, "base64"));
  }

  /** The first record with a false signature. All after it have false ones too, so half of them are ruled out at a time. */
  #firstFalse(): LogFault {
    let [low, high] = [0, this.#unchecked.length - 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#isGenuineAt(middle)) low = middle + 1;
      else high = middle;
    }
    return this.#explain(low);
  }

  #isGenuineAt(place: number): boolean {
    const edge = this.#checked.copy();
    for (const { leaf } of this.#unchecked.slice(0, place + 1)) edge.push(leaf);
    return this.#isGenuine(this.#unchecked[place]!.line, edge);
  }

  /** What became of a record, by the numbers that it and its neighbour say they have. */
  #explain(place: number): LogFault {
    const { index } = this.#unchecked[place]!.line;
    const claimed = this.#claim(place);
    if (claimed !== undefined && claimed !== index) {
      return this.#misplaced(index, `record ${this.tree}-${claimed} is in its place`);
    }
    const isPushedOn = this.#claim(place + 1) === index;
    return this.#misplaced(index, isPushedOn ? "another record was inserted before it" : "it was altered");
  }

  #claim(place: number): number | undefined {
    const record = this.#unchecked[place]?.line.record;
    return record === undefined ? undefined : readRecord(record)?.index;
  }

  #misplaced(index: number, what: string): LogFault {
    return new LogFault(`record ${this.tree}-${index} is not as it was appended: ${what}`);
  }

  #fault(what: string): LogFault {
    return new LogFault(`the log ${this.key.name} is not whole: ${what}`);
  }
}

function entryOf({ record, salt, commitment }: EntryLine): Uint8Array {
  if (record !== undefined && salt !== undefined) return commitmentTo({ record, salt: Buffer.from(salt, "base64") });
  return Buffer.from(commitment ?? "", "base64");
}
