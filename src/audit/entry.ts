import { hash } from "node:crypto";

/**
 * An entry of the log is a commitment to a record, not the record itself: SHA-256 over a random salt and the bytes of the
 * record. Without the salt no guess of the record can be tested. So both can be erased, and the log stays whole.
 */

/** A record with the salt of its commitment. */
export interface OpenEntry {
  readonly salt: Uint8Array;
  /** The text of the record, byte for byte. */
  readonly record: string;
}

/** The entry of a record in the log, 32 bytes. @param salt 32 bytes */
export function commitmentTo({ salt, record }: OpenEntry): Buffer {
  return hash("sha256", Buffer.concat([salt, Buffer.from(record)]), "buffer");
}
