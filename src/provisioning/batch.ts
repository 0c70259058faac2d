import { asActor, type Caller } from "../store/audit-actor.js";
import { isConflict, isGone } from "../store/failure.js";
import { inSavepoint } from "../store/bulk.js";
import { exclusively, LOCKS, type Db, type Transaction } from "../store/open.js";
import { appliedDigests, recordApplied, type EntryKey } from "../store/provisioned.js";
import { findConflictingUsers, releaseIdentifiers } from "../store/users.js";
import { digestOf } from "./digest.js";
import { faultAt } from "./raw-entry.js";
import { ProvisioningError } from "./raw-entry.js";
import type { Entry } from "./read.js";
import type { Section } from "./schema.js";
import { foreignToTheirSector } from "./sectors.js";
import { prepare, writeRows, type Prepared, type Vault } from "./write.js";

/** An entry that the store refuses, and the reason in one line. */
export interface Conflict {
  readonly entry: Entry;
  readonly fault: string;
}

/** The result of writing some entries. */
interface BatchOutcome {
  readonly written: number;
  readonly conflicts: readonly Conflict[];
}

interface BatchOptions {
  /** Whether one refused entry leaves all of them unwritten. */
  readonly asOne: boolean;
  /** Who writes them; by default the server itself. */
  readonly caller: Caller | undefined;
}

/**
 * Writes the entries that have changed since they were last applied, in one transaction.
 * @throws ProvisioningError for a refused entry if `asOne` is set
 */
export async function writeBatch(
  db: Db,
  vault: Vault,
  entries: readonly Entry[],
  options: BatchOptions,
): Promise<BatchOutcome> {
  const marked = entries.map((entry) => ({ entry, digest: digestOf(vault.master, entry) }));
  const applied = await appliedDigests(db, marked.map(keyOf));
  const changed = marked.filter(({ entry, digest }) => applied.get(nameOf(entry)) !== digest);
  if (changed.length === 0) return { written: 0, conflicts: [] };
  const foreign = await foreignToTheirSector(
    vault,
    changed.map(({ entry }) => entry),
  );
  const faults = [...foreign].map(([entry, fault]) => ({ entry, fault }));
  if (options.asOne && faults.length > 0) throw new ProvisioningError(faults[0]!.fault);
  const sound = changed.filter(({ entry }) => !foreign.has(entry));
  const prepared = await Promise.all(sound.map(({ entry, digest }) => prepare(vault, entry, digest)));
  const { written, conflicts } = await writePrepared(db, prepared, options);
  return { written, conflicts: [...faults, ...conflicts] };
}

async function writePrepared(db: Db, prepared: readonly Prepared[], options: BatchOptions): Promise<BatchOutcome> {
  try {
    return await inTransaction(db, prepared, options, writeTogether);
  } catch (error) {
    if (!isRefused(error)) throw error;
    // The store refused one of them. Each is written by itself, which tells which one.
    return inTransaction(db, prepared, options, (tx, pending) => writeOneByOne(tx, pending, options.asOne));
  }
}

type Write = (tx: Transaction, pending: readonly Prepared[]) => Promise<readonly Conflict[]>;

async function inTransaction(
  db: Db,
  prepared: readonly Prepared[],
  { asOne, caller }: BatchOptions,
  write: Write,
): Promise<BatchOutcome> {
  return exclusively(db, LOCKS.provision, async (tx) => {
    if (caller !== undefined) await asActor(tx, caller);
    // Another instance may have applied the same entries while this one was hashing.
    const applied = await appliedDigests(tx, prepared.map(keyOf));
    const pending = prepared.filter(({ entry, digest }) => applied.get(nameOf(entry)) !== digest);
    const conflicts = await write(tx, pending);
    if (asOne && conflicts.length > 0) throw new ProvisioningError(conflicts[0]!.fault, "conflict");
    const refused = new Set(conflicts.map(({ entry }) => entry));
    const done = pending.filter(({ entry }) => !refused.has(entry));
    await recordApplied(
      tx,
      done.map((one) => ({ ...keyOf(one), digest: one.digest })),
    );
    return { written: done.length, conflicts };
  });
}

