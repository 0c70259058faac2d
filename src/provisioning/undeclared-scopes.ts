import { DIALECT_SCOPES } from "../dialects/index.js";
import type { Db } from "../store/open.js";
import { allScopes } from "../store/scopes.js";
import { BUILT_IN_SCOPES } from "../tokens/claims.js";
import type { Entry } from "./read.js";
import type { ProvisionedClient, Section } from "./schema.js";

/** Whose entries list the scopes that they may ask for. */
const LISTING: ReadonlySet<Section> = new Set<Section>(["clients", "devices"]);

/**
 * One line for each entry that lists scopes which are neither built in nor declared in the store. Such a scope exists
 * without description or audience, so it may be a misspelling.
 * @param entries what was written, with the scopes that it declares
 */
export async function undeclaredScopes(
  db: Db,
  entries: readonly Omit<Entry, "raw">[],
): Promise<readonly string[]> {
  const declared = new Set([...BUILT_IN_SCOPES, ...(await allScopes(db))].map(({ name }) => name));
  return entries.flatMap(({ section, path, key, value }) => {
    const { scope } = LISTING.has(section) ? (value as ProvisionedClient) : { scope: [] };
    const unknown = scope.filter((name) => !declared.has(name) && !DIALECT_SCOPES.has(name));
    return unknown.length === 0 ? [] : [`${path} (${key}) lists scopes that are not declared: ${unknown.join(" ")}`];
  });
}
