import type { AskedPermission } from "./facts.js";

/** The limits of the permissions in one ticket, and so in one token. */

/** Limit of the entries of one permission request. */
export const MAX_PERMISSIONS = 100;

/** Limit of the scopes of one resource. */
export const MAX_SCOPES = 100;

/**
 * Limit of the permissions as JSON, in characters. Even if a dialect writes them twice, the token fits into a request
 * header (16 KiB, base64).
 */
const MAX_LENGTH = 4_096;

/** The same permissions, with each resource once and each of its scopes once. */
export function merged(permissions: readonly AskedPermission[]): readonly AskedPermission[] {
  const scopes = new Map<string, Set<string>>();
  for (const { resource_id, resource_scopes } of permissions) {
    scopes.set(resource_id, new Set([...(scopes.get(resource_id) ?? []), ...resource_scopes]));
  }
  return [...scopes].map(([resource_id, names]) => ({ resource_id, resource_scopes: [...names] }));
}

/** Whether these permissions fit into one token. */
export function fitsInToken(permissions: readonly AskedPermission[]): boolean {
  return permissions.length <= MAX_PERMISSIONS && JSON.stringify(permissions).length <= MAX_LENGTH;
}

/** Whether these permissions contain every scope of the others. */
export function covers(permissions: readonly AskedPermission[], others: readonly AskedPermission[]): boolean {
  const scopes = new Map(permissions.map((one) => [one.resource_id, one.resource_scopes]));
  return others.every((one) => one.resource_scopes.every((name) => scopes.get(one.resource_id)?.includes(name)));
}
