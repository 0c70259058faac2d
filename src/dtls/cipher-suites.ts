/** How client and server agree on a secret. */
type KeyExchange = CertificateExchange | "psk";

/** The exchanges in which a certificate proves the key of the server. */
export type CertificateExchange = "ecdhe_ecdsa" | "ecdhe_rsa";

export interface CipherSuite {
  /** The number in ClientHello and ServerHello. */
  readonly id: number;
  readonly name: string;
  readonly exchange: KeyExchange;
  /** The name by which node:crypto knows the cipher. */
  readonly cipher: string;
  /** Bytes of the key, and of the tag behind each record. */
  readonly keyBytes: number;
  readonly tagBytes: number;
  /** The hash of the PRF and of the transcript. */
  readonly hash: "sha256" | "sha384";
  /**
   * How many forged records a session survives. A tag of eight bytes is guessed in 2^64 attempts on average. So its sessions end
   * after far fewer (RFC 9147 section 4.5.3 gives the reason, and the limits for DTLS 1.3).
   */
  readonly maxForgeries: number;
}

const GCM = { tagBytes: 16, maxForgeries: 2 ** 36 } as const;
const CCM = { tagBytes: 16, maxForgeries: 2 ** 23 } as const;
const CCM_8 = { tagBytes: 8, maxForgeries: 2 ** 20 } as const;
const AES_128 = { keyBytes: 16, hash: "sha256" } as const;
const AES_256 = { keyBytes: 32, hash: "sha384" } as const;

/**
 * In the order of preference of this server. All have authenticated encryption (RFC 9325 section 4.2). Those with a certificate have
 * forward secrecy.
 */
export const CIPHER_SUITES: readonly CipherSuite[] = [
  suite(0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256", "ecdhe_ecdsa", "aes-128-gcm", { ...AES_128, ...GCM }),
  suite(0xc02f, "ECDHE-RSA-AES128-GCM-SHA256", "ecdhe_rsa", "aes-128-gcm", { ...AES_128, ...GCM }),
  suite(0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384", "ecdhe_ecdsa", "aes-256-gcm", { ...AES_256, ...GCM }),
  suite(0xc030, "ECDHE-RSA-AES256-GCM-SHA384", "ecdhe_rsa", "aes-256-gcm", { ...AES_256, ...GCM }),
  suite(0xc0ac, "ECDHE-ECDSA-AES128-CCM", "ecdhe_ecdsa", "aes-128-ccm", { ...AES_128, ...CCM }),
  // The suite that RFC 7252 section 9.1.3.3 makes mandatory.
  suite(0xc0ae, "ECDHE-ECDSA-AES128-CCM8", "ecdhe_ecdsa", "aes-128-ccm", { ...AES_128, ...CCM_8 }),
  suite(0x00a8, "PSK-AES128-GCM-SHA256", "psk", "aes-128-gcm", { ...AES_128, ...GCM }),
  suite(0xc0a4, "PSK-AES128-CCM", "psk", "aes-128-ccm", { ...AES_128, ...CCM }),
  // The suite that RFC 7252 section 9.1.3.1 makes mandatory.
  suite(0xc0a8, "PSK-AES128-CCM8", "psk", "aes-128-ccm", { ...AES_128, ...CCM_8 }),
];

type Sizes = Pick<CipherSuite, "keyBytes" | "tagBytes" | "hash" | "maxForgeries">;

function suite(id: number, name: string, exchange: KeyExchange, cipher: string, sizes: Sizes): CipherSuite {
  return { id, name, exchange, cipher, ...sizes };
}
