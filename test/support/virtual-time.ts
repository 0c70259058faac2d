import type { Timers } from "../../src/coap/timers.js";

interface Due {
  readonly at: number;
  readonly call: () => void;
}

/** Time that passes when a test says so. Calls happen in the order of their times. */
export class VirtualTime implements Timers {
  #now = 0;
  /** The latest first. */
  readonly #due: Due[] = [];
  readonly #cancelled = new Set<Due>();

  readonly now = (): number => this.#now;

  readonly after = (milliseconds: number, call: () => void): (() => void) => {
    const due = { at: this.#now + milliseconds, call };
    this.#due.splice(this.#placeOf(due.at), 0, due);
    return () => {
      if (this.#due.includes(due)) this.#cancelled.add(due);
    };
  };

  /** Calls that are waiting. */
  get waiting(): number {
    return this.#due.length - this.#cancelled.size;
  }

  /** Lets time pass, and makes every call that becomes due on the way. */
  pass(milliseconds: number): void {
    const end = this.#now + milliseconds;
    while (this.#due.length > 0 && this.#due.at(-1)!.at <= end) {
      const due = this.#due.pop()!;
      this.#now = due.at;
      if (!this.#cancelled.delete(due)) due.call();
    }
    this.#now = end;
  }

  /** Before the calls of the same time, which were there first. */
  #placeOf(at: number): number {
    let [low, high] = [0, this.#due.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#due[middle]!.at > at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
