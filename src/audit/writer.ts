import {
  isDue,
  pendingRecords,
  readTiles,
  writeEntries,
  writeTiles,
  type AuditEntry,
  type PendingRecord,
} from "../store/audit-append.js";
import { advanceTree, lockLastTree, type AuditTree } from "../store/audit-trees.js";
import { eraInForce } from "../store/continuity.js";
import { exclusively, exclusivelyIfFree, LOCKS, type Db, type Transaction } from "../store/open.js";
import { checkpointText, openCheckpoint } from "./checkpoint.js";
import { commitmentTo } from "./entry.js";
import { LogFault } from "./fault.js";
import { beginTree, signerOf, type Keeper } from "./keeper.js";
import { compareWithFile } from "./known-checkpoint.js";
import { HASH_BYTES, leafHash } from "./merkle.js";
import { signText, writeNote, type NoteSigner } from "./note.js";
import { LOG, numbered } from "./record.js";
import { partialTiles, TiledAppender, type Tile } from "./tiles.js";

interface WriterParts extends Keeper {
  readonly db: Db;
  /** The file of this machine that has the last checkpoint. */
  readonly checkpointFile?: string | undefined;
}

type LogEnd = Pick<AuditTree, "tree" | "size">;

/**
 * Appends committed records to the log. One transaction, which holds a lock, reads the end of the log and moves it on. So the
 * log has one writer at a time, whichever instance it belongs to, and a writer that dies has written nothing.
 *
 * A record gets its number here and not when it is written: a transaction that commits late is appended late, and never skipped.
 */
export class AuditWriter {
  readonly #parts: WriterParts;
  /** The end of the log that this process has written last. */
  #seen: LogEnd = { tree: 0, size: 0 };
  #isFileCompared = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /**
   * Appends what waits.
   * @param lock whether to wait for another writer, or to leave the work to it
   * @throws LogFault if the end of the log is not as a writer left it
   */
  async append(lock: "wait" | "leave"): Promise<void> {
    const { db } = this.#parts;
    while ((await isDue(db)).pending) {
      const era = await this.#era();
      if (era === undefined) return;
      const work = (tx: Transaction) => this.#appendBatch(tx, era);
      const end = await (lock === "wait"
        ? exclusively(db, LOCKS.audit, work)
        : exclusivelyIfFree(db, LOCKS.audit, work));
      if (end === undefined) return;
      this.#seen = end;
    }
  }

  /**
   * Appends what waits, and does some work on the log in the same transaction. What the work records is appended too.
   * @returns undefined if the database was restored, and is not accepted yet
   */
  async alone<T>(work: (tx: Transaction) => Promise<T>): Promise<T | undefined> {
    const era = await this.#era();
    if (era === undefined) return undefined;
    let end: LogEnd | undefined;
    const appendAll = async (tx: Transaction) => {
      for (let next = await this.#appendBatch(tx, era); next !== undefined; next = await this.#appendBatch(tx, era))
        end = next;
    };
    const done = await exclusively(this.#parts.db, LOCKS.audit, async (tx) => {
      await appendAll(tx);
      const result = await work(tx);
      await appendAll(tx);
      return result;
    });
    this.#seen = end ?? this.#seen;
    return done;
  }

  /**
   * The era of the database. The log of a restored database may have gone on elsewhere, and must not get a second history.
   * @returns undefined if the database was restored, and is not accepted yet
   * @throws LogFault if the file of this machine has a later checkpoint
   */
  async #era(): Promise<number | undefined> {
    const { db, checkpointFile } = this.#parts;
    const era = await eraInForce(db);
    if (era === undefined || this.#isFileCompared) return era;
    if (checkpointFile !== undefined) await compareWithFile(db, checkpointFile);
    this.#isFileCompared = true;
    return era;
  }

