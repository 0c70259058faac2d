import type { Client } from "../clients/registry.js";
import { epochSeconds, type Clock } from "../clock.js";
import type { KeyRing } from "../keys/ring.js";

/** Media type of a signed authorization response. */
const RESPONSE_TYPE = "JWT";

/** Lifetime in seconds; JARM section 2.1 recommends at most ten minutes. */
const RESPONSE_LIFETIME = 600;

/** Signs the parameters of an authorization response for its client, with the algorithm it is registered for (JARM section 2.1). */
export async function signAuthorizationResponse(
  { issuer, ring, clock }: { readonly issuer: string; readonly ring: KeyRing; readonly clock: Clock },
  { client_id, authorization_signed_response_alg }: Client,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const { text } = await ring.sign(authorization_signed_response_alg, RESPONSE_TYPE, {
    ...parameters,
    iss: issuer,
    aud: client_id,
    exp: epochSeconds(clock) + RESPONSE_LIFETIME,
  });
  return text;
}
