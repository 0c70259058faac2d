import { createHash } from "node:crypto";
import type { Client } from "../clients/registry.js";
import { epochSeconds, type Clock } from "../clock.js";
import type { KeyRing } from "../keys/ring.js";

/** Seconds an id_token is good for: it is read once, right after it was got. */
export const ID_TOKEN_LIFETIME = 600;

export interface IdTokenOrder {
  readonly client: Client;
  readonly sub: string;
  /** The access token issued beside it. */
  readonly access_token: string;
  /** Seconds since the epoch at which the person logged in. */
  readonly auth_time: number;
  readonly amr: readonly string[];
  /** Claims of the person that a dialect puts into the id_token itself. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Issues an id_token (OpenID Connect Core section 2), signed as the client is registered for. */
export async function issueIdToken(
  { issuer, ring, clock }: { readonly issuer: string; readonly ring: KeyRing; readonly clock: Clock },
  { client, sub, access_token, auth_time, amr, claims }: IdTokenOrder,
): Promise<string> {
  const iat = epochSeconds(clock);
  const { text } = await ring.sign(client.id_token_signed_response_alg, "JWT", {
    ...claims,
    iss: issuer,
    sub,
    aud: client.client_id,
    iat,
    exp: iat + ID_TOKEN_LIFETIME,
    auth_time,
    amr: [...amr],
    at_hash: leftHalf(access_token),
  });
  return text;
}

/** `at_hash`: the left half of the hash; RS256 and ES256 both mean SHA-256 (OpenID Connect Core section 3.1.3.6). */
function leftHalf(text: string): string {
  return createHash("sha256").update(text, "ascii").digest().subarray(0, 16).toString("base64url");
}
