import { decodeNumber, encodeNumber } from "./message.js";

/** The value of Block1 or Block2 (RFC 7959 section 2.2). */
export interface Block {
  readonly number: number;
  readonly more: boolean;
  /** Bytes of each block: a power of two from 16 to 1024. */
  readonly size: number;
}

/** The largest block, in bytes. */
export const MAX_BLOCK = 1024;

/** An exponent that is reserved over UDP. */
const RESERVED = 7;

/** @returns undefined if the size is the reserved one */
export function readBlock(value: Buffer): Block | undefined {
  const number = decodeNumber(value);
  const exponent = number & 7;
  if (exponent === RESERVED) return undefined;
  return { number: number >> 4, more: (number & 8) !== 0, size: 16 << exponent };
}

export function writeBlock({ number, more, size }: Block): Buffer {
  return encodeNumber((number << 4) | (more ? 8 : 0) | (Math.log2(size) - 4));
}
