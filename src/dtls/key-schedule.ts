import { createHmac } from "node:crypto";
import { vector } from "./bytes.js";
import type { CipherSuite } from "./cipher-suites.js";

/** Bytes of a nonce that the key block gives; the other eight are in the record (RFC 5288 section 3, RFC 6655 section 3). */
const SALT_BYTES = 4;
const MASTER_SECRET_BYTES = 48;
const VERIFY_DATA_BYTES = 12;

/** What one side protects its records with. */
export interface WriteKeys {
  readonly key: Buffer;
  readonly salt: Buffer;
}

export interface SessionKeys {
  readonly client: WriteKeys;
  readonly server: WriteKeys;
}

interface Randoms {
  readonly client: Buffer;
  readonly server: Buffer;
}

/** The pseudorandom function of TLS 1.2 (RFC 5246 section 5). */
function prf(hash: CipherSuite["hash"], secret: Buffer, label: string, seed: Buffer, length: number): Buffer {
  const mac = (...parts: readonly Buffer[]) => createHmac(hash, secret).update(Buffer.concat(parts)).digest();
  const labelled = Buffer.concat([Buffer.from(label, "latin1"), seed]);
  const output: Buffer[] = [];
  let a: Buffer = labelled;
  for (let bytes = 0; bytes < length; bytes += output.at(-1)!.length) {
    a = mac(a);
    output.push(mac(a, labelled));
  }
  return Buffer.concat(output).subarray(0, length);
}

/** The premaster secret of a PSK: as many zeros as the key has bytes, then the key (RFC 4279 section 2). */
export function pskPremaster(psk: Buffer): Buffer {
  return Buffer.concat([vector(2, Buffer.alloc(psk.length)), vector(2, psk)]);
}

/**
 * The master secret: over the handshake so far if both sides speak RFC 7627, or else over the random values.
 * @param sessionHash the hash of every message up to and with ClientKeyExchange; undefined without the extension
 */
export function masterSecret(
  { hash }: CipherSuite,
  premaster: Buffer,
  randoms: Randoms,
  sessionHash: Buffer | undefined,
): Buffer {
  return sessionHash === undefined
    ? prf(hash, premaster, "master secret", Buffer.concat([randoms.client, randoms.server]), MASTER_SECRET_BYTES)
    : prf(hash, premaster, "extended master secret", sessionHash, MASTER_SECRET_BYTES);
}

/** The keys of both sides (RFC 5246 section 6.3). Suites with authenticated encryption have no MAC keys. */
export function sessionKeys({ hash, keyBytes }: CipherSuite, master: Buffer, randoms: Randoms): SessionKeys {
  const seed = Buffer.concat([randoms.server, randoms.client]);
  const block = prf(hash, master, "key expansion", seed, 2 * (keyBytes + SALT_BYTES));
  const saltsAt = 2 * keyBytes;
  return {
    client: { key: block.subarray(0, keyBytes), salt: block.subarray(saltsAt, saltsAt + SALT_BYTES) },
    server: { key: block.subarray(keyBytes, saltsAt), salt: block.subarray(saltsAt + SALT_BYTES) },
  };
}

/** The content of Finished (RFC 5246 section 7.4.9). @param transcript the hash of every earlier message */
export function verifyData(suite: CipherSuite, master: Buffer, side: "client" | "server", transcript: Buffer): Buffer {
  return prf(suite.hash, master, `${side} finished`, transcript, VERIFY_DATA_BYTES);
}
