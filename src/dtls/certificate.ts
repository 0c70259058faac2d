import { OperatorError } from "../errors/operator-error.js";
import type { CertificateHolder } from "../http/certificate-watch.js";
import type { Renewal } from "../http/tls.js";
import { readTlsFiles, validityProblem, type TlsFiles, type TlsMaterial } from "../http/tls-files.js";
import { readCredentials, type Credentials } from "./credentials.js";

/** A certificate that can be replaced while the server runs. */
export interface DtlsCertificate extends CertificateHolder {
  /** Those of the next handshake. */
  readonly credentials: Credentials;
}

/**
 * Reads the files of a certificate. Sessions keep what their handshake used.
 * @throws OperatorError in one line if they cannot be used
 */
export async function openDtlsCertificate(files: TlsFiles): Promise<DtlsCertificate> {
  let material = await readTlsFiles(files);
  let credentials = credentialsOf(material);
  const renew = async (now: number): Promise<Renewal | undefined> => {
    const found = await readTlsFiles(files);
    if (found.digest === material.digest) return undefined;
    const reason = validityProblem(found, now);
    if (reason !== undefined) throw new OperatorError(reason);
    credentials = credentialsOf(found);
    material = found;
    return { material, dropsAuthority: false };
  };
  return {
    get material() {
      return material;
    },
    get credentials() {
      return credentials;
    },
    renew,
  };
}

function credentialsOf(material: TlsMaterial): Credentials {
  try {
    return readCredentials(material);
  } catch (error) {
    throw new OperatorError(`${material.setting} cannot be used for DTLS: ${(error as Error).message}`);
  }
}
