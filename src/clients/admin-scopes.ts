/** The scopes of administration. `jeton:admin` includes the others. */
export const ADMIN_SCOPES = [
  "jeton:admin",
  "jeton:admin:read",
  "jeton:admin:revoke",
  "jeton:admin:clients",
  "jeton:admin:users",
  "jeton:admin:keys",
] as const;

const NAMES: ReadonlySet<string> = new Set(ADMIN_SCOPES);

export function isAdminScope(name: string): boolean {
  return NAMES.has(name);
}

/** The client that the console is. The server makes it. */
export const CONSOLE_CLIENT_ID = "jeton-console";

/** The path of the Admin API. */
export const ADMIN_API_PATH = "/admin/v1";

/** The audience of tokens for the Admin API. A declaration of the scopes cannot change it. */
export function adminAudience(issuer: string): string {
  return issuer + ADMIN_API_PATH;
}

/** The scopes that a token of a person may have: one of administration needs the role of the same name, or `jeton:admin`. */
export function scopeOfPerson(scope: readonly string[], roles: readonly string[]): readonly string[] {
  if (!scope.some(isAdminScope)) return scope;
  return scope.filter((name) => !isAdminScope(name) || roles.includes(name) || roles.includes("jeton:admin"));
}
