import type { Client } from "../clients/registry.js";

/** The identification of a requesting party (UMA 2.0 Grant sections 3.3.1, 3.3.2 and 3.3.6). */

/** The claims interaction endpoint (src/browser/gather-claims.ts). */
export const CLAIMS_PATH = "/uma/claims";

/** The formats of claim tokens: an ID token of this server, under both names that UMA profiles give it. */
export const CLAIM_TOKEN_FORMATS = [
  "http://openid.net/specs/openid-connect-core-1_0.html#IDToken",
  "urn:ietf:params:oauth:token-type:id_token",
] as const;

/** An answer names up to this many claims. A client that has them all is told the next ones. */
const MAX_CLAIMS = 20;

/** The members of need_info: the required claims, their trusted issuer, and where the person can be identified. */
export function hintsFor(
  { claims_redirect_uris }: Client,
  claims: readonly string[],
  issuer: string,
): Readonly<Record<string, unknown>> {
  const required_claims = claims.slice(0, MAX_CLAIMS).map((name) => ({
    name,
    friendly_name: name,
    claim_type: name,
    issuer: [issuer],
    claim_token_format: CLAIM_TOKEN_FORMATS,
  }));
  const redirect = claims_redirect_uris.length > 0 ? { redirect_user: issuer + CLAIMS_PATH } : {};
  return { required_claims, ...redirect };
}
