import { constants } from "node:crypto";
import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import { createSecureContext } from "node:tls";
import { OperatorError } from "../errors/operator-error.js";
import { LIMITS } from "./limits.js";
import { readTlsFiles, validityProblem, type TlsFiles, type TlsMaterial } from "./tls-files.js";

/** An https server whose certificate can be replaced while it runs. */
interface TlsServer {
  readonly server: Server;
  /** The certificate in use. */
  readonly material: TlsMaterial;
  /**
   * Reads the files again. If they differ, new connections use them. If they are invalid, the earlier ones stay in use.
   * @param now milliseconds since the epoch
   * @returns undefined if nothing has changed
   * @throws OperatorError in one line if the files are invalid
   */
  renew(now: number): Promise<Renewal | undefined>;
}

export interface Renewal {
  readonly material: TlsMaterial;
  /** Whether an authority was removed, so that existing connections may depend on it. */
  readonly dropsAuthority: boolean;
}

/**
 * Opens a server that asks every client for a certificate. It lets in clients without one, and those with one that no
 * authority vouches for: a client may be registered with one that it made itself (RFC 8705 section 2.2).
 * @throws OperatorError when a file cannot be used
 */
export async function openTlsServer(files: TlsFiles, answer: RequestListener): Promise<TlsServer> {
  let material = await readTlsFiles(files);
  const server = createServer({ ...LIMITS, ...CLIENT_CERTIFICATES, ...usable(material) }, answer);
  let turn: Promise<unknown> = Promise.resolve();

  const renew = async (now: number): Promise<Renewal | undefined> => {
    const found = await readTlsFiles(files);
    if (found.digest === material.digest) return undefined;
    const reason = validityProblem(found, now);
    if (reason !== undefined) throw new OperatorError(reason);
    // A new context has new ticket keys: a session under the earlier authorities cannot be resumed.
    server.setSecureContext(usable(found));
    const dropsAuthority = material.authorities.some((one) => !found.authorities.includes(one));
    material = found;
    return { material, dropsAuthority };
  };
  return {
    server,
    get material() {
      return material;
    },
    // Calls run one after the other, so that a slow one cannot replace the result of a later one.
    renew: (now) => {
      const next = turn.then(() => renew(now));
      turn = next.catch(() => undefined);
      return next;
    },
  };
}

const CLIENT_CERTIFICATES = {
  requestCert: true,
  rejectUnauthorized: false,
  handshakeTimeout: LIMITS.headersTimeout,
} as const;

/** For TLS 1.2 those that RFC 9325 section 4.2 recommends and no others; for TLS 1.3 those of RFC 8446 section 9.1. */
const CIPHER_SUITES = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
];

/** Groups for the key exchange (RFC 9325 section 4.2); the hybrid one where the OpenSSL of this Node.js has it. */
const GROUPS = ["X25519MLKEM768", "X25519", "P-256", "P-384", "P-521"].filter(isAvailable);

/** What handshakes are signed with, by server and client: nothing with SHA-1 (RFC 9155). */
const SIGNATURE_ALGORITHMS = [
  "ecdsa_secp256r1_sha256",
  "ecdsa_secp384r1_sha384",
  "ecdsa_secp521r1_sha512",
  "ed25519",
  "ed448",
  ...["rsa_pss_rsae", "rsa_pss_pss", "rsa_pkcs1"].flatMap((name) =>
    [256, 384, 512].map((bits) => `${name}_sha${bits}`),
  ),
];

const HANDSHAKE = {
  minVersion: "TLSv1.2",
  ciphers: CIPHER_SUITES.join(":"),
  ecdhCurve: GROUPS.join(":"),
  sigalgs: SIGNATURE_ALGORITHMS.join(":"),
  // With renegotiation, Node would read the new certificate but keep the verification result of the first.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const;

function isAvailable(ecdhCurve: string): boolean {
  try {
    return createSecureContext({ ecdhCurve }) !== undefined;
  } catch {
    return false;
  }
}

/** The options of a context that is known to work: setSecureContext is left half done by one that does not. */
function usable({ cert, key, authorities }: TlsMaterial) {
  // An empty list trusts no authority. Without a list, Node would trust every public authority.
  const options = { ...HANDSHAKE, cert, key, ca: [...authorities] };
  try {
    createSecureContext(options);
    return options;
  } catch (error) {
    throw new OperatorError(`TLS_CERT and TLS_KEY cannot be used: ${(error as Error).message}`);
  }
}
