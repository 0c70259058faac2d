/**
 * The two forms of an ECDSA signature on P-256: JOSE has r and s in 32 bytes each (RFC 7518 section 3.4), OpenSSL has a DER
 * sequence of two integers (RFC 3279 section 2.2.3). Node.js converts between them too (`dsaEncoding: "ieee-p1363"`). In
 * Node.js 24 that takes as long as the signature itself; in Node.js 20 and 26 it costs nothing.
 */

/** Bytes of r, and of s. */
const HALF = 32;

const SEQUENCE = 0x30;
const INTEGER = 0x02;

/** The form of JOSE. @param der as OpenSSL makes it */
export function toJose(der: Buffer): Buffer {
  // Each element begins with its tag and its length, of one byte each: the sequence, then r, then s.
  const rEnd = 4 + der[3]!;
  // An integer has no zeros that it can do without, and a zero before a first bit that is set.
  const r = der.subarray(4, rEnd).subarray(-HALF);
  const s = der.subarray(rEnd + 2).subarray(-HALF);
  const signature = Buffer.alloc(2 * HALF);
  signature.set(r, HALF - r.length);
  signature.set(s, 2 * HALF - s.length);
  return signature;
}

/** The form of OpenSSL; undefined for a signature of another length. */
export function toOpenssl(signature: Buffer): Buffer | undefined {
  if (signature.length !== 2 * HALF) return undefined;
  const integers = [...integer(signature.subarray(0, HALF)), ...integer(signature.subarray(HALF))];
  return Buffer.from([SEQUENCE, integers.length, ...integers]);
}

function integer(half: Buffer): readonly number[] {
  const first = half.findIndex((byte) => byte !== 0);
  const digits = half.subarray(first);
  return digits[0]! < 0x80 ? [INTEGER, digits.length, ...digits] : [INTEGER, digits.length + 1, 0, ...digits];
}
