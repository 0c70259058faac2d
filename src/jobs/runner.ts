import { setTimeout as pause } from "node:timers/promises";
import { newId, type Clock, type Random } from "../clock.js";
import { databaseFault } from "../store/failure.js";
import { advanceJob, claimJob, releaseJob, type Advance, type ClaimedJob } from "../store/job-steps.js";
import { countUnfinishedJobs } from "../store/jobs.js";
import type { ChangeFeed } from "../store/listen.js";
import type { Db } from "../store/open.js";

/** Milliseconds between two looks for jobs whose instance has died. A new job does not wait for one. */
export const JOBS_RETRY = 10_000;

/** Milliseconds for which one job is worked on before it is the turn of another. */
const TURN = 5_000;

/** Shortest pause between two batches, in milliseconds. */
const MIN_PAUSE = 2;

interface RunnerParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly random: Random;
  /** Receives jobs whose batch has failed. */
  readonly log: { warn(line: object, message: string): void };
}

/**
 * Works on the jobs of the deployment, one at a time (docs/decisions/0033). Several instances share them. After each batch it rests
 * for as long as the batch took, as the sweep does, so it uses half of one connection at most.
 */
export class JobRunner {
  readonly #parts: RunnerParts;
  readonly #end = new AbortController();
  #round: Promise<void> | undefined;
  #isWanted = false;
  #unfinished = 0;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** The unfinished jobs of all instances, when this one looked last. */
  get unfinished(): number {
    return this.#unfinished;
  }

  /** Begins to work as soon as a job is started. */
  hear(feed: Pick<ChangeFeed, "subscribe">): void {
    feed.subscribe((change) => {
      if (change?.kind !== "jobs") return;
      this.work().catch((error: unknown) => this.#parts.log.warn({ err: error }, "working on jobs failed"));
    });
  }

  /** Works until no job is left to claim. A call during a round makes that round look once more. */
  work(): Promise<void> {
    this.#isWanted = true;
    this.#round ??= this.#workAll().finally(() => (this.#round = undefined));
    return this.#round;
  }

  /** Ends after the batch in progress. Another instance goes on with the job. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#round?.catch(() => undefined);
  }

  async #workAll(): Promise<void> {
    const { db, clock, random } = this.#parts;
    while (!this.#end.signal.aborted) {
      this.#isWanted = false;
      const job = await claimJob(db, newId(random), clock.statement());
      if (job !== undefined) await this.#advance(job);
      this.#unfinished = await countUnfinishedJobs(db);
      if (job === undefined && !this.#isWanted) return;
    }
  }

  async #advance(job: ClaimedJob): Promise<void> {
    const { db, clock, log } = this.#parts;
    const begun = performance.now();
    const isItsTurn = () => !this.#end.signal.aborted && performance.now() - begun < TURN;
    try {
      const isLeft = await advanceWhile(db, job, clock, isItsTurn);
      if (isLeft) await releaseJob(db, job, undefined, clock.statement());
    } catch (error) {
      log.warn({ type: "job", job: job.id, kind: job.kind, err: error }, "a batch of a job failed; it is repeated");
      await releaseJob(db, job, databaseFault(error) ?? "the batch failed unexpectedly", clock.statement());
    }
  }
}

/**
 * Does batches of a claimed job.
 * @param goesOn whether the next batch is wanted
 * @param progress is called after each batch
 * @returns whether the job is left to be released: it is not over, and the claim holds
 */
export async function advanceWhile(
  db: Db,
  job: ClaimedJob,
  clock: Clock,
  goesOn: () => boolean,
  progress: (advance: Advance) => void = () => {},
): Promise<boolean> {
  let place = job;
  do {
    const started = performance.now();
    const advance = await advanceJob(db, place, clock.statement());
    if (advance === undefined) return false;
    progress(advance);
    if (advance.is_over) return false;
    place = { ...place, ...advance };
    await pause(Math.max(MIN_PAUSE, performance.now() - started));
  } while (goesOn());
  return true;
}
