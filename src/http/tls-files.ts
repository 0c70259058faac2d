import { createHash, createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { hasCome, hasPassed } from "../clock.js";
import { OperatorError } from "../errors/operator-error.js";
import { MIN_RSA_BITS } from "../rsa.js";

/** PEM files, to speak https. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** The authorities whose client certificates are trusted; without it none is. */
  readonly clientCa?: string | undefined;
  /** The settings that name certificate and key, for messages; those of https by default. */
  readonly settings?: TlsSettings;
}

interface TlsSettings {
  readonly cert: string;
  readonly key: string;
}

const HTTPS_SETTINGS: TlsSettings = { cert: "TLS_CERT", key: "TLS_KEY" };

/** The content of the files at one moment. */
export interface TlsMaterial {
  /** PEM: the server's own certificate first, then its chain. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** PEM, one certificate each. */
  readonly authorities: readonly string[];
  /** When the server's own certificate begins and ends, in milliseconds since the epoch. */
  readonly validFrom: number;
  readonly validTo: number;
  /** SHA-256 of the server's own certificate, as tools print it. */
  readonly fingerprint: string;
  /** Differs where any of the files differs. */
  readonly digest: string;
  /** The setting that names the certificate. */
  readonly setting: string;
}

/**
 * Reads the files, and checks that a server can speak TLS with them. Dates are not looked at (validityProblem).
 * @throws OperatorError in one line when they cannot be used
 */
export async function readTlsFiles({ cert, key, clientCa, settings = HTTPS_SETTINGS }: TlsFiles): Promise<TlsMaterial> {
  const certPem = await read(cert);
  const keyPem = await read(key);
  const caPem = clientCa === undefined ? undefined : await read(clientCa);
  const own = certificatesIn(certPem, settings.cert)[0]!;
  checkPair(own, keyIn(keyPem, settings), settings);
  return {
    cert: certPem,
    key: keyPem,
    authorities: caPem === undefined ? [] : certificatesIn(caPem, "TLS_CLIENT_CA").map((one) => one.toString()),
    validFrom: Date.parse(own.validFrom),
    validTo: Date.parse(own.validTo),
    fingerprint: own.fingerprint256,
    digest: createHash("sha256")
      .update(JSON.stringify([certPem, keyPem, caPem]))
      .digest("base64url"),
    setting: settings.cert,
  };
}

/**
 * Why clients would not accept the certificate at this time; undefined if they would.
 * @param now milliseconds since the epoch
 */
export function validityProblem({ validFrom, validTo, setting }: TlsMaterial, now: number): string | undefined {
  if (!hasCome(validFrom, now)) return `${setting} is not valid before ${new Date(validFrom).toISOString()}`;
  if (hasPassed(validTo, now)) return `${setting} has expired on ${new Date(validTo).toISOString()}`;
  return undefined;
}

async function read(path: string): Promise<string> {
  try {
    // A pipe has nothing to say the second time, and reading it may never end.
    if ((await stat(path)).isFile()) return await readFile(path, "latin1");
  } catch (error) {
    throw new OperatorError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  throw new OperatorError(`${path} cannot be read: it is no file`);
}

/** Node silently skips invalid certificates, and a file may be incomplete. So each certificate is parsed here first. */
function certificatesIn(pem: string, setting: string): X509Certificate[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw new OperatorError(`${setting} cannot be used: it holds no certificate in PEM`);
  if (found.length < pem.split("-----BEGIN CERTIFICATE").length - 1) {
    throw new OperatorError(`${setting} cannot be used: a certificate in it has no end`);
  }
  try {
    return found.map((one) => new X509Certificate(one));
  } catch (error) {
    throw new OperatorError(`${setting} cannot be used: ${(error as Error).message}`);
  }
}

function keyIn(pem: string, { key }: TlsSettings): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new OperatorError(`${key} cannot be used: ${(error as Error).message}`);
  }
}

/** Curves that signature algorithms of TLS 1.3 exist for (RFC 8446 section 4.2.3). */
const CURVES: readonly unknown[] = ["prime256v1", "secp384r1", "secp521r1"];

/** OpenSSL itself takes a certificate of one kind of key with a key of another kind, and then every handshake fails. */
function checkPair(own: X509Certificate, key: KeyObject, settings: TlsSettings): void {
  if (!own.checkPrivateKey(key)) {
    throw new OperatorError(`${settings.key} is not the key of the certificate in ${settings.cert}`);
  }
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined && modulusLength < MIN_RSA_BITS) {
    throw new OperatorError(
      `${settings.key} cannot be used: an RSA key needs ${MIN_RSA_BITS} bits or more, and it has ${modulusLength}`,
    );
  }
  if (namedCurve !== undefined && !CURVES.includes(namedCurve)) {
    throw new OperatorError(
      `${settings.key} cannot be used: its curve is ${namedCurve}, and must be P-256, P-384 or P-521`,
    );
  }
}
