import { Refusal } from "../errors/refusal.js";
import { ExpectedWait, type Monotonic, type Patience } from "../expected-wait.js";

/** Milliseconds that may be waited for a slot. */
const PATIENCE: Patience = { burst: 3_000, standing: 1_000 };

/** Milliseconds that one key may be kept waiting by jobs of its own, so that one busy account cannot fill the queue. */
const MAX_WAIT_PER_KEY = PATIENCE.burst / 2;

/** Milliseconds after which a job that still waits is given up: a database that does not answer must not keep the queue. */
const MAX_WAIT = 2 * PATIENCE.burst;

/** What a slot is taken to be held for until it was measured: an argon2id hash, in milliseconds. */
const FIRST_HELD = 50;

interface Waiting {
  readonly who: unknown;
  readonly begin: () => void;
}

/**
 * A work queue: at most `slots` jobs run at once, at most one for each key, first come first served. It is bounded by the time
 * that waiting in it takes (docs/decisions/0014).
 */
export class Turns {
  readonly #slots: number;
  readonly #expected: ExpectedWait;
  readonly #running = new Set<unknown>();
  readonly #waiting: Waiting[] = [];

  constructor(slots: number, now?: Monotonic) {
    this.#slots = slots;
    this.#expected = new ExpectedWait(slots, PATIENCE, FIRST_HELD, now);
  }

  /** How many jobs wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Does the work when its turn comes. @throws Refusal hashing_busy, at once where the wait would be long */
  async take<T>(who: unknown, work: () => Promise<T>): Promise<T> {
    const ofKey = this.#waiting.filter((one) => one.who === who).length + (this.#running.has(who) ? 1 : 0);
    const isCrowded = ofKey * this.#expected.held > MAX_WAIT_PER_KEY;
    if (isCrowded || this.#expected.isTooLong(this.#waiting.length)) throw this.#busy();
    return this.wait(who, work, MAX_WAIT);
  }

  /** Does the work when its turn comes, however long the queue. @param longest milliseconds, after which it gives up */
  async wait<T>(who: unknown, work: () => Promise<T>, longest?: number): Promise<T> {
    await new Promise<void>((resolve, reject) => {
      const deadline = longest === undefined ? undefined : setTimeout(() => this.#leave(one, reject), longest);
      const begin = () => {
        clearTimeout(deadline);
        resolve();
      };
      const one = { who, begin };
      this.#waiting.push(one);
      this.#fill();
    });
    const job = {};
    this.#expected.begin(job);
    try {
      return await work();
    } finally {
      this.#expected.end(job);
      this.#running.delete(who);
      this.#fill();
    }
  }

  #fill(): void {
    while (this.#running.size < this.#slots) {
      const index = this.#waiting.findIndex(({ who }) => !this.#running.has(who));
      if (index < 0) return;
      const [next] = this.#waiting.splice(index, 1);
      this.#running.add(next!.who);
      next!.begin();
    }
  }

  #leave(one: Waiting, reject: (refusal: Refusal) => void): void {
    this.#waiting.splice(this.#waiting.indexOf(one), 1);
    reject(this.#busy());
  }

  #busy(): Refusal {
    const seconds = Math.ceil(this.#expected.behind(this.#waiting.length) / 1_000);
    return new Refusal("hashing_busy", { retryAfter: Math.max(1, seconds) });
  }
}
