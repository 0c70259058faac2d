import type { Client } from "../clients/registry.js";
import { sessionFor, subjectFor } from "../clients/subject.js";
import { epochSeconds, newId, type Clock, type Random } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";
import type { KeyRing } from "../keys/ring.js";

/** Media type of a logout token, which no other token has (OpenID Connect Back-Channel Logout 1.0 section 2.4). */
const LOGOUT_TOKEN_TYPE = "logout+jwt";

/** Lifetime in seconds; the section recommends at most two minutes. */
const LOGOUT_TOKEN_LIFETIME = 120;

const EVENTS = { "http://schemas.openid.net/event/backchannel-logout": {} };

interface LogoutTokenParts {
  readonly issuer: string;
  readonly ring: KeyRing;
  readonly master: MasterKey;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Issues a logout token, signed as the id_tokens of the client. It has no nonce, so no client takes it for an id_token.
 * @param sid the session that ended; undefined for all sessions of the user
 */
export async function issueLogoutToken(
  { issuer, ring, master, clock, random }: LogoutTokenParts,
  client: Client,
  { sub, sid }: { readonly sub: string; readonly sid: string | undefined },
): Promise<string> {
  const iat = epochSeconds(clock);
  const { text } = await ring.sign(client.id_token_signed_response_alg, LOGOUT_TOKEN_TYPE, {
    iss: issuer,
    aud: client.client_id,
    sub: subjectFor(master, client, sub),
    sid: sid && sessionFor(master, client, sid),
    iat,
    exp: iat + LOGOUT_TOKEN_LIFETIME,
    jti: newId(random),
    events: EVENTS,
  });
  return text;
}
