import { hash } from "node:crypto";

/** The hashes of a Merkle tree (RFC 6962 section 2.1). Sizes and indexes are integers below 2^53. */

/** Bytes of a hash. */
export const HASH_BYTES = 32;

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

function sha256(...parts: readonly Uint8Array[]): Buffer {
  return hash("sha256", Buffer.concat(parts), "buffer");
}

/** The hash of an entry as a leaf. */
export function leafHash(entry: Uint8Array): Buffer {
  return sha256(LEAF, entry);
}

/** The hash of a node with two children. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return sha256(NODE, left, right);
}

/** The root of a tree without leaves. */
const EMPTY_ROOT = sha256();

/** The largest power of two below a size: the leaves of the left subtree. */
export function leftSize(size: number): number {
  let left = 1;
  while (left * 2 < size) left *= 2;
  return left;
}

/** The hash over a list of hashes of equal subtrees, of which the last may be smaller. */
export function hashOf(list: readonly Uint8Array[]): Uint8Array {
  if (list.length === 1) return list[0]!;
  const left = leftSize(list.length);
  return nodeHash(hashOf(list.slice(0, left)), hashOf(list.slice(left)));
}

/** The right edge of a tree: the hashes of its perfect subtrees, the largest first. Enough to append, and for the root. */
export class Edge {
  #size: number;
  readonly #subtrees: Uint8Array[];

  /** @param subtrees one hash for each bit of the size that is set, the highest first */
  constructor(size = 0, subtrees: readonly Uint8Array[] = []) {
    this.#size = size;
    this.#subtrees = [...subtrees];
  }

  /** The edge of these subtrees; undefined if no tree of this size has them. */
  static open(size: number, subtrees: readonly Uint8Array[]): Edge | undefined {
    const fits = subtrees.length === countBits(size) && subtrees.every(({ length }) => length === HASH_BYTES);
    return fits ? new Edge(size, subtrees) : undefined;
  }

  get size(): number {
    return this.#size;
  }

  /** The same edge, which further leaves do not change. */
  copy(): Edge {
    return new Edge(this.#size, this.#subtrees);
  }

  /** Appends the hash of a leaf. */
  push(leaf: Uint8Array): void {
    let merged = leaf;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) merged = nodeHash(this.#subtrees.pop()!, merged);
    this.#subtrees.push(merged);
    this.#size += 1;
  }

  /** The hash over all leaves. */
  get root(): Buffer {
    const [last, ...others] = this.#subtrees.toReversed();
    if (last === undefined) return EMPTY_ROOT;
    return Buffer.from(others.reduce((right, left) => nodeHash(left, right), last));
  }
}

/** How many subtrees of a tree of this size are perfect. */
export function countBits(size: number): number {
  return [...size.toString(2)].filter((bit) => bit === "1").length;
}

/**
 * The root that a proof leads to (RFC 9162 section 2.1.3.2).
 * @returns undefined if no tree of this size has such a proof for this index
 */
export function rootOfProof(
  leaf: Uint8Array,
  { index, size, hashes }: { readonly index: number; readonly size: number; readonly hashes: readonly Uint8Array[] },
): Uint8Array | undefined {
  if (index >= size) return undefined;
  let [node, last] = [index, size - 1];
  let root = leaf;
  for (const one of hashes) {
    if (last === 0) return undefined;
    if (node % 2 === 1 || node === last) {
      root = nodeHash(one, root);
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else root = nodeHash(root, one);
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 ? root : undefined;
}
