import type { Client } from "../clients/registry.js";
import { Refusal } from "../errors/refusal.js";
import type { GrantContext } from "./grant.js";

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
  { client, spelling, facts }: GrantContext,
): string[] | undefined {
  const names = readScope(scope);
  if (names.length === 0) return undefined;
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  if (repeated.length > 0 && spelling.repeatedScope === "refused") {
    throw new Refusal("scope_repeated", { slots: { scopes: [...new Set(repeated)].join(",") } });
  }
  const requested = [...new Set(names)];
  // Unknown names are left out, because a user may type a password into the wrong field.
  facts.scope_requested = requested.filter((name) => client.scope.includes(name));
  return requested;
}

/**
 * The granted scopes of a request: those it names, or all scopes of the client if it names none.
 * @throws Refusal scope_not_allowed, with every scope that the client may not have
 */
export function grantedScope(scope: string | undefined, context: GrantContext): readonly string[] {
  return allowedScope(namedScopes(scope, context) ?? [], context.client);
}

/**
 * The named scopes without repetitions, or all scopes of the client if none is named.
 * @throws Refusal scope_not_allowed, with every scope that the client may not have
 */
export function allowedScope(names: readonly string[], { scope }: Client): readonly string[] {
  if (names.length === 0) return scope;
  const requested = [...new Set(names)];
  refuseBeyond(requested, scope);
  return requested;
}

/** @throws Refusal scope_not_allowed, with the requested scopes that are not allowed */
export function refuseBeyond(requested: readonly string[], allowed: readonly string[]): void {
  const excess = requested.filter((name) => !allowed.includes(name));
  if (excess.length > 0) throw new Refusal("scope_not_allowed", { slots: { scopes: excess.join(",") } });
}
