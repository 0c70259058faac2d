import { pieces } from "./batches.js";
import { upsertRows, type BulkTarget } from "./bulk.js";
import type { Tx } from "./open.js";
import type { DeclaredScope } from "./scopes.js";

/** One entry of a provisioning file: its section and its key in it. */
export interface EntryKey {
  readonly kind: string;
  readonly id: string;
}

/** What was last applied of some entries, by section and key, as a keyed digest. */
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

/** Remembers entries as applied. */
export async function recordApplied(
  tx: Tx,
  entries: readonly (EntryKey & { readonly digest: string })[],
): Promise<void> {
  await upsertRows(tx, ENTRIES, entries);
}

const SCOPES: BulkTarget = { table: "scopes", key: ["name"], columns: ["name", "description", "audience", "claims"] };

/** Writes scopes whole, new or not. */
export async function saveScopes(tx: Tx, scopes: readonly DeclaredScope[]): Promise<void> {
  await upsertRows(tx, SCOPES, scopes);
}

/** Takes their identifiers from people who are about to be written whole, so that two may swap theirs. */
export async function releaseIdentifiers(tx: Tx, subs: readonly string[]): Promise<void> {
  for (const piece of pieces(subs)) await tx.userIdentifier.deleteMany({ where: { sub: { in: [...piece] } } });
}
