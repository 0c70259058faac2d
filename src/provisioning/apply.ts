import { isConflict } from "../store/failure.js";
import { exclusively, LOCKS, type Db } from "../store/open.js";
import { appliedDigests, recordApplied, releaseIdentifiers } from "../store/provisioned.js";
import { ProvisioningError, readProvisioningFile, type Entry } from "./read.js";
import { undeclaredScopes } from "./undeclared-scopes.js";
import { warningsFor } from "./warnings.js";
import { prepare, type Vault } from "./write.js";

export interface Applied {
  /** How many entries were written, of how many. */
  readonly written: number;
  readonly entries: number;
  /** One line each. */
  readonly warnings: readonly string[];
}

/**
 * Applies a provisioning file: entries that differ from when they were last applied are written whole, the others are not
 * touched, nothing is deleted, and a file that is refused changes nothing at all.
 * @throws ProvisioningError naming the path in the file
 */
export async function apply(db: Db, vault: Vault, text: string): Promise<Applied> {
  const entries = readProvisioningFile(text);
  const marked = entries.map((entry) => ({ entry, digest: digestOf(vault, entry) }));
  const differs = (applied: ReadonlyMap<string, string>) => (one: (typeof marked)[number]) =>
    applied.get(`${one.entry.section}/${one.entry.key}`) !== one.digest;

  const keys = entries.map(({ section, key }) => ({ kind: section, id: key }));
  const changed = marked.filter(differs(await appliedDigests(db.prisma, keys)));
  const prepared = await Promise.all(changed.map(async (one) => ({ ...one, write: await prepare(vault, one.entry) })));

  const written = await exclusively(db, LOCKS.provision, async (tx) => {
    // Another instance may have applied the same file while this one was hashing.
    const pending = prepared.filter(differs(await appliedDigests(tx, keys)));
    await releaseIdentifiers(
      tx,
      pending.filter(({ entry }) => entry.section === "users").map(({ entry }) => entry.key),
    );
    for (const { entry, digest, write } of pending) {
      await write(tx).catch((error: unknown) => explain(entry, error));
      await recordApplied(tx, entry.section, entry.key, digest);
    }
    return pending.length;
  });
  const warnings = [...warningsFor(entries, vault), ...(await undeclaredScopes(db, entries))];
  return { written, entries: entries.length, warnings };
}

/** Keyed, because an entry may hold a password; the same whatever the order of its keys. */
function digestOf({ master }: Vault, { section, raw }: Entry): string {
  return master.mac("provisioned-entry", `${section}\n${canonical(raw)}`).toString("base64url");
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}

/** What a constraint of the store means for whoever wrote the file. */
const CONFLICTS: Readonly<Partial<Record<Entry["section"], string>>> = {
  clients: "its client_id is in use by a user, a device or an app",
  users: "its sub, login name, verified email or verified phone number belongs, or belonged, to somebody else",
  devices: "its device_id is in use by a client or a user",
  apps: "its app_id or client_id is in use by another app, a client, a user or a device",
};

function explain({ section, path, key }: Entry, error: unknown): never {
  const { code } = error as { code?: string };
  if (code === "P2003") throw new ProvisioningError(`${path} (${key}): there is no app of that app_id`);
  const conflict = CONFLICTS[section];
  if (isConflict(error) && conflict !== undefined) throw new ProvisioningError(`${path} (${key}): ${conflict}`);
  throw error;
}
