import type { Clock } from "../../src/clock.js";

/** A clock that stands still until it is told to go on; the database is told its time too. */
export class TestClock implements Clock {
  #now = Date.UTC(2026, 10, 20, 12, 0, 0);

  now(): number {
    return this.#now;
  }

  statement(): Date {
    return new Date(this.#now);
  }

  /** Lets time pass. */
  advance(seconds: number): void {
    this.#now += seconds * 1000;
  }
}
