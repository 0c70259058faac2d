import type { JWK } from "jose";
import { Refusal } from "../../errors/refusal.js";
import { isWithinValidity, readCertificate, thumbprintOf, thumbprintMatches } from "../certificate.js";
import { registeredKeys } from "../registered-keys.js";
import type { AuthenticationMethod } from "./method.js";

/**
 * A certificate that was registered itself (RFC 8705 section 2.2): as `x5c` or `x5t#S256` of one of the client's keys, or
 * by its thumbprint. Nobody has to vouch for it.
 */
export const selfSignedTlsClientAuth: AuthenticationMethod = {
  confidential: true,
  bindsTokens: true,
  async check({ client, presented }, { clock, keySets }) {
    const certificate = readCertificate(presented.certificate); // client_tls_wrong
    const isThisOne = (key: JWK) => certificateOf(key) === thumbprintOf(certificate.raw);
    const { tls_client_certificate_thumbprint: thumbprint } = client;
    const registered =
      (thumbprint !== null && thumbprintMatches(certificate.raw, thumbprint)) ||
      (await registeredKeys(client, keySets, isThisOne)).some(isThisOne); // client_keys_unavailable
    if (!registered) throw new Refusal("client_tls_wrong", {}, { reason: "not a registered certificate" });
    if (isWithinValidity(certificate, clock.now())) return;
    throw new Refusal("client_tls_wrong", {}, { reason: "expired, or not valid yet" });
  },
};

/** The SHA-256 thumbprint of the certificate a key comes with (RFC 7517 sections 4.7 and 4.9). */
function certificateOf(key: JWK): string | undefined {
  const [first] = key.x5c ?? [];
  return typeof first === "string" ? thumbprintOf(Buffer.from(first, "base64")) : key["x5t#S256"];
}
