import { X509Certificate } from "node:crypto";
import { matchesRegistration } from "../certificate.js";
import { byCertificate } from "./by-certificate.js";

/** A certificate of a trusted authority whose subject is the registered one (RFC 8705 section 2.1). */
export const tlsClientAuth = byCertificate(({ der, trusted }, client) => {
  if (!trusted) return "of no trusted authority";
  return matchesRegistration(new X509Certificate(der), client) ? undefined : "not the registered subject";
});
