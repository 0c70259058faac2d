import { isHeldBy } from "../clients/confirmation.js";
import { isConfidential } from "../clients/methods.js";
import { spendToken } from "../store/access-tokens.js";
import type { StoredFacts } from "../store/uma-facts.js";
import type { TicketTerms } from "../store/uma-tickets.js";
import { statusQuestion, type AccessTokenClaims, type Permission } from "../tokens/access-token.js";
import type { AskedPermission } from "../uma/facts.js";
import { covers, fitsInToken, merged } from "../uma/permissions.js";
import { evaluate } from "../uma/evaluate.js";
import type { GrantContext } from "./grant.js";
import type { Party } from "./uma-party.js";

/** A requesting party token in the request, to be upgraded (UMA 2.0 Grant sections 3.3.1 and 3.3.5.1). */
type EarlierToken = AccessTokenClaims & { readonly permissions: readonly Permission[] };

/**
 * Reads an earlier token of the same client, party and resource server. Any other token is ignored. The name of a public
 * client proves nothing, so a bound token of it also needs its certificate or key (RFC 8705 section 4).
 */
export async function earlierToken(
  rpt: string | undefined,
  { resource_server }: TicketTerms,
  { sub }: Party,
  { core, client, shown }: GrantContext,
): Promise<EarlierToken | undefined> {
  const { client_id } = client;
  const read = rpt === undefined ? undefined : await core.accessTokens.read(rpt);
  if (read === undefined || read.expired) return undefined;
  const { permissions, ...claims } = read.claims;
  const own = claims.client_id === client_id && claims.sub === (sub ?? client_id) && claims.aud === resource_server;
  const held = isConfidential(client) || isHeldBy(claims.cnf, shown);
  return own && held && permissions !== undefined ? { ...claims, permissions } : undefined;
}

/**
 * Grants a request together with all permissions of an earlier token, and ends that token. Undefined if some of them are no
 * longer granted or do not fit in one token, or if the token is not in force: an upgrade keeps every permission.
 */
export async function upgrade(
  earlier: EarlierToken | undefined,
  asked: readonly AskedPermission[],
  found: StoredFacts,
  { core, client: { client_id } }: GrantContext,
): Promise<readonly Permission[] | undefined> {
  if (earlier === undefined) return undefined;
  const { issuer, previousIssuers } = core;
  const { permissions } = evaluate(found, {
    ...{ issuer, previousIssuers, client_id },
    asked: merged([...asked, ...earlier.permissions]),
  });
  if (!covers(permissions, earlier.permissions) || !fitsInToken(permissions)) return undefined;
  const ended = await spendToken(core.db, statusQuestion(earlier), core.clock.statement());
  return ended ? permissions : undefined;
}
