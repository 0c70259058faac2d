import { toSeconds } from "../clock.js";
import type { GrantTerms } from "../store/grants.js";
import type { Person } from "../store/users.js";
import type { RefreshTokenName } from "../tokens/refresh-token.js";
import type { Entitlement, GrantContext } from "./grant.js";
import { scopeFor } from "./targets.js";

/**
 * The entitlement of a stored grant. Scopes that the client has lost since are dropped. A narrower request narrows this
 * access token only (RFC 6749 section 6), and so does a named resource server (RFC 8707 section 2.2).
 * @throws Refusal target_unknown
 * @param nonce for the first id_token of the grant only (OpenID Connect Core section 12.2)
 */
export function entitle(
  { client, targets }: GrantContext,
  terms: GrantTerms,
  {
    user,
    grant,
    requested,
    nonce,
  }: {
    readonly user: Person;
    readonly grant: RefreshTokenName;
    readonly requested?: readonly string[] | undefined;
    readonly nonce?: string | null;
  },
): Entitlement {
  const { auth_time, amr, acr, sid, scope, id_token_claims, claims_locales } = terms;
  return {
    scope: scopeOfGrant({ client, targets }, scope, requested),
    user,
    login: { auth_time: toSeconds(auth_time), amr, acr, sid, ...(nonce ? { nonce } : {}) },
    claims: { names: id_token_claims, locales: claims_locales },
    grant,
  };
}

/**
 * The scopes of a token of a stored grant: the requested ones, or all of the grant, as far as the client still has them.
 * @throws Refusal target_unknown
 */
export function scopeOfGrant(
  { client, targets }: Pick<GrantContext, "client" | "targets">,
  granted: readonly string[],
  requested: readonly string[] | undefined,
): readonly string[] {
  return scopeFor(
    targets,
    (requested ?? granted).filter((name) => client.scope.includes(name)),
  );
}
