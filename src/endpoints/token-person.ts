import { isBoundTo } from "../clients/methods.js";
import type { Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { lookAtPerson, type TokenPerson } from "../store/access-tokens.js";
import { statusQuestion, type AccessTokenClaims } from "../tokens/access-token.js";
import type { OperationRequest } from "./operations.js";

/** The person an access token speaks for, with what else an endpoint that shows them something goes by. */
export interface BearerPerson extends TokenPerson {
  readonly token: AccessTokenClaims;
  readonly client: Client;
}

/**
 * Whom the bearer of an access token speaks for, if it is in force and may be used in this dialect.
 * @param suffices what the endpoint wants of a person's token
 * @throws Refusal token_not_valid, access_token_not_a_persons
 */
export async function personBehind(
  { db, accessTokens, registry }: Core,
  { facts, spelling, credentials }: OperationRequest,
  text: string,
  suffices: (token: AccessTokenClaims) => boolean = () => true,
): Promise<BearerPerson> {
  const read = await accessTokens.read(text);
  if (read === undefined) throw new Refusal("token_not_valid");
  const { claims: token, expired } = read;
  facts.jti = token.jti;
  facts.client_id = token.client_id;
  const client = await registry.find(token.client_id);
  if (expired || client === null || !client.dialects.includes(spelling.name)) throw new Refusal("token_not_valid");
  if (token.user_epoch === undefined || !suffices(token)) throw new Refusal("access_token_not_a_persons");

  if (!isBoundTo(token.cnf, credentials)) {
    throw new Refusal("token_not_valid", {}, { reason: "bound to a certificate that was not presented" });
  }
  const found = await lookAtPerson(db, statusQuestion(token));
  if (found === undefined) throw new Refusal("token_not_valid", {}, { reason: "revoked, ended or switched off" });
  facts.sub = token.sub;
  return { ...found, token, client };
}
