import { MESSAGE_HEADER_BYTES, writeFragment, type HandshakeMessage } from "./handshake-messages.js";
import { CONTENT, HEADER_BYTES } from "./record.js";
import type { RecordWriter } from "./record-writer.js";

/** What a flight is made of (RFC 6347 section 4.2.4). Finished is the message that is protected. */
export type FlightPart =
  { readonly message: HandshakeMessage; readonly isProtected: boolean } | { readonly changeCipherSpec: true };

/** Bytes that protection adds to a record at most: a connection id, the explicit nonce, the type inside, and the tag. */
const MAX_PROTECTION = 8 + 8 + 1 + 16;
const FRAGMENT_OVERHEAD = HEADER_BYTES + MESSAGE_HEADER_BYTES + MAX_PROTECTION;

/** A flight as datagrams, with new record numbers each time. @param maxDatagram bytes of the largest datagram */
export function writeFlight(
  parts: readonly FlightPart[],
  writer: RecordWriter,
  maxDatagram: number,
): readonly Buffer[] {
  return pack(
    parts.flatMap((part) => recordsOfPart(part, writer, maxDatagram)),
    maxDatagram,
  );
}

function recordsOfPart(part: FlightPart, writer: RecordWriter, maxDatagram: number): readonly Buffer[] {
  if ("changeCipherSpec" in part) return [writer.plain(CONTENT.changeCipherSpec, Buffer.from([1]))];
  const { message, isProtected } = part;
  const write = (content: Buffer) =>
    isProtected ? writer.sealed(CONTENT.handshake, content) : writer.plain(CONTENT.handshake, content);
  return fragmentsOf(message, maxDatagram - FRAGMENT_OVERHEAD).map(write);
}

/** A message in parts that fit a datagram each. An empty message is one part. */
function fragmentsOf({ type, sequence, body }: HandshakeMessage, maxPart: number): readonly Buffer[] {
  const count = Math.max(1, Math.ceil(body.length / maxPart));
  return Array.from({ length: count }, (_, at) => {
    const offset = at * maxPart;
    const part = body.subarray(offset, offset + maxPart);
    return writeFragment({ type, sequence, length: body.length, offset, part });
  });
}

/** As many records in each datagram as fit. */
function pack(records: readonly Buffer[], maxDatagram: number): readonly Buffer[] {
  const datagrams: Buffer[][] = [];
  let room = 0;
  for (const record of records) {
    if (record.length > room) {
      datagrams.push([]);
      room = maxDatagram;
    }
    datagrams.at(-1)!.push(record);
    room -= record.length;
  }
  return datagrams.map((one) => Buffer.concat(one));
}
