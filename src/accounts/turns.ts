import { Refusal } from "../errors/refusal.js";

/** Waiting at most for each slot: about three seconds of work. */
const QUEUE_PER_SLOT = 200;

/** Waiting at most for one of them: whoever is asked for without end fills no queue for the others. */
const QUEUE_PER_NAME = QUEUE_PER_SLOT / 2;

/** Milliseconds a turn is waited for: a database that does not answer must not keep the whole queue. */
const LONGEST_WAIT = 10_000;

/** Seconds after which whoever was turned away may try again. */
const RETRY_AFTER = 2;

interface Waiting {
  readonly who: unknown;
  readonly begin: () => void;
}

/** A few slots, and a queue before them that ends. Nobody has two turns at once: whoever is next in line goes first. */
export class Turns {
  readonly #slots: number;
  readonly #running = new Set<unknown>();
  readonly #waiting: Waiting[] = [];

  constructor(slots: number) {
    this.#slots = slots;
  }

  /** Does the work when the turn comes. @throws Refusal hashing_busy */
  take<T>(who: unknown, work: () => Promise<T>): Promise<T> {
    const isFull = this.#waiting.length >= this.#slots * QUEUE_PER_SLOT;
    const isCrowded = this.#waiting.filter((one) => one.who === who).length >= QUEUE_PER_NAME;
    if (isFull || isCrowded) return Promise.reject(busy());
    return this.wait(who, work, LONGEST_WAIT);
  }

  /** Does the work when the turn comes, however long the queue. @param longest milliseconds, after which it gives up */
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
    try {
      return await work();
    } finally {
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
    reject(busy());
  }
}

function busy(): Refusal {
  return new Refusal("hashing_busy", {}, { retryAfter: RETRY_AFTER });
}
