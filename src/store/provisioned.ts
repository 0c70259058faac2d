import { pieces } from "./batches.js";
import { upsertRows, type BulkTarget } from "./bulk.js";
import { run, type Db, type Transaction } from "./open.js";
import type { DeclaredScope } from "./scopes.js";

/** The section and the key of a provisioning entry. */
export interface EntryKey {
  readonly kind: string;
  readonly id: string;
}

const APPLIED = {
  name: "provisioned_entries_applied",
  text: `
    SELECT kind, id, digest FROM provisioned_entries
    JOIN unnest($1::text[], $2::text[]) AS asked (kind, id) USING (kind, id)`,
};

/** The keyed digests of the last applied versions of some entries, by section and key. */
export async function appliedDigests(
  where: Db | Transaction,
  entries: readonly EntryKey[],
): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const piece of pieces(entries)) {
    const [kinds, ids] = [piece.map(({ kind }) => kind), piece.map(({ id }) => id)];
    const rows = await run<EntryKey & { digest: string }>(where, APPLIED, [kinds, ids]);
    for (const { kind, id, digest } of rows) digests.set(`${kind}/${id}`, digest);
  }
  return digests;
}

const ENTRIES: BulkTarget = { table: "provisioned_entries", key: ["kind", "id"], columns: ["kind", "id", "digest"] };

/** Records entries as applied. */
export async function recordApplied(
  tx: Transaction,
  entries: readonly (EntryKey & { readonly digest: string })[],
): Promise<void> {
  await upsertRows(tx, ENTRIES, entries);
}

const SCOPES: BulkTarget = {
  table: "scopes",
  key: ["name"],
  columns: ["name", "description", "audience", "claims", "access_token_signing_alg", "access_token_typ"],
};

/** Writes new or existing scopes. */
export async function saveScopes(tx: Transaction, scopes: readonly DeclaredScope[]): Promise<void> {
  await upsertRows(tx, SCOPES, scopes);
}
