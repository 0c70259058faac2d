import type { Timers } from "../../src/coap/timers.js";
import type { Random } from "../faults/random.js";

/** How a network treats datagrams: chances between 0 and 1, and milliseconds. */
export interface NetworkFaults {
  readonly loss: number;
  readonly duplicates: number;
  /** Each copy arrives after a time of its own, so one overtakes another. */
  readonly maxDelay: number;
}

/** A network that loses, doubles and reorders datagrams as its seed says. */
export class LossyNetwork {
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #faults: NetworkFaults;

  constructor(timers: Timers, random: Random, faults: NetworkFaults) {
    this.#timers = timers;
    this.#random = random;
    this.#faults = faults;
  }

  /** Delivers a datagram later: never, once or twice. */
  carry(deliver: () => void): void {
    const { loss, duplicates, maxDelay } = this.#faults;
    const copies = this.#random.chance(duplicates) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const delay = this.#random.between(1, maxDelay);
      if (!this.#random.chance(loss)) this.#timers.after(delay, deliver);
    }
  }
}
