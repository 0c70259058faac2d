import { isHeldBy, shownThumbprint, type Confirmation } from "../clients/confirmation.js";
import { acceptProof } from "../clients/dpop.js";
import type { PresentedCredentials } from "../clients/presented.js";
import type { Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import type { SlotlessCode } from "../errors/catalogue.js";
import { Refusal } from "../errors/refusal.js";
import type { AccessTokenClaims } from "../tokens/access-token.js";
import type { UnreadRequest } from "./operations.js";

/** What a request shows beside an access token. */
export interface ShownRequest extends Pick<UnreadRequest, "credentials" | "facts"> {
  readonly spelling: Pick<UnreadRequest["spelling"], "name">;
}

/** The reason in the log for a token that the store does not find in force. */
export const NOT_IN_FORCE = "expired, revoked, ended or switched off";

/**
 * Reads an access token that is used at this server (RFC 6750, RFC 9449 section 7). This server has issued it, its client may
 * use this dialect, and the request shows the keys that it is bound to. The endpoint's own query to the store finds out
 * whether the token is in force.
 * @param invalid the code of the refusal
 * @throws Refusal that code, dpop_token_proof_invalid, dpop_token_nonce_missing
 */
export async function readShownToken(
  core: Core,
  text: string,
  { credentials, spelling, facts }: ShownRequest,
  invalid: SlotlessCode,
): Promise<{ readonly claims: AccessTokenClaims; readonly client: Client }> {
  const read = await core.accessTokens.read(text);
  if (read === undefined) throw new Refusal(invalid);
  const { claims } = read;
  facts.jti = claims.jti;
  facts.client_id = claims.client_id;
  const client = await core.registry.find(claims.client_id);
  if (!client?.dialects.includes(spelling.name)) throw new Refusal(invalid);
  const isBound = claims.cnf?.jkt !== undefined;
  if (credentials.dpop_token !== undefined && !isBound) throw new Refusal(invalid, { reason: "not bound to a key" });
  if (!isHeldBy(claims.cnf, await keysShown(core, client, credentials))) {
    throw new Refusal(invalid, { reason: "bound to a certificate or key that was not shown" });
  }
  return { claims, client };
}

/** The keys of a request. A proof counts only beside a token of the scheme DPoP, which it has to name. */
async function keysShown(core: Core, client: Client, credentials: PresentedCredentials): Promise<Confirmation> {
  const { dpop_token: accessToken, proof } = credentials;
  const certificate = shownThumbprint(credentials);
  if (accessToken === undefined) return { "x5t#S256": certificate };
  if (proof === undefined) throw new Refusal("dpop_token_proof_invalid", { slots: { flaw: "it is missing" } });
  return { "x5t#S256": certificate, jkt: await acceptProof(core, proof, { client, accessToken }) };
}
