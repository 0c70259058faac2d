import type { z } from "zod";
import { profileFlaw } from "../clients/fapi2.js";
import { subjectFlaw } from "../clients/subject.js";
import { placeOfPrototype } from "./json-value.js";
import { faultAt, type Place, type RawEntry } from "./raw-entry.js";
import { SECTIONS, type ProvisioningFile, type Section } from "./schema.js";

/** One checked entry, together with its form in the file. */
export interface Entry<S extends Section = Section> {
  readonly section: S;
  readonly place: Place;
  readonly key: string;
  readonly value: ProvisioningFile[S][number];
  readonly raw: unknown;
}

/** Checks the entries of one file in turn: each by itself, and that none is repeated. */
export class EntryChecker {
  readonly #seen = new Set<string>();

  /** @returns the entry, or one line about its fault */
  check(found: RawEntry): Entry | string {
    try {
      return this.#check(found);
    } catch (error) {
      // The checks are recursive, so deep nesting exhausts the stack.
      if (error instanceof RangeError) return faultAt(found.place, [], "is nested too deeply");
      throw error;
    }
  }

  #check(found: RawEntry): Entry | string {
    const { place } = found;
    if ("fault" in found) return faultAt(place, [], found.fault);
    const { section, raw } = found;
    const prototype = placeOfPrototype(raw);
    if (prototype !== undefined) return faultAt(place, prototype, "there is no such key");
    const result = SECTIONS[section].entry.safeParse(raw);
    if (!result.success) return describe(place, result.error.issues[0]!);
    const given = section === "clients" ? (raw as Readonly<Record<string, unknown>>) : {};
    const flaw = profileFlaw(given) ?? subjectFlaw(given);
    if (flaw !== undefined) return faultAt(place, [flaw.name], flaw.message);
    const key = (SECTIONS[section].key as (value: unknown) => string)(result.data);
    const name = `${section}/${key}`;
    if (this.#seen.has(name)) return faultAt(place, [], `repeats ${key}`);
    this.#seen.add(name);
    return { section, place, key, value: result.data, raw };
  }
}

function describe(place: Place, issue: z.core.$ZodIssue): string {
  return issue.code === "unrecognized_keys"
    ? faultAt(place, [...issue.path, issue.keys[0]!], "there is no such key")
    : faultAt(place, issue.path, issue.message);
}
