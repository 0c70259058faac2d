import { Refusal } from "../../errors/refusal.js";
import { algorithmsOf, isSigned, keysFor, readJws } from "../assertion.js";
import { acceptOnce } from "../assertion-claims.js";
import { registeredKeys } from "../registered-keys.js";
import { algorithmsUnder } from "../fapi2-algorithms.js";
import { PUBLIC_KEY_ALGORITHMS } from "./algorithms.js";
import { hasKeys, type AuthenticationMethod } from "./method.js";

/** A JWT signed with the client's private key (RFC 7523 section 2.2); the public one is registered, or at `jwks_uri`. */
export const privateKeyJwt: AuthenticationMethod = {
  confidential: true,
  secret: "none",
  warnings: [["has no key in jwks and no jwks_uri", (client) => !hasKeys(client)]],
  signingAlgorithms: PUBLIC_KEY_ALGORITHMS,
  isPresented: ({ client_assertion }) => client_assertion !== undefined,
  async check({ client, presented, audiences }, means) {
    const jws = readJws(presented.client_assertion); // assertion_not_jws, assertion_payload_unreadable
    const { kid } = jws.header;
    const keys = await registeredKeys(client, means.keySets, (key) => kid === undefined || key.kid === kid); // client_keys_unavailable
    const signed = await isSigned(
      jws,
      keysFor(keys, jws.header),
      algorithmsOf(client, algorithmsUnder(client, PUBLIC_KEY_ALGORITHMS)),
    );
    if (!signed) throw new Refusal("assertion_signature_wrong");
    // FAPI 2.0 Security Profile section 5.3.2.1: the issuer alone, and as a text.
    const strict = client.profile === null ? { audiences } : { audiences: means.issuers, isTextOnly: true };
    await acceptOnce(jws.payload, { client, ...strict }, means);
  },
};
