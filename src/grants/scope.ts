import { Refusal } from "../errors/refusal.js";
import type { GrantContext } from "./grant.js";

/**
 * The scopes a request names, in their order, each once; undefined where it names none.
 * @throws Refusal scope_repeated in a dialect that does not fold them
 */
export function namedScopes(
  scope: string | undefined,
  { client, spelling, facts }: GrantContext,
): string[] | undefined {
  const names = (scope ?? "").split(" ").filter((name) => name !== "");
  if (names.length === 0) return undefined;
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  if (repeated.length > 0 && spelling.repeatedScope === "refused") {
    throw new Refusal("scope_repeated", { scopes: [...new Set(repeated)].join(",") });
  }
  const requested = [...new Set(names)];
  // Only names that are known to be scopes: a password may have been put into the wrong field.
  facts.scope_requested = requested.filter((name) => client.scope.includes(name));
  return requested;
}

/**
 * What a request is granted of what its client is registered for: what it names, or everything where it names nothing.
 * @throws Refusal scope_not_allowed naming every scope the client may not have
 */
export function grantedScope(scope: string | undefined, context: GrantContext): readonly string[] {
  const requested = namedScopes(scope, context);
  if (requested === undefined) return context.client.scope;
  refuseBeyond(requested, context.client.scope);
  return requested;
}

/** @throws Refusal scope_not_allowed naming what is requested and not allowed */
export function refuseBeyond(requested: readonly string[], allowed: readonly string[]): void {
  const excess = requested.filter((name) => !allowed.includes(name));
  if (excess.length > 0) throw new Refusal("scope_not_allowed", { scopes: excess.join(",") });
}
