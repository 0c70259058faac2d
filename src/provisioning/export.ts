import { CONSOLE_CLIENT_ID } from "../clients/admin-scopes.js";
import { configurationPage, type LongSection, type RowKey } from "../store/configuration.js";
import type { Db } from "../store/open.js";
import { allScopes } from "../store/scopes.js";
import { allTrustedIssuers } from "../store/trusted-issuers.js";
import { SECTIONS, type Section } from "./schema.js";
import { keyOfRow, storedEntry, type PlainEntry } from "./stored-entry.js";

/**
 * The configuration of a deployment as entries of a provisioning file (JSON Lines). It has no secrets: a server on which it is
 * applied keeps those that it has. Clients that registered themselves are no part of it.
 */

/** One line of the file: an entry, with its section as the name of the member. */
type ExportedLine = Readonly<Record<string, PlainEntry>>;

/** The position in an export: a section, and the key of its last entry. */
interface ExportPosition {
  readonly section: Section;
  readonly key: RowKey | undefined;
}

interface ExportedPage {
  readonly items: readonly ExportedLine[];
  readonly last: ExportPosition | undefined;
}

/** A page of entries, in the order in which the sections are written. @param sections all by default */
export async function exportPage(
  db: Db,
  {
    after,
    limit,
    sections = [],
  }: {
    readonly after: ExportPosition | undefined;
    readonly limit: number;
    readonly sections?: readonly Section[] | undefined;
  },
): Promise<ExportedPage> {
  const order = (Object.keys(SECTIONS) as Section[]).filter((one) => sections.length === 0 || sections.includes(one));
  const section = after?.section ?? order[0]!;
  const { items, last } = await sectionPage(db, section, after?.key, limit);
  const lines = items.map((entry) => ({ [section]: entry }));
  if (last !== undefined) return { items: lines, last: { section, key: last } };
  const next = order[order.indexOf(section) + 1];
  return { items: lines, last: next === undefined ? undefined : { section: next, key: undefined } };
}

interface SectionPage {
  readonly items: readonly PlainEntry[];
  readonly last: RowKey | undefined;
}

async function sectionPage(db: Db, section: Section, after: RowKey | undefined, limit: number): Promise<SectionPage> {
  // Both are few, and read whole by the server itself.
  if (section === "scopes") return whole((await allScopes(db)).map((row) => storedEntry(section, row)));
  if (section === "issuers") return whole((await allTrustedIssuers(db)).map((row) => storedEntry(section, row)));
  return longPage(db, section, after, limit);
}

function whole(items: readonly PlainEntry[]): SectionPage {
  return { items, last: undefined };
}

async function longPage<S extends LongSection>(
  db: Db,
  section: S,
  after: RowKey | undefined,
  limit: number,
): Promise<SectionPage> {
  const { items, last } = await configurationPage(db, section, { after, limit });
  return {
    items: items
      .map((row) => storedEntry<LongSection>(section, row))
      // Each server makes the client of its console itself.
      .filter(({ client_id }) => client_id !== CONSOLE_CLIENT_ID),
    last: last === undefined ? undefined : keyOfRow(section, last),
  };
}
