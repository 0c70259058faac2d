import { z } from "zod";
import { isHeldBy } from "../clients/confirmation.js";
import { Refusal } from "../errors/refusal.js";
import { optional, required } from "../http/parameters.js";
import { scopeOfGrant } from "../store/grants.js";
import { redeemRefreshToken, type RefreshOutcome } from "../store/refresh-tokens.js";
import { readRefreshToken } from "../tokens/refresh-token.js";
import { entitle } from "./entitle.js";
import { grantPlugin, type GrantContext } from "./grant.js";
import { namedScopes, refuseBeyond } from "./scope.js";
import { requireScopes } from "./targets.js";

/**
 * Refreshes an access token (RFC 6749 section 6). A refresh token works once, and a retry is safe. The store decides in one
 * statement (store/refresh-tokens.ts), and this file turns its outcome into a response.
 */
const parameters = z.object({
  refresh_token: required("refresh_token_missing"),
  scope: optional,
});

export const refreshTokenGrant = grantPlugin({
  types: ["refresh_token"],
  schema: parameters,
  responseTypes: [],
  async decide({ refresh_token, scope }, context) {
    const { core, client, issuance, facts } = context;
    const name = readRefreshToken(core.master, refresh_token);
    if (name === undefined) throw new Refusal("refresh_token_invalid", { reason: "not written by this server" });
    const { grant_id, generation, cnf } = name;
    facts.grant_id = grant_id;
    // Comes before the store: a wrong certificate or key uses no token up and ends no grant.
    if (!isHeldBy(cnf, context.shown)) {
      throw new Refusal("refresh_token_invalid", { reason: "bound to a certificate or key that was not shown" });
    }

    const requested = namedScopes(scope, context);
    await checkTargets(grant_id, requested, context); // target_unknown
    const outcome = await redeemRefreshToken(
      core.db,
      {
        grant_id,
        generation,
        client_id: client.client_id,
        scope: requested ?? null,
        scopeAllowed: (requested ?? []).every((one) => client.scope.includes(one)),
        rotation: client.refresh_token_rotation,
        retryable: !issuance.pairs,
        idle: client.refresh_token_lifetime,
        inServiceAt: core.availability.inServiceAt,
      },
      core.clock.statement(),
    );
    const { grant, user } = accept(outcome, requested, context); // refresh_token_invalid, …_foreign, scope_…
    facts.sub = user.sub;
    const next = { grant_id, generation: grant.generation, cnf };
    return entitle(context, grant, { user, grant: next, requested });
  },
});

/** A refused resource server uses no token up. So the scope of the grant, which never changes, is read first. */
async function checkTargets(
  grant_id: string,
  requested: readonly string[] | undefined,
  { core, client, targets }: GrantContext,
): Promise<void> {
  if (targets === undefined) return;
  const granted = await scopeOfGrant(core.db, grant_id);
  const scope = requested ?? granted?.filter((name) => client.scope.includes(name));
  if (scope !== undefined) requireScopes(targets, scope);
}

type Accepted = Extract<RefreshOutcome, { outcome: "rotated" | "retried" }>;

function accept(
  outcome: RefreshOutcome,
  requested: readonly string[] | undefined,
  { client, facts }: GrantContext,
): Accepted {
  switch (outcome.outcome) {
    case "rotated":
      return outcome;
    case "retried":
      facts.alarm = "refresh_token_retried";
      return outcome;
    case "reused":
      facts.alarm = "refresh_token_reused";
      throw new Refusal("refresh_token_invalid", { reason: "used before: the grant has been ended" });
    case "spent":
      facts.alarm = "refresh_token_retried";
      throw new Refusal("refresh_token_invalid", {
        reason: "used a moment ago, and its client gets no repeated answer",
      });
    case "superseded":
      facts.alarm = "refresh_token_superseded";
      throw new Refusal("refresh_token_invalid", { reason: "superseded a moment ago: the grant is left as it is" });
    case "unknown":
      throw new Refusal("refresh_token_invalid", { reason: "no such grant" });
    case "over":
      throw new Refusal("refresh_token_invalid", { reason: "the grant has ended or expired, or its user is disabled" });
    case "foreign":
      throw new Refusal("refresh_token_foreign");
    case "scope_exceeded":
      refuseBeyond(
        requested ?? [],
        outcome.granted.filter((one) => client.scope.includes(one)),
      );
      throw new Refusal("refresh_token_invalid", { reason: "its scope changed while it was refreshed" });
  }
}
