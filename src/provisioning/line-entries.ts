import {
  isSection,
  lineOfFault,
  MAX_ENTRY,
  parseEntry,
  ProvisioningError,
  RepeatedName,
  type RawEntry,
} from "./raw-entry.js";
import type { Section } from "./schema.js";

/**
 * Reads a provisioning file of JSON Lines: each line is an entry as in the list of its section, or
 * `{"users": {…}}`, which names the section.
 */
export async function* lineEntries(pieces: AsyncIterable<string>): AsyncGenerator<RawEntry> {
  let line = 0;
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop()!;
    if (rest.length > MAX_ENTRY)
      throw new ProvisioningError(`line ${line + lines.length + 1}: is longer than ${MAX_ENTRY} characters`);
    for (const text of lines) yield* entriesIn(text, (line += 1));
  }
  yield* entriesIn(rest, line + 1);
}

function entriesIn(text: string, line: number): readonly RawEntry[] {
  if (text.trim() === "") return [];
  const place = { name: `line ${line}`, line, hasOwnLines: true };
  try {
    const value = parseEntry(text);
    if (value === null || typeof value !== "object" || Array.isArray(value))
      return [{ place, fault: "must be an object" }];
    const named = Object.entries(value).filter(
      ([name, part]) => isSection(name) && part !== null && typeof part === "object",
    );
    if (named.length === Object.keys(value).length && named.length > 0) {
      return named.flatMap(([section, part]) =>
        [part].flat().map((raw: unknown) => ({ place, section: section as Section, raw })),
      );
    }
    const section = sectionOf(value);
    return [section === undefined ? { place, fault: UNKNOWN } : { place, section, raw: value }];
  } catch (error) {
    if (error instanceof RangeError) return [{ place, fault: "is nested too deeply" }];
    if (error instanceof RepeatedName) return [{ place, fault: error.message }];
    return [{ place: { ...place, line: lineOfFault(text, error, line) }, fault: "is not JSON" }];
  }
}

export const UNKNOWN = "no key tells what it is: sub, client_id, device_id, app_id, vendor_thing_id, issuer or name";

/** Keys that identify the section of an entry; the first one present counts. */
const TELLING: readonly (readonly [key: string, section: Section])[] = [
  ["sub", "users"],
  ["preferred_username", "users"],
  ["vendor_thing_id", "things"],
  ["app_id", "apps"],
  ["device_id", "devices"],
  ["client_id", "clients"],
  ["issuer", "issuers"],
  ["name", "scopes"],
];

/** The section that an entry with these keys belongs to. */
export function sectionOf(entry: object): Section | undefined {
  return TELLING.find(([key]) => Object.hasOwn(entry, key))?.[1];
}
