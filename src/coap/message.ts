/** The format of CoAP messages (RFC 7252 section 3). */

export const TYPE = { CON: 0, NON: 1, ACK: 2, RST: 3 } as const;

export type Type = (typeof TYPE)[keyof typeof TYPE];

/** An option: its number and its value, which is empty, opaque, a number or a text (section 3.2). */
export type Option = readonly [number: number, value: Buffer];

export interface Message {
  readonly type: Type;
  /** Class and detail in one byte: 0.02 is 2, and 2.01 is 65. Zero for an Empty message. */
  readonly code: number;
  /** The Message ID. */
  readonly id: number;
  readonly token: Buffer;
  /** In ascending order of their numbers. */
  readonly options: readonly Option[];
  readonly payload: Buffer;
}

/** A datagram with a valid header whose other bytes are no message. The header shows how to reject it. */
interface Malformed {
  readonly type: Type;
  readonly id: number;
  readonly malformed: true;
}

const VERSION = 1;
const HEADER = 4;
const MAX_TOKEN = 8;
const PAYLOAD_MARKER = 0xff;

/** Classes without a meaning (section 12.1). */
const RESERVED_CLASSES: readonly number[] = [1, 6, 7];

const EMPTY = Buffer.alloc(0);

/**
 * Reads a datagram. The parts of the message refer to its bytes.
 * @returns undefined if the datagram is no CoAP of version 1; such a datagram is ignored without an answer (section 3)
 */
export function decode(datagram: Uint8Array): Message | Malformed | undefined {
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.length);
  if (bytes.length < HEADER || bytes[0]! >> 6 !== VERSION) return undefined;
  const type = ((bytes[0]! >> 4) & 3) as Type;
  const id = bytes.readUInt16BE(2);
  return readBody(bytes, type, id) ?? { type, id, malformed: true };
}

/** Everything after the header; undefined for a message format error. */
function readBody(bytes: Buffer, type: Type, id: number): Message | undefined {
  const code = bytes[1]!;
  const options = HEADER + (bytes[0]! & 15);
  if (options > HEADER + MAX_TOKEN || options > bytes.length || RESERVED_CLASSES.includes(code >> 5)) return undefined;
  // An Empty message is the header alone (section 4.1).
  if (code === 0 && bytes.length > HEADER) return undefined;
  const read = readOptions(bytes, options);
  return read && { type, code, id, token: bytes.subarray(HEADER, options), ...read };
}

/** Options and payload; undefined for a message format error. */
function readOptions(bytes: Buffer, start: number): Pick<Message, "options" | "payload"> | undefined {
  const options: Option[] = [];
  let number = 0;
  let at = start;
  while (at < bytes.length) {
    if (bytes[at] === PAYLOAD_MARKER) {
      // A marker without a payload is an error (section 3).
      return at + 1 === bytes.length ? undefined : { options, payload: bytes.subarray(at + 1) };
    }
    const delta = readNibble(bytes, bytes[at]! >> 4, at + 1);
    const length = delta && readNibble(bytes, bytes[at]! & 15, delta.next);
    if (length === undefined || length.next + length.value > bytes.length) return undefined;
    number += delta!.value;
    at = length.next + length.value;
    options.push([number, bytes.subarray(length.next, at)]);
  }
  return { options, payload: EMPTY };
}

/** A delta or a length with its extended bytes (section 3.1); undefined if it is reserved or incomplete. */
function readNibble(bytes: Buffer, nibble: number, next: number): { value: number; next: number } | undefined {
  if (nibble < 13) return { value: nibble, next };
  if (nibble === 13) return next < bytes.length ? { value: bytes[next]! + 13, next: next + 1 } : undefined;
  if (nibble === 15 || next + 1 >= bytes.length) return undefined;
  return { value: bytes.readUInt16BE(next) + 269, next: next + 2 };
}

/** Writes a message. Its options need no order. */
export function encode({ type, code, id, token, options, payload }: Message): Buffer {
  const header = Buffer.from([(VERSION << 6) | (type << 4) | token.length, code, id >> 8, id & 0xff]);
  const parts = [header, token];
  let previous = 0;
  for (const [number, value] of options.toSorted(([one], [other]) => one - other)) {
    parts.push(optionHeader(number - previous, value.length), value);
    previous = number;
  }
  if (payload.length > 0) parts.push(Buffer.from([PAYLOAD_MARKER]), payload);
  return Buffer.concat(parts);
}

/** An Empty message: an acknowledgement or a Reset (section 4.1). */
export function encodeEmpty(type: Type, id: number): Buffer {
  return encode({ type, code: 0, id, token: EMPTY, options: [], payload: EMPTY });
}

function optionHeader(delta: number, length: number): Buffer {
  const [first, moreDelta] = nibbleOf(delta);
  const [second, moreLength] = nibbleOf(length);
  return Buffer.from([(first << 4) | second, ...moreDelta, ...moreLength]);
}

function nibbleOf(value: number): readonly [nibble: number, extended: readonly number[]] {
  if (value < 13) return [value, []];
  if (value < 269) return [13, [value - 13]];
  return [14, [(value - 269) >> 8, (value - 269) & 0xff]];
}

/** A number as an option has it: in network byte order without leading zeros (section 3.2). */
export function encodeNumber(value: number): Buffer {
  const bytes = [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? EMPTY : Buffer.from(bytes.slice(first));
}

/** @param value at most four bytes */
export function decodeNumber(value: Buffer): number {
  return value.reduce((number, byte) => number * 256 + byte, 0);
}
