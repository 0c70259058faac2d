import type { Prisma } from "./generated/client.js";
import { pieces } from "./batches.js";
import type { Tx } from "./open.js";

/** One entry of a provisioning file: its section and its key in it. */
interface EntryKey {
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

/** Remembers an entry as applied. */
export async function recordApplied(tx: Tx, kind: string, id: string, digest: string): Promise<void> {
  const entry = { kind, id, digest };
  await tx.provisionedEntry.upsert({ where: { kind_id: { kind, id } }, create: entry, update: entry });
}

/** Writes a scope whole, new or not. */
export async function saveScope(tx: Tx, scope: Prisma.ScopeCreateInput): Promise<void> {
  await tx.scope.upsert({ where: { name: scope.name }, create: scope, update: scope });
}

/** Takes their identifiers from people who are about to be written whole, so that two may swap theirs. */
export async function releaseIdentifiers(tx: Tx, subs: readonly string[]): Promise<void> {
  for (const piece of pieces(subs)) await tx.userIdentifier.deleteMany({ where: { sub: { in: [...piece] } } });
}
