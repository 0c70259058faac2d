import type { Client } from "../clients/registry.js";
import { Refusal } from "../errors/refusal.js";
import type { GrantContext } from "./grant.js";

/** The scopes a text names, in their order and as often as it names them (RFC 6749 section 3.3). */
export function readScope(text = ""): string[] {
  return text.split(" ").filter((name) => name !== "");
}

/**
 * The scopes a request names, in their order, each once; undefined where it names none.
 * @throws Refusal scope_repeated in a dialect that does not fold them
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
  // Only names that are known to be scopes: a password may have been put into the wrong field.
  facts.scope_requested = requested.filter((name) => client.scope.includes(name));
  return requested;
}

/**
 * What a request is granted of what its client is registered for.
 * @throws Refusal scope_not_allowed naming every scope the client may not have
 */
export function grantedScope(scope: string | undefined, context: GrantContext): readonly string[] {
  return allowedScope(namedScopes(scope, context) ?? [], context.client);
}

/**
 * What a client may have of what is named, each once: everything it is registered for where nothing is.
 * @throws Refusal scope_not_allowed naming every scope the client may not have
 */
export function allowedScope(names: readonly string[], { scope }: Client): readonly string[] {
  if (names.length === 0) return scope;
  const requested = [...new Set(names)];
  refuseBeyond(requested, scope);
  return requested;
}

/** @throws Refusal scope_not_allowed naming what is requested and not allowed */
export function refuseBeyond(requested: readonly string[], allowed: readonly string[]): void {
  const excess = requested.filter((name) => !allowed.includes(name));
  if (excess.length > 0) throw new Refusal("scope_not_allowed", { slots: { scopes: excess.join(",") } });
}
