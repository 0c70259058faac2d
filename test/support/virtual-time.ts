import type { Timers } from "../../src/coap/timers.js";

interface Due {
  readonly at: number;
  readonly call: () => void;
}

/** Time that passes when a test says so. Calls happen in the order of their times. */
export class VirtualTime implements Timers {
  #now = 0;
  readonly #due = new Set<Due>();

  readonly now = (): number => this.#now;

  readonly after = (milliseconds: number, call: () => void): (() => void) => {
    const due = { at: this.#now + milliseconds, call };
    this.#due.add(due);
    return () => this.#due.delete(due);
  };

  /** Calls that are waiting. */
  get waiting(): number {
    return this.#due.size;
  }

  /** Lets time pass, and makes every call that becomes due on the way. */
  pass(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#due.delete(next);
      this.#now = next.at;
      next.call();
    }
    this.#now = end;
  }

  #next(end: number): Due | undefined {
    let first: Due | undefined;
    for (const due of this.#due) if (due.at <= end && (first === undefined || due.at < first.at)) first = due;
    return first;
  }
}
