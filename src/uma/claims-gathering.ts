import type { Client } from "../clients/registry.js";

/** How it is found out who the requesting party is (UMA 2.0 Grant sections 3.3.1, 3.3.2 and 3.3.6). */

/** Where a browser is sent to be asked: the claims interaction endpoint. */
export const CLAIMS_PATH = "/uma/claims";

/** What a claim token may be: an ID token of this server, by either of the names UMA profiles give it. */
export const CLAIM_TOKEN_FORMATS = [
  "http://openid.net/specs/openid-connect-core-1_0.html#IDToken",
  "urn:ietf:params:oauth:token-type:id_token",
] as const;

/** Claims a client is told of at once: whoever has these may be told of the next. */
const MAX_CLAIMS = 20;

/** What a client is told that it lacks: which claims, whose word is taken for them, and where a person can be asked. */
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
