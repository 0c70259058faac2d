import type { Fragment, HandshakeMessage } from "./handshake-messages.js";

/** Messages from a client that arrive before the next one in order, and the size of a message. Both bound memory. */
const MAX_AHEAD = 4;
const MAX_MESSAGE = 2 ** 12;

interface Partial {
  readonly type: number;
  readonly body: Buffer;
  /** One byte for each byte of the body: whether it has arrived. */
  readonly arrived: Buffer;
}

/** Puts handshake messages together, and gives them out in the order of their numbers (RFC 6347 sections 4.2.2, 4.2.3). */
export class Reassembly {
  readonly #waiting = new Map<number, Partial>();
  #next: number;

  /** @param next the number of the first message */
  constructor(next: number) {
    this.#next = next;
  }

  /** Takes a fragment. Whatever does not fit the earlier ones of its message is dropped. */
  add({ type, sequence, length, offset, part }: Fragment): void {
    if (sequence < this.#next || sequence >= this.#next + MAX_AHEAD) return;
    if (length > MAX_MESSAGE || offset + part.length > length) return;
    const known = this.#waiting.get(sequence);
    const message = known ?? { type, body: Buffer.alloc(length), arrived: Buffer.alloc(length) };
    if (message.type !== type || message.body.length !== length) return;
    this.#waiting.set(sequence, message);
    part.copy(message.body, offset);
    message.arrived.fill(1, offset, offset + part.length);
  }

  /** The next message in order; undefined until it is complete. */
  take(): HandshakeMessage | undefined {
    const message = this.#waiting.get(this.#next);
    if (message === undefined || message.arrived.includes(0)) return undefined;
    this.#waiting.delete(this.#next);
    const sequence = this.#next++;
    return { type: message.type, sequence, body: message.body };
  }
}
