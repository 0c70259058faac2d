import { createECDH, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";

/** One ephemeral key of this server. It is used for one handshake. */
interface KeyShare {
  readonly publicKey: Buffer;
  /** The shared secret; undefined if the client's point is not one of the group (RFC 8422 section 5.11). */
  agree(clientPoint: Buffer): Buffer | undefined;
}

export interface Group {
  /** The number in supported_groups (RFC 8422 section 5.1.1). */
  readonly id: number;
  makeShare(): KeyShare;
}

/** In the order of preference of this server. RFC 7252 section 9.1.3.3 makes P-256 mandatory. */
export const GROUPS: readonly Group[] = [
  { id: 29, makeShare: x25519 },
  { id: 23, makeShare: () => ecdh("prime256v1", 32) },
  { id: 24, makeShare: () => ecdh("secp384r1", 48) },
];

/** The groups of the curves that a certificate's key may be on. */
export const GROUP_OF_CURVE: Readonly<Record<string, number>> = { prime256v1: 23, secp384r1: 24, secp521r1: 25 };

/** What stands before the 32 bytes of an X25519 key in a SubjectPublicKeyInfo (RFC 8410 section 4). */
const X25519_SPKI = Buffer.from("302a300506032b656e032100", "hex");
const X25519_BYTES = 32;

/** The form of a point that RFC 8422 section 5.4.1 leaves. */
const UNCOMPRESSED = 0x04;

function x25519(): KeyShare {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  return {
    publicKey: publicKey.export({ format: "der", type: "spki" }).subarray(X25519_SPKI.length),
    agree: (point) => {
      if (point.length !== X25519_BYTES) return undefined;
      const key = { key: Buffer.concat([X25519_SPKI, point]), format: "der", type: "spki" } as const;
      return agreed(() => diffieHellman({ privateKey, publicKey: createPublicKey(key) }));
    },
  };
}

function ecdh(curve: string, bytes: number): KeyShare {
  const own = createECDH(curve);
  const publicKey = own.generateKeys();
  return {
    publicKey,
    agree: (point) =>
      point.length === 1 + 2 * bytes && point[0] === UNCOMPRESSED ? agreed(() => own.computeSecret(point)) : undefined,
  };
}

/** OpenSSL refuses a point that is not on the curve. A secret of zeros comes from a point of small order (RFC 7748 section 6.1). */
function agreed(agree: () => Buffer): Buffer | undefined {
  try {
    const secret = agree();
    return secret.some((byte) => byte !== 0) ? secret : undefined;
  } catch {
    return undefined;
  }
}
