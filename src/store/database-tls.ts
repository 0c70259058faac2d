import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type ConnectionOptions } from "node:tls";
import { OperatorError } from "../errors/operator-error.js";
import { fileModeProblem } from "./private-file.js";

/** The encryption of a connection: TLS with these options, none (false), or that of the environment (undefined). */
export type Encryption = ConnectionOptions | false | undefined;

/** The meaning of each sslmode (PostgreSQL documentation, section 34.19.1), in the order of the attempts. */
const MODES: Readonly<Record<string, (tls: ConnectionOptions) => readonly Encryption[]>> = {
  disable: () => [false],
  allow: (tls) => [false, unverified(tls)],
  prefer: (tls) => [unverified(tls), false],
  // With a root certificate, libpq has always treated `require` as `verify-ca`.
  require: (tls) => [tls.ca === undefined ? unverified(tls) : ofAnyName(tls)],
  "verify-ca": (tls) => [ofAnyName(tls)],
  "verify-full": (tls) => [tls],
};

function unverified(tls: ConnectionOptions): ConnectionOptions {
  return { ...tls, rejectUnauthorized: false };
}

function ofAnyName(tls: ConnectionOptions): ConnectionOptions {
  return { ...tls, checkServerIdentity: () => undefined };
}

/**
 * Reads the encryption from the parameters of a connection string.
 * @throws OperatorError with a message that follows the name of the setting
 */
export function readEncryptions(given: ReadonlyMap<string, string>): readonly Encryption[] {
  const mode = modeOf(given);
  if (mode === undefined) return [undefined];
  const encryptions = MODES[mode];
  if (encryptions === undefined)
    throw new OperatorError(`has an sslmode that is none of ${Object.keys(MODES).join(", ")}`);
  return encryptions(readFiles(given, mode));
}

/** The requested mode. Without one, a named certificate implies TLS. */
function modeOf(given: ReadonlyMap<string, string>): string | undefined {
  const [mode, ssl] = [given.get("sslmode"), given.get("ssl")];
  if (ssl !== undefined && (ssl !== "true" || mode !== undefined)) {
    throw new OperatorError("has the parameter ssl, which can only be true, without sslmode beside it");
  }
  const hasFiles = ["sslrootcert", "sslcert", "sslkey"].some((name) => given.has(name));
  if (mode === undefined && given.get("sslrootcert") === "system") return "verify-full";
  return mode ?? (ssl !== undefined || hasFiles ? "require" : undefined);
}

function readFiles(given: ReadonlyMap<string, string>, mode: string): ConnectionOptions {
  const [root, cert, key] = ["sslrootcert", "sslcert", "sslkey"].map((name) => given.get(name));
  if ((cert === undefined) !== (key === undefined)) throw new OperatorError("needs sslcert and sslkey together");
  if (root === "system" && mode !== "verify-full") {
    throw new OperatorError("has sslrootcert=system, which needs sslmode=verify-full");
  }
  if (mode === "verify-ca" && root === undefined)
    throw new OperatorError("has sslmode=verify-ca, which needs sslrootcert");
  const tls = {
    ...(root === undefined || root === "system" ? {} : { ca: readCertificate("sslrootcert", root) }),
    ...(cert === undefined ? {} : { cert: readCertificate("sslcert", cert) }),
    ...(key === undefined ? {} : { key: readKey(key) }),
  };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new OperatorError(
      `has an sslcert and an sslkey that do not go together (${(error as NodeJS.ErrnoException).code})`,
    );
  }
  return tls;
}

function readCertificate(name: string, path: string): string {
  const pem = read(name, path);
  try {
    new X509Certificate(pem);
    return pem;
  } catch {
    throw new OperatorError(`names an ${name} that holds no certificate in PEM`);
  }
}

function readKey(path: string): string {
  const pem = read("sslkey", path);
  const fault = fileModeProblem(statSync(path), true);
  if (fault !== undefined) throw new OperatorError(`names an sslkey that ${fault}`);
  return pem;
}

function read(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new OperatorError(`names an ${name} that cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
