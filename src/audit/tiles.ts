import { countBits, Edge, HASH_BYTES, hashOf, leftSize, nodeHash } from "./merkle.js";

/** A Merkle tree that is kept in tiles (c2sp.org/tlog-tiles): lists of neighbouring hashes, of every eighth level. */

/** Hashes of a full tile. */
export const TILE_WIDTH = 256;

/** A tile: its level, its index in the level, and its hashes one after the other. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  readonly hashes: Uint8Array;
}

/** The tiles of a tree that are not full, one of each level at most. */
export function partialTiles(size: number): readonly { level: number; index: number; width: number }[] {
  const tiles = [];
  for (let level = 0, count = size; count > 0; level += 1, count = Math.floor(count / TILE_WIDTH)) {
    const width = count % TILE_WIDTH;
    if (width > 0) tiles.push({ level, index: Math.floor(count / TILE_WIDTH), width });
  }
  return tiles;
}

/** The last tile of a level, which is not full. */
interface OpenTile {
  readonly level: number;
  readonly index: number;
  readonly hashes: Uint8Array[];
}

/** Appends leaves to a tree that is kept in tiles. */
export class TiledAppender {
  readonly edge: Edge;
  readonly #open: Map<number, OpenTile>;
  readonly #changed = new Map<string, OpenTile>();

  private constructor(edge: Edge, open: readonly OpenTile[]) {
    this.edge = edge;
    this.#open = new Map(open.map((tile) => [tile.level, tile]));
  }

  /** @param tiles those of `partialTiles(size)` @returns undefined if one of them is missing or too short */
  static open(size: number, tiles: readonly Tile[]): TiledAppender | undefined {
    const open = partialTiles(size).map(({ level, index, width }) => {
      const tile = tiles.find((one) => one.level === level && one.index === index);
      return { level, index, hashes: split(tile?.hashes ?? Buffer.alloc(0)).slice(0, width) };
    });
    const edge = Edge.open(
      size,
      open.toReversed().flatMap(({ hashes }) => perfectSubtrees(hashes)),
    );
    return edge && new TiledAppender(edge, open);
  }

  /** Appends the hash of a leaf. */
  push(leaf: Uint8Array): void {
    this.edge.push(leaf);
    this.#add(0, leaf);
  }

  /** The tiles that leaves have changed since the last call. */
  takeChanged(): readonly (Tile & { readonly hashes: Buffer })[] {
    const changed = [...this.#changed.values()].map((tile) => ({ ...tile, hashes: Buffer.concat(tile.hashes) }));
    this.#changed.clear();
    return changed;
  }

  #add(level: number, added: Uint8Array): void {
    const index = Math.floor((this.edge.size - 1) / TILE_WIDTH ** (level + 1));
    const tile = this.#open.get(level) ?? { level, index, hashes: [] };
    tile.hashes.push(added);
    this.#changed.set(`${level}/${index}`, tile);
    if (tile.hashes.length < TILE_WIDTH) this.#open.set(level, tile);
    else {
      this.#open.delete(level);
      this.#add(level + 1, hashOf(tile.hashes));
    }
  }
}

/** The hashes of a tile. */
function split(hashes: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.floor(hashes.length / HASH_BYTES) }, (_, at) =>
    hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}

/** The hashes of the largest subtrees that are perfect, from the left. */
function perfectSubtrees(hashes: readonly Uint8Array[]): Uint8Array[] {
  if (hashes.length === 0) return [];
  const isPerfect = countBits(hashes.length) === 1;
  const width = isPerfect ? hashes.length : leftSize(hashes.length);
  return [hashOf(hashes.slice(0, width)), ...perfectSubtrees(hashes.slice(width))];
}

/** The ranges of leaves of the perfect subtrees of a tree, the largest first. */
export function subtreesOf(size: number, from = 0): readonly (readonly [from: number, to: number])[] {
  if (size === from) return [];
  const to = from + (countBits(size - from) === 1 ? size - from : leftSize(size - from));
  return [[from, to], ...subtreesOf(size, to)];
}

/** Reads the hashes of a tile; none if there is no such tile. */
export type ReadTile = (level: number, index: number) => Promise<Uint8Array>;

/** A tile is missing, or too short. */
class TileMissing extends Error {}

/** The result of some work on tiles; undefined if one of them is missing. */
export async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  return work.catch((error: unknown) => {
    if (error instanceof TileMissing) return undefined;
    throw error;
  });
}

/**
 * Hash over the leaves `from` (included) to `to` (not included) of a tree in tiles: MTH(D[from:to]) of RFC 6962.
 * @throws TileMissing
 */
export async function hashOfRange(read: ReadTile, from: number, to: number): Promise<Uint8Array> {
  const size = to - from;
  if (countBits(size) === 1 && from % size === 0) return hashOfSubtree(read, from, size);
  const middle = from + leftSize(size);
  return nodeHash(await hashOfRange(read, from, middle), await hashOfRange(read, middle, to));
}

async function hashOfSubtree(read: ReadTile, from: number, size: number): Promise<Uint8Array> {
  let level = 0;
  let [start, width] = [from, size];
  for (; width >= TILE_WIDTH; level += 1) [start, width] = [start / TILE_WIDTH, width / TILE_WIDTH];
  const place = start % TILE_WIDTH;
  const hashes = split(await read(level, Math.floor(start / TILE_WIDTH))).slice(place, place + width);
  if (hashes.length !== width) throw new TileMissing(`tile ${level}/${Math.floor(start / TILE_WIDTH)}`);
  return hashOf(hashes);
}

/** The hashes that lead from a leaf to the root (RFC 6962 section 2.1.1), that of its sibling first. */
export async function inclusionProof(read: ReadTile, index: number, size: number, from = 0): Promise<Uint8Array[]> {
  if (size - from === 1) return [];
  const middle = from + leftSize(size - from);
  if (index < middle) {
    return [...(await inclusionProof(read, index, middle, from)), await hashOfRange(read, middle, size)];
  }
  return [...(await inclusionProof(read, index, size, middle)), await hashOfRange(read, from, middle)];
}
