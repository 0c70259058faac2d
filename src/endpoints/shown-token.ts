import { satisfiesConfirmation } from "../clients/methods.js";
import type { Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import type { SlotlessCode } from "../errors/catalogue.js";
import { Refusal } from "../errors/refusal.js";
import type { AccessTokenClaims } from "../tokens/access-token.js";
import type { UnreadRequest } from "./operations.js";

/** Why the store does not find a token in force, for the log. */
export const NOT_IN_FORCE = "expired, revoked, ended or switched off";

/**
 * An access token that is shown to this server as a resource server (RFC 6750): one of its own, of a client that may
 * use this dialect, with the certificate it is bound to. Whether it is in force, or has expired, is left to the question
 * that the endpoint has for the store anyway.
 * @param invalid what it is refused with
 */
export async function readShownToken(
  { accessTokens, registry }: Core,
  text: string,
  { credentials, spelling, facts }: UnreadRequest,
  invalid: SlotlessCode,
): Promise<{ readonly claims: AccessTokenClaims; readonly client: Client }> {
  const read = await accessTokens.read(text);
  if (read === undefined) throw new Refusal(invalid);
  const { claims } = read;
  facts.jti = claims.jti;
  facts.client_id = claims.client_id;
  const client = await registry.find(claims.client_id);
  if (!client?.dialects.includes(spelling.name)) throw new Refusal(invalid);
  if (!satisfiesConfirmation(claims.cnf, credentials)) {
    throw new Refusal(invalid, { reason: "bound to a certificate that was not presented" });
  }
  return { claims, client };
}