  /** Appends some records. @returns the new end of the log; undefined if none wait */
  async #appendBatch(tx: Transaction, era: number): Promise<LogEnd | undefined> {
    const last = await lockLastTree(tx);
    this.#refuseShorter(last);
    const pending = await pendingRecords(tx);
    if (pending.length === 0) return undefined;
    const isCurrent = last?.era === era;
    const tree = isCurrent ? last : await beginTree(this.#parts, tx, { era, before: last });
    const records = isCurrent ? pending : [beginning(pending[0]!, last), ...pending];
    const batch = new Batch(this.#parts, tree, await readTiles(tx, tree.tree, partialTiles(tree.size)));
    const entries = records.map((record) => batch.append(record));
    const ids = pending.map(({ id }) => id);
    await writeEntries(tx, entries, ids);
    await writeTiles(tx, tree.tree, batch.takeTiles());
    const end = { tree: tree.tree, size: batch.size };
    await advanceTree(tx, { ...end, checkpoint: batch.checkpoint });
    return end;
  }

  /** A log never becomes shorter. After a restore, the new era has a tree of its own. */
  #refuseShorter(last: AuditTree | undefined): void {
    const { tree, size } = this.#seen;
    const isShorter = (last?.tree ?? 0) < tree || (last?.tree === tree && last.size < size);
    if (isShorter) throw new LogFault(`records from ${tree}-${last?.tree === tree ? last.size : 0} on are missing`);
  }
}

/** The first record of a tree: it names the last checkpoint of the one before, which cannot become shorter unnoticed. */
function beginning({ at }: PendingRecord, before: AuditTree | undefined): Omit<PendingRecord, "id"> {
  const record = {
    by: { kind: "server", id: "jeton" },
    what: "begun",
    table: LOG,
    of: "",
    after: { previous: before?.checkpoint ?? null },
  };
  return { at, record: JSON.stringify(record), kind: LOG, caller: "server:jeton", sub: null, client_id: null };
}

/** The records of one transaction of the writer. */
class Batch {
  readonly #random: Keeper["random"];
  readonly #tree: number;
  readonly #signer: NoteSigner;
  readonly #appender: TiledAppender;
  #checkpoint: string;

  /** @param edge the tiles that are not full @throws LogFault if they are not those of the last checkpoint */
  constructor(parts: Keeper, { tree, size, checkpoint, ...keys }: AuditTree, edge: readonly Tile[]) {
    this.#random = parts.random;
    this.#tree = tree;
    this.#signer = signerOf(parts, keys);
    this.#checkpoint = checkpoint ?? "";
    const appender = TiledAppender.open(size, edge);
    const signed = checkpoint === null ? undefined : openCheckpoint(checkpoint, this.#signer.key);
    const isWhole = size === 0 ? checkpoint === null : signed?.size === size && appender?.edge.root.equals(signed.root);
    if (appender === undefined || isWhole !== true) {
      throw new LogFault(`the end of the log ${this.#signer.key.name} was altered: jeton audit verify tells more`);
    }
    this.#appender = appender;
  }

  /** The checkpoint that ends with the last record, as a note. */
  get checkpoint(): string {
    return this.#checkpoint;
  }

  get size(): number {
    return this.#appender.edge.size;
  }

  /** The tiles that its records have changed. */
  takeTiles(): readonly Tile[] {
    return this.#appender.takeChanged();
  }

  append({ record: written, ...columns }: Omit<PendingRecord, "id">): AuditEntry {
    const index = this.size;
    const salt = this.#random(HASH_BYTES);
    const record = numbered(written, { tree: this.#tree, index, at: columns.at });
    const commitment = commitmentTo({ salt, record });
    this.#appender.push(leafHash(commitment));
    const { key } = this.#signer;
    const text = checkpointText({ origin: key.name, size: this.size, root: this.#appender.edge.root });
    const signature = signText(this.#signer, text);
    this.#checkpoint = writeNote(key, text, signature);
    return { tree: this.#tree, index, commitment, salt, record, signature, ...withoutId(columns) };
  }
}

/** A pending record may have more members than its type says. */
function withoutId({ at, kind, caller, sub, client_id }: Omit<PendingRecord, "id" | "record">) {
  return { at, kind, caller, sub, client_id };
}
