import { setTimeout as pause } from "node:timers/promises";
import { Refusal } from "../errors/refusal.js";

/** A monotonic clock in milliseconds, and a pause. */
interface Stopwatch {
  now(): number;
  pause(milliseconds: number): Promise<unknown>;
}

const systemStopwatch: Stopwatch = { now: () => performance.now(), pause: (milliseconds) => pause(milliseconds) };

/** Failures without a delay, and further ones allowed in a second. */
const BURST = 200;
const RATE = 50;

/** Most waiting requests for one key. */
const MAX_WAITING = 100;

/** Most keys, so that guesses of client ids cannot fill the memory. Each key has a bounded length. */
const MAX_KEYS = 10_000;

/** Milliseconds that one failure costs. */
const COST = 1000 / RATE;

/** Times of the stopwatch. */
interface Bucket {
  /** The time at which all failures are paid for. */
  readonly paid_at: number;
  /** The time at which the next waiting request may continue. */
  readonly next_at: number;
}

/**
 * Delays keys that fail often, in memory. Client secrets are long and random, so guessing is hopeless, but a flood of
 * attempts would cost time. A client with the correct secret behind the same address waits too, and gets 429 if too
 * many wait.
 */
export class Throttle {
  readonly #stopwatch: Stopwatch;
  readonly #buckets = new Map<string, Bucket>();

  constructor(stopwatch: Stopwatch = systemStopwatch) {
    this.#stopwatch = stopwatch;
  }

  /**
   * Waits while the key has too many failures, first come first served.
   * @throws Refusal tries_exhausted if too many wait already
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
    // The debt is capped at one full bucket: failures of requests already in flight do not delay later callers further.
    this.#keep(key, { paid_at: Math.min(Math.max(paid_at, now) + COST, now + BURST * COST), next_at });
  }

  /** Stores a bucket. The key that was idle longest makes room. */
  #keep(key: string, bucket: Bucket): void {
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_KEYS) this.#buckets.delete(oldest!);
  }
}
