import { constants, createPrivateKey, sign, X509Certificate, type KeyObject } from "node:crypto";
import type { CertificateExchange } from "./cipher-suites.js";
import { GROUP_OF_CURVE } from "./key-exchange.js";

/** PEM: the server's own certificate first, then its chain; and its key. */
interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** How the server proves who it is. */
export interface Credentials {
  /** DER, the server's own certificate first. */
  readonly chain: readonly Buffer[];
  /** The key exchanges that its key can sign. */
  readonly exchange: CertificateExchange;
  /** The group of its curve, which a client must know; undefined for RSA. */
  readonly group: number | undefined;
  readonly schemes: readonly SignatureScheme[];
  readonly key: KeyObject;
}

/** How a key signs (RFC 5246 section 7.4.1.4.1, RFC 8446 section 4.2.3). Nothing uses SHA-1 (RFC 9155). */
export interface SignatureScheme {
  readonly id: number;
  readonly hash: string;
  readonly padding?: "pss";
}

const SHA_256: SignatureScheme = { id: 0x0403, hash: "sha256" };
const SHA_384: SignatureScheme = { id: 0x0503, hash: "sha384" };
const SHA_512: SignatureScheme = { id: 0x0603, hash: "sha512" };
/** By curve. The hash as long as the curve comes first, because some clients warn about a shorter one. */
const ECDSA: Readonly<Record<string, readonly SignatureScheme[]>> = {
  prime256v1: [SHA_256, SHA_384, SHA_512],
  secp384r1: [SHA_384, SHA_512, SHA_256],
  secp521r1: [SHA_512, SHA_384, SHA_256],
};
const RSA: readonly SignatureScheme[] = [
  { id: 0x0804, hash: "sha256", padding: "pss" },
  { id: 0x0401, hash: "sha256" },
];

/**
 * Reads a certificate chain and its key.
 * @throws Error if node:crypto cannot read them
 * @throws RangeError if this server has no signature for this kind of key
 */
export function readCredentials({ cert, key }: CertificateFiles): Credentials {
  const blocks = cert.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const privateKey = createPrivateKey(key);
  const curve = privateKey.asymmetricKeyDetails?.namedCurve ?? "";
  const schemes = privateKey.asymmetricKeyType === "rsa" ? RSA : ECDSA[curve];
  if (schemes === undefined)
    throw new RangeError("DTLS 1.2 needs an RSA key, or one on the curve P-256, P-384 or P-521");
  return {
    chain: blocks.map((block) => new X509Certificate(block).raw),
    exchange: schemes === RSA ? "ecdhe_rsa" : "ecdhe_ecdsa",
    group: GROUP_OF_CURVE[curve],
    schemes,
    key: privateKey,
  };
}

/** Signs the parameters of a key exchange. */
export function signWith({ key }: Credentials, { hash, padding }: SignatureScheme, content: Buffer): Buffer {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return sign(hash, content, padding === "pss" ? { key, ...pss } : key);
}
