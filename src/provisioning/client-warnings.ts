import type { Db } from "../store/open.js";
import type { ProvisionedClient } from "./schema.js";
import { UndeclaredScopes } from "./undeclared-scopes.js";
import { Warnings } from "./warnings.js";
import type { Vault } from "./write.js";

/**
 * Warnings about one client that a command has written.
 * @param isSecretless whether the store has no secret for it
 */
export async function warningsOfClient(
  { db, takesCertificates }: Pick<Vault, "takesCertificates"> & { readonly db: Db },
  value: ProvisionedClient,
  isSecretless: boolean,
): Promise<readonly string[]> {
  const key = value.client_id;
  const entries = [{ section: "clients", place: { name: "client", line: 1, hasOwnLines: true }, key, value } as const];
  const warnings = new Warnings({ takesCertificates });
  warnings.add(entries, new Set(isSecretless ? [key] : []));
  const undeclared = new UndeclaredScopes(db);
  await undeclared.add(entries);
  return warnings.lines(await undeclared.lines());
}
