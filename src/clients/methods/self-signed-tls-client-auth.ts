import type { JWK } from "jose";
import { isThumbprint, thumbprintOf } from "../certificate.js";
import { registeredKeys } from "../registered-keys.js";
import { byCertificate } from "./by-certificate.js";
import { hasKeys } from "./method.js";

/**
 * A registered certificate (RFC 8705 section 2.2): as `x5c` or `x5t#S256` of one of the client's keys, or by its
 * thumbprint. It needs no authority.
 */
export const selfSignedTlsClientAuth = byCertificate(
  async ({ der }, client, { keySets }) => {
    const isThisOne = (key: JWK) => certificateOf(key) === thumbprintOf(der);
    const { tls_client_certificate_thumbprint: thumbprint } = client;
    const registered =
      (thumbprint !== null && isThumbprint(thumbprint, der)) ||
      (await registeredKeys(client, keySets, isThisOne)).some(isThisOne); // client_keys_unavailable
    return registered ? undefined : "not a registered certificate";
  },
  [["has no certificate to compare", (client) => !hasKeys(client) && !client.tls_client_certificate_thumbprint]],
  ({ certificate }) => certificate !== undefined,
);

/** The SHA-256 thumbprint of the certificate a key comes with (RFC 7517 sections 4.7 and 4.9). */
function certificateOf(key: JWK): string | undefined {
  const [first] = key.x5c ?? [];
  return typeof first === "string" ? thumbprintOf(Buffer.from(first, "base64")) : key["x5t#S256"];
}
