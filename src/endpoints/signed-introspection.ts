import type { Client } from "../clients/registry.js";
import { epochSeconds } from "../clock.js";
import type { Core } from "../core.js";

/** The response of introspection as a JWT (RFC 9701). */

/** Its media type (section 5). */
const SIGNED_RESPONSE = "token-introspection+jwt";

/** Whether a caller names this type in `Accept`. One with a wildcard gets JSON, as before. */
export function wantsSignedResponse(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return accept
    .toLowerCase()
    .split(",")
    .map((one) => one.split(";").map((part) => part.trim()))
    .some(
      ([type, ...more]) => type === `application/${SIGNED_RESPONSE}` && !more.some((part) => /^q=0(\.0*)?$/.test(part)),
    );
}

/**
 * Signs a response for its resource server (section 5). The token's claims are in a member of their own. So no reader takes
 * the response for an access token (section 8.1).
 */
export async function signResponse(
  { ring, issuer, clock }: Core,
  client: Client,
  result: { readonly active: boolean; readonly state?: object },
): Promise<string> {
  const { text } = await ring.sign(client.introspection_signed_response_alg, SIGNED_RESPONSE, {
    iss: issuer,
    aud: client.client_id,
    iat: epochSeconds(clock),
    token_introspection: result.active ? { active: true, ...result.state } : { active: false },
  });
  return text;
}
