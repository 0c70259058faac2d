import { configurationRows, type LongSection } from "../store/configuration.js";
import type { Db } from "../store/open.js";
import { appliedDigests } from "../store/provisioned.js";
import { allScopes } from "../store/scopes.js";
import { allTrustedIssuers } from "../store/trusted-issuers.js";
import { digestOf } from "./digest.js";
import { ProvisioningError } from "./raw-entry.js";
import { EntryChecker, type Entry } from "./read.js";
import { SECTIONS, type Section } from "./schema.js";
import type { Source } from "./source.js";
import {
  comparableEntry,
  isSame,
  keyOfRow,
  rowKeyOf,
  SECRET_KEYS,
  storedEntry,
  type PlainEntry,
} from "./stored-entry.js";
import type { Vault } from "./write.js";

/** What applying a file would change. Nothing is written, and no secret is shown. */

/** The change of one entry. */
interface EntryChange {
  readonly section: Section;
  /** The key of the entry. */
  readonly id: string;
  readonly change: "added" | "changed";
  /** The settings that change, with their old and new values; null is the default. */
  readonly settings: Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;
  /** The secrets that are written or removed. */
  readonly secrets: readonly string[];
}

/**
 * The changes that applying a file would make, in the order of the file. An entry that is the same as when it was last applied
 * changes nothing, whatever has been changed since (apply.ts).
 * @throws ProvisioningError for the first entry with a fault
 */
export async function changesOf(db: Db, vault: Pick<Vault, "master">, source: Source): Promise<readonly EntryChange[]> {
  const changes: EntryChange[] = [];
  const checker = new EntryChecker();
  let batch: Entry[] = [];
  for await (const found of source.entries()) {
    const entry = checker.check(found);
    if (typeof entry === "string") throw new ProvisioningError(entry);
    if (batch.push(entry) < BATCH) continue;
    changes.push(...(await changesIn(db, vault, batch)));
    batch = [];
  }
  return [...changes, ...(await changesIn(db, vault, batch))];
}

/** Entries that are compared at once: at most MAX_ROWS. */
const BATCH = 250;

async function changesIn(
  db: Db,
  { master }: Pick<Vault, "master">,
  entries: readonly Entry[],
): Promise<readonly EntryChange[]> {
  const marked = entries.map((entry) => ({ entry, name: nameOf(entry.section, entry.key) }));
  const applied = await appliedDigests(
    db,
    entries.map(({ section, key }) => ({ kind: section, id: key })),
  );
  const pending = marked.filter(({ entry, name }) => applied.get(name) !== digestOf(master, entry));
  const stored = await storedEntries(
    db,
    pending.map(({ entry }) => entry),
  );
  return pending.flatMap(({ entry, name }) => changeOf(entry, stored.get(name)) ?? []);
}

function nameOf(section: Section, key: string): string {
  return `${section}/${key}`;
}

function changeOf({ section, key, value, raw }: Entry, before: PlainEntry | undefined): EntryChange | undefined {
  const after = comparableEntry(section, value);
  const names = [...new Set([...Object.keys(after), ...Object.keys(before ?? {})])];
  const changed = names.filter((name) => !isSame(before?.[name] ?? null, after[name] ?? null));
  const settings = changed.map((name) => [name, { from: before?.[name] ?? null, to: after[name] ?? null }] as const);
  const secrets = Object.keys(raw as object).filter((name) => SECRET_KEYS.has(name));
  if (before !== undefined && changed.length === 0 && secrets.length === 0) return undefined;
  const change = before === undefined ? "added" : "changed";
  return { section, id: key, change, settings: Object.fromEntries(settings), secrets };
}

/** The stored entries of these keys, by section and key. */
async function storedEntries(db: Db, entries: readonly Entry[]): Promise<ReadonlyMap<string, PlainEntry>> {
  const found = new Map<string, PlainEntry>();
  for (const section of Object.keys(SECTIONS) as Section[]) {
    const mine = entries.filter((entry) => entry.section === section);
    if (mine.length === 0) continue;
    for (const [key, entry] of await entriesOf(db, section, mine)) found.set(nameOf(section, key), entry);
  }
  return found;
}

type Keyed = readonly (readonly [key: string, entry: PlainEntry])[];

async function entriesOf(db: Db, section: Section, entries: readonly Entry[]): Promise<Keyed> {
  if (section === "scopes") return (await allScopes(db)).map((row) => [row.name, storedEntry(section, row)]);
  if (section === "issuers") return (await allTrustedIssuers(db)).map((row) => [row.issuer, storedEntry(section, row)]);
  return longEntries(db, section, entries as readonly Entry<LongSection>[]);
}

async function longEntries(db: Db, section: LongSection, entries: readonly Entry<LongSection>[]): Promise<Keyed> {
  const keys = new Map(entries.map(({ key, value }) => [JSON.stringify(rowKeyOf(section, value)), key]));
  const rows = await configurationRows(
    db,
    section,
    entries.map(({ value }) => rowKeyOf(section, value)),
  );
  return rows.map((row) => [keys.get(JSON.stringify(keyOfRow(section, row)))!, storedEntry<LongSection>(section, row)]);
}
