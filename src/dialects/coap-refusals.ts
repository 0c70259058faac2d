import type { FastifyBaseLogger } from "fastify";
import type { Timers } from "../coap/timers.js";

/** Most lines in a period, about requests that never reach an endpoint. Such a request costs its sender one datagram. */
const MAX_LINES = 100;

/** Milliseconds. */
const PERIOD = 10_000;

/** Keeps a flood of refused datagrams out of the log: beyond a number of lines, one line says how many were left out. */
export class RefusalLines {
  readonly #timers: Timers;
  readonly #log: FastifyBaseLogger;
  /** Refusals of this period; undefined before the first one. */
  #count: number | undefined;

  constructor(timers: Timers, log: FastifyBaseLogger) {
    this.#timers = timers;
    this.#log = log;
  }

  /** Writes a line, unless this period has enough of them. */
  write(line: () => void): void {
    if (this.#count === undefined) this.#timers.after(PERIOD, () => this.#endPeriod());
    this.#count = (this.#count ?? 0) + 1;
    if (this.#count <= MAX_LINES) line();
  }

  #endPeriod(): void {
    const left_out = Math.max(0, this.#count! - MAX_LINES);
    this.#count = undefined;
    if (left_out > 0) this.#log.warn({ type: "coap", left_out }, "refused datagrams without a line of their own");
  }
}
