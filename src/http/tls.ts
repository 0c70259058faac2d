import { constants, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import { OperatorError } from "../errors/operator-error.js";
import { LIMITS } from "./limits.js";

/** PEM files, to speak https. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** The authorities whose client certificates are trusted; without it none is. */
  readonly clientCa?: string | undefined;
}

/**
 * A server that asks everybody for a certificate and lets in whoever has none, or one that nobody vouches for: a client
 * may be registered with one that it made itself (RFC 8705 section 2.2).
 * @throws OperatorError when a file cannot be used
 */
export async function openTlsServer({ cert, key, clientCa }: TlsFiles, answer: RequestListener): Promise<Server> {
  const pem = { cert: await read(cert), key: await read(key) };
  // An empty list trusts nobody; without a list Node would trust every authority of the web.
  const ca = clientCa === undefined ? [] : authoritiesIn(await read(clientCa));
  try {
    return createServer({ ...LIMITS, ...pem, ...HANDSHAKE, ca }, answer);
  } catch (error) {
    throw new OperatorError(`TLS_CERT and TLS_KEY cannot be used: ${(error as Error).message}`);
  }
}

const HANDSHAKE = {
  requestCert: true,
  rejectUnauthorized: false,
  minVersion: "TLSv1.2",
  handshakeTimeout: LIMITS.headersTimeout,
  // Node reads the certificate of a second handshake, and leaves what it said of the first one's chain as it was.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const;

async function read(path: string): Promise<Buffer> {
  return readFile(path).catch(({ code }: NodeJS.ErrnoException) => {
    throw new OperatorError(`${path} cannot be read (${code})`);
  });
}

/** Node passes over what is no certificate without a word, so each is read here first. */
function authoritiesIn(pem: Buffer): string[] {
  const found = pem.toString("latin1").match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw new OperatorError("TLS_CLIENT_CA cannot be used: it holds no certificate in PEM");
  try {
    return found.map((one) => new X509Certificate(one).toString());
  } catch (error) {
    throw new OperatorError(`TLS_CLIENT_CA cannot be used: ${(error as Error).message}`);
  }
}
