import { pieces } from "./batches.js";
import { upsertRows, type BulkTarget } from "./bulk.js";
import type { Tx } from "./open.js";
import type { DeclaredScope } from "./scopes.js";

/** The section and the key of a provisioning entry. */
export interface EntryKey {
  readonly kind: string;
  readonly id: string;
}

/** The keyed digests of the last applied versions of some entries, by section and key. */
export async function appliedDigests(tx: Tx, entries: readonly EntryKey[]): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const piece of pieces(entries)) {
    const [kinds, ids] = [piece.map(({ kind }) => kind), piece.map(({ id }) => id)];
    const rows = await tx.$queryRaw<(EntryKey & { digest: string })[]>`
      SELECT kind, id, digest FROM provisioned_entries
      JOIN unnest(${kinds}::text[], ${ids}::text[]) AS asked (kind, id) USING (kind, id)`;
    for (const { kind, id, digest } of rows) digests.set(`${kind}/${id}`, digest);
  }
  return digests;
}

const ENTRIES: BulkTarget = { table: "provisioned_entries", key: ["kind", "id"], columns: ["kind", "id", "digest"] };

/** Records entries as applied. */
export async function recordApplied(
  tx: Tx,
  entries: readonly (EntryKey & { readonly digest: string })[],
): Promise<void> {
  await upsertRows(tx, ENTRIES, entries);
}

const SCOPES: BulkTarget = { table: "scopes", key: ["name"], columns: ["name", "description", "audience", "claims"] };

/** Writes new or existing scopes. */
export async function saveScopes(tx: Tx, scopes: readonly DeclaredScope[]): Promise<void> {
  await upsertRows(tx, SCOPES, scopes);
}

/** Removes the identifiers of users who are about to be written, so that two of them can swap theirs. */
export async function releaseIdentifiers(tx: Tx, subs: readonly string[]): Promise<void> {
  for (const piece of pieces(subs)) await tx.userIdentifier.deleteMany({ where: { sub: { in: [...piece] } } });
}
