import { X509Certificate } from "node:crypto";
import { Refusal } from "../../errors/refusal.js";
import { isWithinValidity } from "../certificate.js";
import type { PresentedCertificate } from "../presented.js";
import type { RegisteredClient } from "../registered-client.js";
import type { AuthenticationMethod, MethodDependencies, RegistrationWarning } from "./method.js";

/**
 * A method with a certificate (RFC 8705 section 2) and no other credential (RFC 6749 section 2.3).
 * @param problemOf the reason, for the log, why the certificate is not the client's; undefined if it is
 * @param warnings the registrations that lack a certificate to compare with
 */
export function byCertificate(
  problemOf: (
    certificate: PresentedCertificate,
    client: RegisteredClient,
    means: MethodDependencies,
  ) => Promise<string | undefined> | string | undefined,
  warnings: readonly RegistrationWarning[],
  isPresented: AuthenticationMethod["isPresented"],
): AuthenticationMethod {
  return {
    confidential: true,
    secret: "none",
    isPresented,
    warnings,
    bindsTokens: true,
    async check({ client, presented: { certificate, basic, client_secret, client_assertion } }, means) {
      if (certificate === undefined) throw new Refusal("client_tls_wrong", { reason: "no certificate" });
      // A client_id with an empty secret is no second method.
      if (basic?.client_secret || client_secret || client_assertion) throw new Refusal("client_methods_mixed");
      const isCurrent = isWithinValidity(new X509Certificate(certificate.der), means.clock.now());
      const reason = isCurrent ? await problemOf(certificate, client, means) : "expired, or not valid yet";
      if (reason !== undefined) throw new Refusal("client_tls_wrong", { reason: reason });
    },
  };
}
