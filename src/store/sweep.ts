import { setTimeout as pause } from "node:timers/promises";
import { run, type Db } from "./open.js";
import { BATCH, sweepsOf, type Batch, type SweepKind } from "./sweep-kinds.js";

/** Milliseconds after which a round ends and reports. The next one continues. */
const MAX_ROUND = 50_000;

/** Shortest pause between two batches, in milliseconds. */
const MIN_PAUSE = 2;

/** Largest backlog that is counted exactly, because its rows may be read from the disk one by one. */
const MAX_COUNTED = 10_000;

/** Pages of a table that are read in order at the cost of one row that is found by its time and deleted. */
const PAGES_FOR_ROW = 20;

/** Milliseconds for which a vacuum may need to remove the entries of deleted rows from an index. */
const VACUUMED_WITHIN = 3_600_000;

/** The result of one round. Each record has only the kinds with a number or an error. */
export interface SweepReport {
  readonly deleted: Readonly<Record<string, number>>;
  /** Grants that were checked and have not expired yet. */
  readonly kept: number;
  /** Expired rows of unfinished kinds at the end of the round, counted up to 10,000. */
  readonly backlog: Readonly<Record<string, number>>;
  readonly failed: Readonly<Record<string, unknown>>;
  /** Whether the time of the round was over before all rows were deleted. */
  readonly isBehind: boolean;
  readonly seconds: number;
}

/** A report that its round still changes. */
interface Progress {
  readonly deleted: Record<string, number>;
  kept: number;
  readonly backlog: Record<string, number>;
  readonly failed: Record<string, unknown>;
}

/** Runs a round of the sweep. The parameter `limit` is the number of milliseconds after which the round ends. */
type Sweep = (now: Date | null, limit?: number) => Promise<SweepReport>;

/** The sweep of one process, whose rounds continue each other. Two rounds must not overlap. @param decisionsKept seconds */
export function openSweep(db: Db, decisionsKept?: number): Sweep {
  const sweepers = sweepsOf(decisionsKept).map((kind) => new Sweeper(db, kind));
  return (now, limit = MAX_ROUND) => sweep(sweepers, now, limit);
}

/**
 * Deletes expired rows, a batch of each kind in turn, so that no kind waits for another. A kind whose statement fails is left for
 * the next round. After each batch the sweep rests for as long as the batch took. So it uses half of one connection at most, and
 * less of a database that is slow.
 */
async function sweep(sweepers: readonly Sweeper[], now: Date | null, limit: number): Promise<SweepReport> {
  const begun = performance.now();
  const elapsed = () => performance.now() - begun;
  const progress: Progress = { deleted: {}, kept: 0, backlog: {}, failed: {} };
  for (const sweeper of sweepers) sweeper.begin();
  let unfinished = sweepers;
  while (unfinished.length > 0 && elapsed() < limit) {
    const behind: Sweeper[] = [];
    for (const sweeper of unfinished) {
      const started = elapsed();
      if (!(await sweeper.step(now, progress))) continue;
      behind.push(sweeper);
      await pause(Math.max(MIN_PAUSE, elapsed() - started));
    }
    unfinished = behind;
  }
  const seconds = elapsed() / 1_000;
  for (const sweeper of unfinished) await sweeper.countBacklog(now, progress);
  return { ...progress, isBehind: unfinished.length > 0, seconds };
}

/** A walk through all pages of a table, in which every row is passed that was due at its beginning. */
interface Walk {
  readonly begun: Batch;
  next: number;
}

/**
 * Deletes the expired rows of one kind, the oldest ones first. Rows in the order of their time lie anywhere in the table, so each
 * deletion reads and writes another page. A sweep that is far behind therefore walks through the table. It does so once the rows
 * that it found by their time have cost as much as a walk (docs/decisions/0015).
 */
class Sweeper {
  /** Rows that were found by their time since the last walk. */
  #found = 0;
  #walk: Walk | undefined;
  #walked: { readonly limit: Date; readonly at: number } | undefined;
  /** Rows are looked for from this time on. Before it, the index has entries of deleted rows only. */
  #from: Date | null = null;

  constructor(
    private readonly db: Db,
    private readonly kind: SweepKind,
  ) {}

  /** Begins a round. A row that was locked in the last round is found in this one. */
  begin(): void {
    const walked = this.#walked;
    this.#from = walked !== undefined && performance.now() - walked.at < VACUUMED_WITHIN ? walked.limit : null;
  }

  /** Deletes one batch and adds it to the report. @returns whether more rows may be left */
  async step(now: Date | null, progress: Progress): Promise<boolean> {
    const { of } = this.kind;
    try {
      const walk = this.#walk;
      const batch = await (walk === undefined ? this.#deleteOldest(now) : this.#deletePages(now, walk));
      if (batch.deleted > 0) progress.deleted[of] = (progress.deleted[of] ?? 0) + batch.deleted;
      progress.kept += batch.kept;
      return walk !== undefined || batch.deleted + batch.kept === BATCH.rows;
    } catch (error) {
      progress.failed[of] = error;
      return false;
    }
  }

  async #deleteOldest(now: Date | null): Promise<Batch> {
    const [batch] = await run<Batch>(this.db, this.kind.byTime, [now, this.#from]);
    const { deleted, kept, last, pages } = batch!;
    const isFull = deleted + kept === BATCH.rows;
    this.#found = isFull ? this.#found + BATCH.rows : 0;
    this.#from = last ?? this.#from;
    if (this.#found * PAGES_FOR_ROW > pages) this.#walk = { begun: batch!, next: 0 };
    return batch!;
  }

  async #deletePages(now: Date | null, walk: Walk): Promise<Batch> {
    const after = walk.next + BATCH.pages;
    const [batch] = await run<Batch>(this.db, this.kind.byPages, [now, `(${walk.next},0)`, `(${after},0)`]);
    walk.next = after;
    if (after >= walk.begun.pages) {
      const { limit } = walk.begun;
      this.#walk = undefined;
      this.#found = 0;
      this.#walked = { limit, at: performance.now() };
      this.#from = limit;
    }
    return batch!;
  }

  /** Counts the rest. A kind that cannot be counted is left for the next round. */
  async countBacklog(now: Date | null, progress: Progress): Promise<void> {
    const { of, due } = this.kind;
    const text = `SELECT count(*)::int AS due FROM (SELECT ${due} LIMIT ${MAX_COUNTED}) counted`;
    try {
      const [found] = await run<{ due: number }>(this.db, { name: `sweep_backlog_${of}`, text }, [now]);
      if (found!.due > 0) progress.backlog[of] = found!.due;
    } catch (error) {
      progress.failed[of] = error;
    }
  }
}
