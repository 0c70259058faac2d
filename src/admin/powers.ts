import { ADMIN_SCOPES } from "../clients/admin-scopes.js";
import type { Access, Powers } from "./command.js";

/** The powers that scopes of administration give: `jeton:admin:read` gives `read`, and `jeton:admin` all. */
export function powersOf(scopes: readonly string[]): Powers {
  const given = ADMIN_SCOPES.filter((name) => scopes.includes(name));
  return new Set(given.map((name) => (name.split(":")[2] ?? "all") as Access));
}

/** The scope that a command needs. */
export function scopeOf(access: Access): (typeof ADMIN_SCOPES)[number] {
  return access === "all" ? "jeton:admin" : `jeton:admin:${access}`;
}
