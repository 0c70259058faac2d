import { powersOf } from "../admin/powers.js";
import type { Powers } from "../admin/command.js";
import { adminAudience, isAdminScope, scopeOfPerson } from "../clients/admin-scopes.js";
import { shownToken } from "../clients/presented.js";
import type { Core } from "../core.js";
import { NOT_IN_FORCE, readShownToken, type ShownRequest } from "../endpoints/shown-token.js";
import { Refusal } from "../errors/refusal.js";
import { lookAtPerson, lookAtToken } from "../store/access-tokens.js";
import type { Caller } from "../store/audit-actor.js";
import { statusQuestion, type AccessTokenClaims } from "../tokens/access-token.js";

/** Who calls, and what they may do now. */
export interface Administrator {
  readonly caller: Caller;
  readonly powers: Powers;
}

/**
 * The administrator of a request, by its access token. Token, client and person are looked up with each request, so one that was
 * ended or disabled is refused with the next one.
 * @throws Refusal admin_token_missing, admin_token_invalid
 */
export async function administratorOf(core: Core, request: ShownRequest, ip: string): Promise<Administrator> {
  const token = shownToken(request.credentials);
  if (token === undefined) throw new Refusal("admin_token_missing");
  const { claims, client } = await readShownToken(core, token, request, "admin_token_invalid");
  refuseForeignAudience(core, claims);
  // A client can lose a scope while tokens that name it are still in force.
  const scope = claims.scope.split(" ").filter((name) => isAdminScope(name) && client.scope.includes(name));
  const { client_id } = client;
  const { user_epoch, sub } = claims;
  if (user_epoch === undefined) {
    const inForce = await lookAtToken(core.db, statusQuestion(claims), core.clock.statement());
    if (inForce === undefined) throw new Refusal("admin_token_invalid", { reason: NOT_IN_FORCE });
    return { caller: { kind: "client", id: client_id, ip }, powers: powersOf(scope) };
  }
  const found = await lookAtPerson(core.db, statusQuestion(claims), core.clock.statement());
  if (found === undefined) throw new Refusal("admin_token_invalid", { reason: NOT_IN_FORCE });
  request.facts.sub = sub;
  const powers = powersOf(scopeOfPerson(scope, found.person.roles));
  return { caller: { kind: "person", id: sub, client_id, ip }, powers };
}

/**
 * A token is for the Admin API alone (RFC 9068 section 4). One that is for another resource server too could be used by that
 * server.
 */
function refuseForeignAudience({ issuer, previousIssuers }: Core, { aud }: AccessTokenClaims): void {
  const audiences = [aud].flat();
  const isOurs = [issuer, ...previousIssuers].some((name) => audiences[0] === adminAudience(name));
  if (!isOurs || audiences.length > 1) throw new Refusal("admin_token_invalid", { reason: "of another audience" });
}
