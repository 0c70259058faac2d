import { Refusal } from "../errors/refusal.js";
import { ExpectedWait, type Monotonic, type Patience } from "../expected-wait.js";

/** Milliseconds that a job may have to wait for a slot. */
const PATIENCE: Patience = { burst: 3_000, standing: 1_000 };

/** Milliseconds that jobs of one key may delay each other, so that one busy account cannot fill the queue. */
const MAX_WAIT_PER_KEY = PATIENCE.burst / 2;

/** Milliseconds after which a queued job gives up: a database that does not answer must not keep the queue. */
const MAX_WAIT = 2 * PATIENCE.burst;

/** Milliseconds that a job is assumed to hold a slot until the first is measured: an argon2id hash. */
const FIRST_HELD = 50;

interface QueuedJob {
  readonly key: unknown;
  readonly begin: () => void;
}

/**
 * A work queue: at most `slots` jobs run at once, at most one for each key, first come first served. It is bounded by the time
 * that waiting in it takes (docs/decisions/0014).
 */
export class WorkQueue {
  readonly #slots: number;
  readonly #expected: ExpectedWait;
  readonly #running = new Set<unknown>();
  readonly #waiting: QueuedJob[] = [];

  constructor(slots: number, now?: Monotonic) {
    this.#slots = slots;
    this.#expected = new ExpectedWait(slots, PATIENCE, FIRST_HELD, now);
  }

  /** The number of jobs that wait for a slot. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Runs a job in a slot. @throws Refusal hashing_busy, at once if the wait would be too long */
  async run<T>(key: unknown, work: () => Promise<T>): Promise<T> {
    const ofKey = this.#waiting.filter((job) => job.key === key).length + (this.#running.has(key) ? 1 : 0);
    const isCrowded = ofKey * this.#expected.held > MAX_WAIT_PER_KEY;
    if (isCrowded || this.#expected.isTooLong(this.#waiting.length)) throw this.#busy();
    return this.runUnbounded(key, work, MAX_WAIT);
  }

  /** Runs a job in a slot, however long the queue is. @param maxWait milliseconds after which the job gives up */
  async runUnbounded<T>(key: unknown, work: () => Promise<T>, maxWait?: number): Promise<T> {
    await this.#slotFor(key, maxWait);
    const job = {};
    this.#expected.begin(job);
    try {
      return await work();
    } finally {
      this.#expected.end(job);
      this.#running.delete(key);
      this.#fill();
    }
  }

  #slotFor(key: unknown, maxWait: number | undefined): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const deadline = maxWait === undefined ? undefined : setTimeout(() => this.#leave(job, reject), maxWait);
      const begin = () => {
        clearTimeout(deadline);
        resolve();
      };
      const job = { key, begin };
      this.#waiting.push(job);
      this.#fill();
    });
  }

  #fill(): void {
    while (this.#running.size < this.#slots) {
      const index = this.#waiting.findIndex(({ key }) => !this.#running.has(key));
      if (index < 0) return;
      const [next] = this.#waiting.splice(index, 1);
      this.#running.add(next!.key);
      next!.begin();
    }
  }

  #leave(job: QueuedJob, reject: (refusal: Refusal) => void): void {
    this.#waiting.splice(this.#waiting.indexOf(job), 1);
    reject(this.#busy());
  }

  #busy(): Refusal {
    const seconds = Math.ceil(this.#expected.behind(this.#waiting.length) / 1_000);
    return new Refusal("hashing_busy", { retryAfter: Math.max(1, seconds) });
  }
}
