import type { AskedPermission } from "./facts.js";

/** What may stand together in one ticket, and so in one token. */

/** Entries of one permission request. */
export const MAX_PERMISSIONS = 100;

/** Scopes of one resource. */
export const MAX_SCOPES = 100;

/**
 * Characters of permissions as JSON: a token with them, where a dialect says them twice, still fits into the header it is
 * sent in (16 KiB, base64).
 */
const MAX_LENGTH = 4_096;

/** The same permissions with each resource, and each scope of it, once. */
export function merged(permissions: readonly AskedPermission[]): readonly AskedPermission[] {
  const scopes = new Map<string, Set<string>>();
  for (const { resource_id, resource_scopes } of permissions) {
    scopes.set(resource_id, new Set([...(scopes.get(resource_id) ?? []), ...resource_scopes]));
  }
  return [...scopes].map(([resource_id, names]) => ({ resource_id, resource_scopes: [...names] }));
}

/** Whether permissions fit into one token. */
export function fitsInToken(permissions: readonly AskedPermission[]): boolean {
  return permissions.length <= MAX_PERMISSIONS && JSON.stringify(permissions).length <= MAX_LENGTH;
}

/** Whether permissions hold every scope of others. */
export function covers(permissions: readonly AskedPermission[], others: readonly AskedPermission[]): boolean {
  const scopes = new Map(permissions.map((one) => [one.resource_id, one.resource_scopes]));
  return others.every((one) => one.resource_scopes.every((name) => scopes.get(one.resource_id)?.includes(name)));
}
