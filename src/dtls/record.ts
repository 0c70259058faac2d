import { uint } from "./bytes.js";

/** Content types (RFC 5246 section 6.2.1, RFC 9146 section 4). */
export const CONTENT = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
  /** A protected record that names its connection; the real type is inside. */
  connectionId: 25,
} as const;

/** DTLS 1.2 (RFC 6347 section 4.1). */
export const DTLS_1_2 = 0xfefd;
/** DTLS 1.0: in the first record of many clients, and in every HelloVerifyRequest (RFC 6347 section 4.2.1). */
export const DTLS_1_0 = 0xfeff;

/** Bytes of the connection ids that this server gives out. */
export const CONNECTION_ID_BYTES = 8;

/** Largest plaintext of a record (RFC 5246 section 6.2.1), and the most that protection may add to it. */
export const MAX_PLAINTEXT = 2 ** 14;
const MAX_EXPANSION = 256;

/** Highest sequence number (RFC 6347 section 4.1). */
export const MAX_SEQUENCE = 2 ** 48 - 1;

/** One record as it arrived. Below epoch 1 `body` is plaintext. */
export interface DtlsRecord {
  readonly type: number;
  readonly version: number;
  readonly epoch: number;
  readonly sequence: number;
  /** The connection id that this server chose; empty in records without one. */
  readonly connectionId: Buffer;
  readonly body: Buffer;
}

/** The fields before a record's length. */
export interface RecordHeader {
  readonly type: number;
  readonly version: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly connectionId: Buffer;
}

export const NO_CONNECTION_ID = Buffer.alloc(0);

/** Bytes of a header without a connection id. */
export const HEADER_BYTES = 13;

/** The records of a datagram, up to the first one that is incomplete or has no valid header (RFC 6347 section 4.1.2.7). */
export function* recordsOf(datagram: Buffer): Generator<DtlsRecord> {
  for (let at = 0; datagram.length - at >= HEADER_BYTES;) {
    const type = datagram.readUInt8(at);
    const version = datagram.readUInt16BE(at + 1);
    const idBytes = type === CONTENT.connectionId ? CONNECTION_ID_BYTES : 0;
    const bodyAt = at + HEADER_BYTES + idBytes;
    if (type < CONTENT.changeCipherSpec || type > CONTENT.connectionId || version >> 8 !== 0xfe) return;
    if (datagram.length < bodyAt) return;
    const length = datagram.readUInt16BE(bodyAt - 2);
    if (length > MAX_PLAINTEXT + MAX_EXPANSION || datagram.length < bodyAt + length) return;
    yield {
      type,
      version,
      epoch: datagram.readUInt16BE(at + 3),
      sequence: datagram.readUIntBE(at + 5, 6),
      connectionId: datagram.subarray(at + 11, at + 11 + idBytes),
      body: datagram.subarray(bodyAt, bodyAt + length),
    };
    at = bodyAt + length;
  }
}

/** A record as it is sent. */
export function writeRecord(header: RecordHeader, body: Buffer): Buffer {
  return Buffer.concat([
    uint(1, header.type),
    uint(2, header.version),
    uint(2, header.epoch),
    uint(6, header.sequence),
    header.connectionId,
    uint(2, body.length),
    body,
  ]);
}
