import { X509Certificate } from "node:crypto";
import { Refusal } from "../../errors/refusal.js";
import { isWithinValidity, matchesRegistration } from "../certificate.js";
import type { AuthenticationMethod } from "./method.js";

/** A certificate of a trusted authority whose subject is the registered one (RFC 8705 section 2.1). */
export const tlsClientAuth: AuthenticationMethod = {
  confidential: true,
  bindsTokens: true,
  check({ client, presented }, { clock }) {
    if (presented.certificate === undefined) throw wrong("no certificate");
    if (!presented.certificate.trusted) throw wrong("of no trusted authority");
    const certificate = new X509Certificate(presented.certificate.der);
    if (!isWithinValidity(certificate, clock.now())) throw wrong("expired, or not valid yet");
    if (!matchesRegistration(certificate, client)) throw wrong("not the registered subject");
  },
};

function wrong(reason: string): Refusal {
  return new Refusal("client_tls_wrong", {}, { reason });
}
