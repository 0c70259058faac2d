import { readTiles } from "../store/audit-append.js";
import type { StoredEntry } from "../store/audit-read.js";
import { allTrees } from "../store/audit-trees.js";
import { atOneMoment, type Db, type Transaction } from "../store/open.js";
import { exportLines } from "./export.js";
import { LogFault } from "./fault.js";
import { readRecord, recordId } from "./record.js";
import { verifyLog, type Trust, type Verified } from "./verify.js";
import { partialTiles, TiledAppender, TILE_WIDTH } from "./tiles.js";

/** Verifies the log of a database: its lines as those of a file, and the columns and tiles that repeat what they say. */
export function verifyStored(db: Db, trust: Trust): Promise<readonly Verified[]> {
  return atOneMoment(db, async (tx) => {
    let fault: string | undefined;
    const lines = exportLines(tx, (entry) => void (fault ??= foreignColumn(entry)));
    const tiles = new TileCheck(tx);
    const verified = await verifyLog(lines, trust, (tree, leaf) => tiles.see(tree, leaf));
    await tiles.finish();
    if (fault !== undefined) throw new LogFault(fault);
    return verified;
  });
}

/** Lists are filtered by these columns. @returns what differs from the record */
function foreignColumn({ tree, index, record: text, ...columns }: StoredEntry): string | undefined {
  const record = text === null ? undefined : readRecord(text);
  if (record === undefined) return undefined;
  const { kind, id } = record.by as { readonly kind?: string; readonly id?: string };
  const expected = {
    at: record.at,
    kind: record.table,
    caller: kind === undefined || id === undefined ? null : `${kind}:${id}`,
    sub: record.user ?? null,
    client_id: record.client ?? null,
  };
  for (const [name, value] of Object.entries(expected)) {
    const stored = columns[name as keyof typeof expected];
    // A long value is shortened in its column.
    if (stored === value || (stored !== null && value?.startsWith(stored) === true)) continue;
    return `record ${recordId(tree, index)} is not as it was appended: its column ${name} was altered`;
  }
  return undefined;
}

/** Compares the stored tiles with those of the leaves. */
class TileCheck {
  readonly #tx: Transaction;
  #tree = 0;
  #appender: TiledAppender | undefined;

  constructor(tx: Transaction) {
    this.#tx = tx;
  }

  async see(tree: number, leaf: Uint8Array): Promise<void> {
    if (tree !== this.#tree) await this.#begin(tree);
    this.#appender!.push(leaf);
    if (this.#appender!.edge.size % TILE_WIDTH === 0) await this.finish();
  }

  /** Compares the tiles that have changed since the last call. @throws LogFault */
  async finish(): Promise<void> {
    const expected = this.#appender?.takeChanged() ?? [];
    const stored = await readTiles(this.#tx, this.#tree, expected);
    for (const { level, index, hashes } of expected) {
      const tile = stored.find((one) => one.level === level && one.index === index);
      if (tile !== undefined && Buffer.from(tile.hashes).subarray(0, hashes.length).equals(hashes)) continue;
      throw new LogFault(`tile ${level}/${index} of log ${this.#tree} is not as it was written: the records are whole`);
    }
  }

  async #begin(tree: number): Promise<void> {
    await this.finish();
    const { first = 0 } = (await allTrees(this.#tx)).find((one) => one.tree === tree) ?? {};
    const edge = await readTiles(this.#tx, tree, partialTiles(first));
    this.#appender = TiledAppender.open(first, edge);
    if (this.#appender === undefined) throw new LogFault(`tiles of log ${tree} before record ${first} are missing`);
    this.#tree = tree;
  }
}
