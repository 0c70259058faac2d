import type { Core } from "../../core.js";
import { Refusal } from "../../errors/refusal.js";
import { lookAtToken } from "../../store/access-tokens.js";
import type { Reach } from "../../store/uma-resources.js";
import type { Client } from "../../clients/registry.js";
import { statusQuestion } from "../../tokens/access-token.js";
import type { OperationRequest } from "../operations.js";
import { NOT_IN_FORCE, readShownToken } from "../shown-token.js";

/** The scope that makes an access token a protection API token (Federated Authorization for UMA 2.0 section 1.3). */
export const PROTECTION_SCOPE = "uma_protection";

/** Whose request to the protection API it is. */
export interface ResourceServerContext {
  /** The resource server. */
  readonly client: Client;
  /** What its token reaches: everything the server registered, or what the person it speaks for owns of that. */
  readonly reach: Reach;
}

/**
 * Whose protection API token (PAT) the request brought: one in force, with the scope, of a client that has it still. A resource server acting for itself
 * reaches whatever it registered; with a person's token it reaches that person's part.
 * @throws Refusal pat_missing, pat_invalid, pat_scope_missing
 */
export async function protect(core: Core, request: OperationRequest): Promise<ResourceServerContext> {
  const { bearer } = request.credentials;
  if (bearer === undefined) throw new Refusal("pat_missing");
  const { claims, client } = await readShownToken(core, bearer, request, "pat_invalid");
  // A scope that was taken from the client counts no more, although its tokens still say it.
  const entitled = [claims.scope.split(" "), client.scope].every((scopes) => scopes.includes(PROTECTION_SCOPE));
  if (!entitled) throw new Refusal("pat_scope_missing");
  const inForce = await lookAtToken(core.db, statusQuestion(claims), core.clock.statement());
  if (inForce === undefined) throw new Refusal("pat_invalid", { reason: NOT_IN_FORCE });
  const { client_id } = client;
  if (claims.user_epoch === undefined) return { client, reach: { client_id } };
  request.facts.sub = claims.sub;
  return { client, reach: { client_id, owner: claims.sub } };
}

/**
 * Whom something new belongs to: the person the token speaks for; else whom a server that acts for itself names, or nobody
 * but itself. There need be no such person, so that nothing is told of who there is.
 */
export function ownerOf({ reach }: ResourceServerContext, named: string | undefined): string | null {
  if (reach.owner !== undefined && named !== undefined && named !== reach.owner) {
    throw new Refusal("parameter_malformed", {
      slots: { name: "owner" },
      reason: "the token speaks for somebody else",
    });
  }
  return reach.owner ?? named ?? null;
}
