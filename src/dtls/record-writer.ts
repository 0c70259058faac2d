import type { CipherSuite } from "./cipher-suites.js";
import type { WriteKeys } from "./key-schedule.js";
import { innerPlaintext, seal } from "./protection.js";
import { CONTENT, DTLS_1_2, MAX_SEQUENCE, NO_CONNECTION_ID, writeRecord } from "./record.js";

/** How records are protected from epoch 1 on. */
interface Protection {
  readonly suite: CipherSuite;
  readonly keys: WriteKeys;
  /** The id that the client wants; empty if it wants none, or does not speak RFC 9146. */
  readonly connectionId: Buffer;
}

/** Numbers the records to one client, and protects those of epoch 1. No number is used twice. */
export class RecordWriter {
  /** The next number in epoch 0 and in epoch 1. */
  readonly #next: [number, number];
  #protection: Protection | undefined;

  /** @param first the first number: that of the record that brought the ClientHello (RFC 6347 section 4.2.1) */
  constructor(first: number) {
    this.#next = [first, 0];
  }

  protect(protection: Protection): void {
    this.#protection = protection;
  }

  /** A record of epoch 0. */
  plain(type: number, content: Buffer): Buffer {
    const sequence = this.#number(0);
    return writeRecord({ type, version: DTLS_1_2, epoch: 0, sequence, connectionId: NO_CONNECTION_ID }, content);
  }

  /** A record of epoch 1. */
  sealed(type: number, content: Buffer): Buffer {
    const { suite, keys, connectionId } = this.#protection!;
    const hasId = connectionId.length > 0;
    const header = {
      type: hasId ? CONTENT.connectionId : type,
      version: DTLS_1_2,
      epoch: 1,
      sequence: this.#number(1),
      connectionId,
    };
    return writeRecord(header, seal(suite, keys, header, hasId ? innerPlaintext(type, content) : content));
  }

  #number(epoch: 0 | 1): number {
    // Two records under one number would have one nonce. A session does not live for 2^48 records.
    if (this.#next[epoch] > MAX_SEQUENCE) throw new RangeError("a session has used up its sequence numbers");
    return this.#next[epoch]++;
  }
}
