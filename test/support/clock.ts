import { systemClock, type Clock } from "../../src/clock.js";

/**
 * A clock that starts at the machine's time, in whole seconds, and stands still until a test advances it. Statements get its
 * time too, so an instance with this clock asks no other one. test/architecture.test.ts rejects a second clock in a file.
 */
export class TestClock implements Clock {
  #now = Math.floor(systemClock.now() / 1000) * 1000;

  now(): number {
    return this.#now;
  }

  statement(): Date {
    return new Date(this.#now);
  }

  /** Moves it ahead. */
  advance(seconds: number): void {
    this.#now += seconds * 1000;
  }
}

/** The instant that lies some seconds after a clock's time, or before it where they are negative. */
export function after(clock: Clock, seconds: number): Date {
  return new Date(clock.now() + seconds * 1000);
}
