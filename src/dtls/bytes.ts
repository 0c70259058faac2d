/** Thrown where a message does not have the form that its RFC gives it. It is caught inside this room. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

/** Does something with a message. One that does not have its form is dropped (RFC 6347 section 4.1.2.7). */
export function dropMalformed(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
}

/** Reads the presentation language of TLS (RFC 5246 section 4), and never beyond the end of its bytes. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Bytes read so far. */
  get at(): number {
    return this.#at;
  }

  /** An unsigned number of up to six bytes. */
  uint(bytes: number): number {
    return this.take(bytes).readUIntBE(0, bytes);
  }

  take(length: number): Buffer {
    if (length > this.left) throw new DecodeError("a message is shorter than its fields");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A vector whose length comes first. @param lengthBytes how many bytes that length has */
  vector(lengthBytes: number): Buffer {
    return this.take(this.uint(lengthBytes));
  }

  /** @throws DecodeError if bytes are left */
  end(): void {
    if (this.left > 0) throw new DecodeError("a message is longer than its fields");
  }
}

/** An unsigned number in up to six bytes. */
export function uint(bytes: number, value: number): Buffer {
  const written = Buffer.alloc(bytes);
  written.writeUIntBE(value, 0, bytes);
  return written;
}

/** A vector with its length before it. @param lengthBytes how many bytes that length has */
export function vector(lengthBytes: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([uint(lengthBytes, content.length), content]);
}

/** Reads a list of numbers of two bytes each. */
export function uint16List(bytes: Buffer): readonly number[] {
  if (bytes.length % 2 === 1) throw new DecodeError("a list of numbers has an odd length");
  return Array.from({ length: bytes.length / 2 }, (_, at) => bytes.readUInt16BE(at * 2));
}
