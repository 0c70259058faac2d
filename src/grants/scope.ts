import type { Client } from "../clients/registry.js";
import { Refusal } from "../errors/refusal.js";
import type { GrantContext } from "./grant.js";
import { scopeFor } from "./targets.js";

export type ScopeContext = Pick<GrantContext, "client" | "spelling" | "facts" | "targets">;

/** The scopes of a space-separated list, in its order and with its repetitions (RFC 6749 section 3.3). */
export function readScope(text = ""): string[] {
  return text.split(" ").filter((name) => name !== "");
}

/**
 * The scopes of a request, in its order and without repetitions; undefined if it names none.
 * @throws Refusal scope_repeated in a dialect that refuses repetitions
 */
export function namedScopes(
  scope: string | undefined,
  { client, spelling, facts }: ScopeContext,
): string[] | undefined {
  const names = readScope(scope);
  if (names.length === 0) return undefined;
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  if (repeated.length > 0 && spelling.repeatedScope === "refused") {
    throw new Refusal("scope_repeated", { slots: { scopes: [...new Set(repeated)].join(",") } });
  }
  const requested = [...new Set(names)];
  // Unknown names are left out, because a user may type a password into the wrong field.
  const known = requested.filter((name) => client.scope.includes(name));
  facts.scope_requested = known;
  if (known.length < requested.length) facts.scope_beyond = requested.filter((name) => !client.scope.includes(name));
  return requested;
}

/**
 * The granted scopes of a request: those it names, or all scopes of the client if it names none. A request for resource
 * servers gets those that apply to them.
 * @throws Refusal scope_not_allowed, with every scope that the client may not have; target_unknown
 */
export function grantedScope(scope: string | undefined, context: ScopeContext): readonly string[] {
  const { client, targets } = context;
  const requested = namedScopes(scope, context) ?? client.scope;
  refuseBeyond(requested, client.scope);
  return scopeFor(targets, requested);
}

/**
 * The scopes of an authorization request that apply to the client; all of these if the request names none. Others are
 * ignored (OpenID Connect Core section 3.1.2.1), and so is offline_access without refresh tokens (section 11).
 * @throws Refusal scope_not_allowed, with all scopes of the request if none of them applies
 */
export function applicableScope(names: readonly string[], client: Client): readonly string[] {
  const refreshes = client.grant_types.includes("refresh_token");
  const applicable = client.scope.filter((name) => refreshes || name !== "offline_access");
  if (names.length === 0) return applicable;
  const requested = [...new Set(names)].filter((name) => applicable.includes(name));
  if (requested.length === 0) refuseBeyond([...new Set(names)], applicable);
  return requested;
}

/** @throws Refusal scope_not_allowed, with the requested scopes that are not allowed */
export function refuseBeyond(requested: readonly string[], allowed: readonly string[]): void {
  const excess = requested.filter((name) => !allowed.includes(name));
  if (excess.length > 0) throw new Refusal("scope_not_allowed", { slots: { scopes: excess.join(",") } });
}
