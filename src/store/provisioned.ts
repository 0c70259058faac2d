import type { Prisma } from "./generated/client.js";
import type { Tx } from "./open.js";

/** What was last applied, by section and key, as a keyed digest. */
export async function appliedDigests(tx: Tx): Promise<ReadonlyMap<string, string>> {
  const rows = await tx.provisionedEntry.findMany();
  return new Map(rows.map(({ kind, id, digest }) => [`${kind}/${id}`, digest]));
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
  await tx.userIdentifier.deleteMany({ where: { sub: { in: [...subs] } } });
}
