import type { Random } from "../clock.js";
import { ACK_RANDOM_FACTOR, ACK_TIMEOUT, MAX_RETRANSMIT } from "./parameters.js";
import type { Timers } from "./timers.js";

/** A confirmable message that waits for its acknowledgement. */
export interface Outgoing {
  readonly id: number;
  readonly datagram: Buffer;
}

interface Waiting extends Outgoing {
  readonly givenUp: () => void;
}

interface OutboxParts {
  readonly send: (datagram: Buffer) => void;
  readonly timers: Timers;
  readonly random: Random;
  /** Called when the last message was acknowledged, rejected or given up. */
  readonly emptied: () => void;
}

/**
 * The confirmable messages to one peer. One at a time is outstanding (NSTART, RFC 7252 section 4.7). It is sent again after a
 * timeout that doubles each time, until the peer answers it (section 4.2).
 */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #waiting: Waiting[] = [];
  #current: Waiting | undefined;
  #cancel = () => {};

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return this.#current === undefined;
  }

  /** @param givenUp called if the peer does not answer the message */
  add(outgoing: Outgoing, givenUp: () => void): void {
    this.#waiting.push({ ...outgoing, givenUp });
    if (this.#current === undefined) this.#next();
  }

  /** The peer has acknowledged or rejected a message. */
  settle(id: number): void {
    if (this.#current?.id === id) this.#next();
  }

  /** Drops every message. */
  clear(): void {
    this.#waiting.length = 0;
    if (this.#current !== undefined) this.#next();
  }

  #next(): void {
    this.#cancel();
    this.#current = this.#waiting.shift();
    if (this.#current === undefined) return this.#parts.emptied();
    this.#transmit(this.#current, this.#firstTimeout(), 0);
  }

  #transmit(waiting: Waiting, timeout: number, retransmissions: number): void {
    this.#parts.send(waiting.datagram);
    this.#cancel = this.#parts.timers.after(timeout, () => {
      if (retransmissions < MAX_RETRANSMIT) return this.#transmit(waiting, timeout * 2, retransmissions + 1);
      waiting.givenUp();
      this.#next();
    });
  }

  /** A random time from ACK_TIMEOUT to ACK_TIMEOUT times ACK_RANDOM_FACTOR. */
  #firstTimeout(): number {
    const part = this.#parts.random(2).readUInt16BE() / 0xffff;
    return ACK_TIMEOUT * (1 + part * (ACK_RANDOM_FACTOR - 1));
  }
}
