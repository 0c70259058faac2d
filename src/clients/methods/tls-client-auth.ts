import { X509Certificate } from "node:crypto";
import { matchesRegistration } from "../certificate.js";
import { byCertificate } from "./by-certificate.js";
import type { RegisteredCredentials } from "./method.js";

/** A certificate of a trusted authority whose subject is the registered one (RFC 8705 section 2.1). */
export const tlsClientAuth = byCertificate(
  ({ der, trusted }, client) => {
    if (!trusted) return "of no trusted authority";
    return matchesRegistration(new X509Certificate(der), client) ? undefined : "not the registered subject";
  },
  [["has no certificate subject to compare", (client) => !hasSubject(client)]],
  ({ certificate }) => certificate?.trusted === true,
);

function hasSubject(client: RegisteredCredentials): boolean {
  return Object.entries(client).some(([name, value]) => SUBJECT.test(name) && value !== undefined);
}

/** The members that a certificate is compared with (RFC 8705 section 2.1.2). */
const SUBJECT = /^tls_client_(auth_|certificate_thumbprint$)/;
