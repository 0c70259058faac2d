/** Sequence numbers that the window remembers (RFC 6347 section 4.1.2.6 recommends 64). */
const WIDTH = 64n;
const MASK = (1n << WIDTH) - 1n;

/** The records that a session has received: each sequence number is accepted once. */
export class ReplayWindow {
  #highest = -1;
  /** Bit n is set if the number `highest - n` has been received. */
  #received = 0n;

  /** The highest number received; -1 before the first. */
  get highest(): number {
    return this.#highest;
  }

  /** Whether a record with this number may be new. It is asked before the record is decrypted. */
  mayBeNew(sequence: number): boolean {
    if (sequence > this.#highest) return true;
    const behind = BigInt(this.#highest - sequence);
    return behind < WIDTH && (this.#received & (1n << behind)) === 0n;
  }

  /** Takes the number of a record that is authentic. No other record may move the window. */
  accept(sequence: number): void {
    if (sequence > this.#highest) {
      const ahead = BigInt(sequence - this.#highest);
      this.#received = ahead < WIDTH ? ((this.#received << ahead) | 1n) & MASK : 1n;
      this.#highest = sequence;
    } else this.#received |= 1n << BigInt(this.#highest - sequence);
  }
}
