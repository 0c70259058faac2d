import { satisfiesConfirmation } from "../clients/methods.js";
import type { Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import type { SlotlessCode } from "../errors/catalogue.js";
import { Refusal } from "../errors/refusal.js";
import type { AccessTokenClaims } from "../tokens/access-token.js";
import type { UnreadRequest } from "./operations.js";

/** The reason in the log for a token that the store does not find in force. */
export const NOT_IN_FORCE = "expired, revoked, ended or switched off";

/**
 * Reads an access token that is used at this server (RFC 6750). This server has issued it, its client may use this dialect,
 * and the request has the certificate that it is bound to. The endpoint's own query to the store finds out whether the token
 * is in force.
 * @param invalid the code of the refusal
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
