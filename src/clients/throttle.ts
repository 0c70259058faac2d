import { setTimeout as pause } from "node:timers/promises";
import { Refusal } from "../errors/refusal.js";

/** Milliseconds that go on evenly, and how to let some of them pass. */
export interface Stopwatch {
  now(): number;
  pause(milliseconds: number): Promise<unknown>;
}

const systemStopwatch: Stopwatch = { now: () => performance.now(), pause: (milliseconds) => pause(milliseconds) };

/** Failures that slow nobody down, and how many more there may be in a second. */
const BURST = 200;
const RATE = 50;

/** Waiting at most for one key. */
const MAX_WAITING = 100;

/** Keys remembered at most, each of bounded length: a guess of client ids must not fill the memory. */
const MAX_KEYS = 10_000;

/** Milliseconds for which one failure counts. */
const COST = 1000 / RATE;

/** Times of the stopwatch. */
interface Bucket {
  /** When every failure will have been paid for. */
  readonly paid_at: number;
  /** When the next of those who wait goes. */
  readonly next_at: number;
}

/**
 * Slows down whoever fails often, in memory, by key. Secrets of clients are long and random, so nobody guesses one; but
 * trying must be no flood. A client with the right secret behind the same address waits as the others do, and is told to come
 * again where too many wait.
 */
export class Throttle {
  readonly #stopwatch: Stopwatch;
  readonly #buckets = new Map<string, Bucket>();

  constructor(stopwatch: Stopwatch = systemStopwatch) {
    this.#stopwatch = stopwatch;
  }

  /**
   * Waits while there were too many failures of this key, each in turn.
   * @throws Refusal tries_exhausted where too many wait already
   */
  async wait(key: string): Promise<void> {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return;
    const now = this.#stopwatch.now();
    const at = Math.max(bucket.paid_at - (BURST - 1) * COST, bucket.next_at);
    if (at <= now) return;
    const wait = at - now;
    if (wait > MAX_WAITING * COST) {
      throw new Refusal("tries_exhausted", { retryAfter: Math.ceil(wait / 1000), reason: "wrong client secrets" });
    }
    this.#keep(key, { ...bucket, next_at: at + COST });
    await this.#stopwatch.pause(wait);
  }

  /** Counts a failure. */
  countFailure(key: string): void {
    const now = this.#stopwatch.now();
    const { paid_at, next_at } = this.#buckets.get(key) ?? { paid_at: now, next_at: now };
    // An empty bucket gets no emptier: what was under way already is not made up for by whoever comes later.
    this.#keep(key, { paid_at: Math.min(Math.max(paid_at, now) + COST, now + BURST * COST), next_at });
  }

  /** The key that nothing was heard of for longest makes room. */
  #keep(key: string, bucket: Bucket): void {
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_KEYS) this.#buckets.delete(oldest!);
  }
}
