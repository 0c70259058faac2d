import { Refusal } from "../../errors/refusal.js";
import { lookAtToken } from "../../store/access-tokens.js";
import type { Reach } from "../../store/uma-resources.js";
import { shownToken } from "../../clients/presented.js";
import type { Client } from "../../clients/registry.js";
import { statusQuestion } from "../../tokens/access-token.js";
import type { Guard } from "../operations.js";
import { NOT_IN_FORCE, readShownToken } from "../shown-token.js";

/** The scope that makes an access token a protection API token (Federated Authorization for UMA 2.0 section 1.3). */
const PROTECTION_SCOPE = "uma_protection";

/** The resource server that sent a request to the protection API. */
export interface ResourceServerContext {
  readonly client: Client;
  /** The resources its token covers: all that the server registered, or those of the person the token speaks for. */
  readonly reach: Reach;
}

/**
 * The guard of the protection API: the request has to bring a protection API token (PAT). The token is in force, has the
 * scope, and its client still holds that scope.
 * @throws Refusal pat_missing, pat_invalid, pat_scope_missing
 */
export const pat: Guard<ResourceServerContext> = async (request, core) => {
  const token = shownToken(request.credentials);
  if (token === undefined) throw new Refusal("pat_missing");
  const { claims, client } = await readShownToken(core, token, request, "pat_invalid");
  // A client can lose the scope while tokens that name it are still in force.
  const entitled = [claims.scope.split(" "), client.scope].every((scopes) => scopes.includes(PROTECTION_SCOPE));
  if (!entitled) throw new Refusal("pat_scope_missing");
  const inForce = await lookAtToken(core.db, statusQuestion(claims), core.clock.statement());
  if (inForce === undefined) throw new Refusal("pat_invalid", { reason: NOT_IN_FORCE });
  const { client_id } = client;
  if (claims.user_epoch === undefined) return { client, reach: { client_id } };
  request.facts.sub = claims.sub;
  return { client, reach: { client_id, owner: claims.sub } };
};

/**
 * The owner of a new resource or policy. A token of a person makes that person the owner. A resource server that acts for
 * itself may name an owner. The name is not looked up, so the answer does not reveal which people exist.
 * @returns null where the resource belongs to the resource server alone
 * @throws Refusal parameter_malformed where a person's token names another owner
 */
export function ownerOf({ reach }: ResourceServerContext, named: string | undefined): string | null {
  if (reach.owner !== undefined && named !== undefined && named !== reach.owner) {
    throw new Refusal("parameter_malformed", {
      slots: { name: "owner" },
      reason: "the token speaks for another person",
    });
  }
  return reach.owner ?? named ?? null;
}