/** Writes all of them by a few statements. */
async function writeTogether(tx: Transaction, pending: readonly Prepared[]): Promise<readonly Conflict[]> {
  const isUser = ({ entry }: Prepared) => entry.section === "users";
  await writeRows(
    tx,
    pending.filter(({ entry }) => entry.section === "scopes" || entry.section === "clients"),
  );
  const users = pending.filter(isUser) as Prepared<"users">[];
  const conflicting = await conflictingUsers(tx, users);
  const others = pending.filter(
    ({ entry }) => !isUser({ entry } as Prepared) && entry.section !== "scopes" && entry.section !== "clients",
  );
  await writeRows(tx, [...users.filter((one) => !conflicting.has(one)), ...others]);
  return [...conflicting].map(({ entry }) => conflictOf(entry));
}

/** Refuses the later of two users with the same identifier, and a user with an identifier that its owner keeps. */
async function conflictingUsers(tx: Transaction, users: readonly Prepared<"users">[]): Promise<ReadonlySet<Prepared>> {
  const refused = new Set<Prepared>();
  for (;;) {
    const left = users.filter((one) => !refused.has(one));
    const owners = new Map<string, Prepared>();
    for (const one of left) {
      for (const { value } of one.row.identifiers) if (owners.has(value)) refused.add(one);
      for (const { value } of one.row.identifiers) if (!refused.has(one)) owners.set(value, one);
    }
    const known = new Set(
      await findConflictingUsers(
        tx,
        left.map(({ row }) => row),
      ),
    );
    for (const one of left) if (known.has(one.row.user.sub)) refused.add(one);
    if (left.every((one) => !refused.has(one))) return refused;
  }
}

async function writeOneByOne(
  tx: Transaction,
  pending: readonly Prepared[],
  asOne: boolean,
): Promise<readonly Conflict[]> {
  if (asOne)
    await releaseIdentifiers(
      tx,
      pending.filter(({ entry }) => entry.section === "users").map(({ entry }) => entry.key),
    );
  const conflicts: Conflict[] = [];
  for (const one of inOrder(pending)) {
    let refused: readonly Conflict[] = [];
    const error = await inSavepoint(tx, async () => void (refused = await writeTogether(tx, [one])), isRefused);
    conflicts.push(...refused, ...(error === undefined ? [] : [conflictOf(one.entry, error)]));
    if (asOne && conflicts.length > 0) return conflicts;
  }
  return conflicts;
}

function inOrder(pending: readonly Prepared[]): readonly Prepared[] {
  return (Object.keys(CONFLICTS) as Section[]).flatMap((section) =>
    pending.filter(({ entry }) => entry.section === section),
  );
}

function isRefused(error: unknown): boolean {
  return isConflict(error) || isGone(error);
}

/** Explains a violated constraint of the store in terms of the file. */
const CONFLICTS: Readonly<Record<Section, string>> = {
  scopes: "its name is in use",
  clients: "its client_id is in use by a user, a device or an app",
  issuers: "its name is in use",
  users: "its sub, login name, verified email or verified phone number belongs, or belonged, to another account",
  devices: "its device_id is in use by a client or a user, or its psk_identity by another device",
  apps: "its app_id or client_id is in use by another app, a client, a user or a device",
  things: "its name in the app is in use",
};

function conflictOf(entry: Entry, error?: unknown): Conflict {
  const { place, key, section } = entry;
  const fault = isGone(error) ? "there is no app of that app_id" : CONFLICTS[section];
  return { entry, fault: faultAt({ ...place, name: `${place.name} (${key})` }, [], fault) };
}

function keyOf({ entry }: { readonly entry: Entry }): EntryKey {
  return { kind: entry.section, id: entry.key };
}

function nameOf({ section, key }: Entry): string {
  return `${section}/${key}`;
}
