import { createCipheriv, createDecipheriv, type CipherCCMTypes } from "node:crypto";
import { uint } from "./bytes.js";
import type { CipherSuite } from "./cipher-suites.js";
import type { WriteKeys } from "./key-schedule.js";
import { CONTENT, MAX_PLAINTEXT, type DtlsRecord, type RecordHeader } from "./record.js";

/** Bytes of a nonce that are sent with the record: epoch and sequence number. */
const EXPLICIT_NONCE_BYTES = 8;
const PLACEHOLDER = Buffer.alloc(8, 0xff);

export interface Opened {
  /** The content type; of a record with a connection id, the one inside. */
  readonly type: number;
  readonly content: Buffer;
}

/** Protects the content of a record (RFC 5246 section 6.2.3.3; with a connection id RFC 9146 section 5). */
export function seal(suite: CipherSuite, { key, salt }: WriteKeys, header: RecordHeader, content: Buffer): Buffer {
  const explicit = numberOf(header);
  const cipher = createCipheriv(suite.cipher as CipherCCMTypes, key, Buffer.concat([salt, explicit]), {
    authTagLength: suite.tagBytes,
  });
  cipher.setAAD(additionalData(header, content.length), { plaintextLength: content.length });
  return Buffer.concat([explicit, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

/** The content of a record with a connection id: the type is hidden behind it (RFC 9146 section 4). */
export function innerPlaintext(type: number, content: Buffer): Buffer {
  return Buffer.concat([content, uint(1, type)]);
}

/** The content of a protected record; undefined if the record is not authentic. */
export function open(suite: CipherSuite, { key, salt }: WriteKeys, record: DtlsRecord): Opened | undefined {
  const { body } = record;
  const length = body.length - EXPLICIT_NONCE_BYTES - suite.tagBytes;
  if (length < 0 || length > MAX_PLAINTEXT) return undefined;
  const nonce = Buffer.concat([salt, body.subarray(0, EXPLICIT_NONCE_BYTES)]);
  const cipher = createDecipheriv(suite.cipher as CipherCCMTypes, key, nonce, { authTagLength: suite.tagBytes });
  cipher.setAAD(additionalData(record, length), { plaintextLength: length });
  cipher.setAuthTag(body.subarray(body.length - suite.tagBytes));
  try {
    const content = cipher.update(body.subarray(EXPLICIT_NONCE_BYTES, body.length - suite.tagBytes));
    cipher.final();
    return record.type === CONTENT.connectionId ? unwrap(content) : { type: record.type, content };
  } catch {
    // The only reason for which this fails is a tag that does not match. RFC 6347 section 4.1.2.7 drops the record.
    return undefined;
  }
}

/** Removes the padding of RFC 9146 section 4: zeros behind the type. */
function unwrap(content: Buffer): Opened | undefined {
  let end = content.length - 1;
  while (end >= 0 && content[end] === 0) end -= 1;
  return end < 0 ? undefined : { type: content[end]!, content: content.subarray(0, end) };
}

function additionalData(header: RecordHeader, length: number): Buffer {
  const { type, version, connectionId } = header;
  const tail = [uint(1, type), uint(2, version)];
  if (type !== CONTENT.connectionId) return Buffer.concat([numberOf(header), ...tail, uint(2, length)]);
  return Buffer.concat([
    PLACEHOLDER,
    uint(1, type),
    uint(1, connectionId.length),
    ...tail,
    numberOf(header),
    connectionId,
    uint(2, length),
  ]);
}

function numberOf({ epoch, sequence }: RecordHeader): Buffer {
  return Buffer.concat([uint(2, epoch), uint(6, sequence)]);
}
