import type { ClientToSave } from "../store/clients.js";
import type { Db } from "../store/open.js";
import { appliedDigests } from "../store/provisioned.js";
import type { DeclaredScope } from "../store/scopes.js";
import type { TrustedIssuer } from "../store/trusted-issuers.js";
import { digestOf } from "./digest.js";
import { ProvisioningError } from "./raw-entry.js";
import { EntryChecker, type Entry } from "./read.js";
import { textSource } from "./source.js";
import { prepare, type Prepared, type Vault } from "./write.js";

/** The entries of a file that would be written, in the form of their rows, without their passwords. */

/** An entry that would change something that decisions depend on. */
export type ChangedEntry =
  | { readonly section: "scopes"; readonly row: DeclaredScope }
  | { readonly section: "issuers"; readonly row: TrustedIssuer }
  | { readonly section: "clients"; readonly clients: readonly ClientToSave[] }
  | { readonly section: "users"; readonly sub: string; readonly disabled: boolean; readonly roles: readonly string[] };

/**
 * Reads a document as `apply` does, and changes nothing.
 * @throws ProvisioningError naming the place of the first fault
 */
export async function* changedEntries(
  vault: Vault & { readonly db: Db },
  document: object,
): AsyncGenerator<ChangedEntry> {
  const checker = new EntryChecker();
  for await (const found of textSource(JSON.stringify(document)).entries()) {
    const entry = checker.check(found);
    if (typeof entry === "string") throw new ProvisioningError(entry);
    const digest = digestOf(vault.master, entry);
    const key = { kind: entry.section, id: entry.key };
    const applied = await appliedDigests(vault.db, [key]);
    if (applied.get(`${key.kind}/${key.id}`) !== digest) yield* previewOf(vault, entry, digest);
  }
}

async function* previewOf(vault: Vault, entry: Entry, digest: string): AsyncGenerator<ChangedEntry> {
  // Hashing passwords takes long, and no decision that is made again looks at them.
  if (isOf("users", entry)) {
    const { sub, disabled, roles } = entry.value;
    yield { section: "users", sub, disabled, roles };
    return;
  }
  if (isOf("things", entry)) return;
  const prepared = await prepare(vault, entry, digest);
  if (is("scopes", prepared)) yield { section: "scopes", row: prepared.row };
  if (is("issuers", prepared)) yield { section: "issuers", row: prepared.row };
  if (is("clients", prepared)) yield { section: "clients", clients: [prepared.row] };
  if (is("devices", prepared)) yield { section: "clients", clients: [prepared.row.device] };
  if (is("apps", prepared)) yield { section: "clients", clients: prepared.row.clients };
}

function isOf<S extends Entry["section"]>(section: S, entry: Entry): entry is Entry<S> {
  return entry.section === section;
}

function is<S extends Entry["section"]>(section: S, prepared: Prepared): prepared is Prepared<S> {
  return prepared.entry.section === section;
}
