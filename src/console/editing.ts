import { entityTag } from "../admin/entity-tag.js";
import type { Command } from "../admin/command.js";
import type { Parameters } from "../http/form.js";
import { canonicalText, textOf, type Field } from "./fields.js";
import type { ConsoleRequest } from "./page.js";

/**
 * The form of a command that updates something is filled with the present values, and sends the changed ones alone. It knows the
 * version that it was filled from, so that two people do not undo each other's changes.
 */

/** What is there at present. */
export interface Present {
  /** The values of the form. */
  readonly values: Parameters;
  /** The version (admin/entity-tag.ts). */
  readonly tag: string;
}

/** The name of the hidden field with the version. */
export const VERSION_FIELD = "if_match";

/** The present values of the subject of an update; undefined for any other command, or without a subject. */
export async function presentOf(
  { run, offers }: ConsoleRequest,
  { name, subject = "" }: Command,
  fields: readonly Field[],
  typed: Parameters,
): Promise<Present | undefined> {
  const show = name.replace(/ update$/, " show");
  const id = typed.get(subject);
  if (show === name || id === undefined || !offers(show)) return undefined;
  const shown = JSON.parse(JSON.stringify(await run(show, { [subject]: id }))) as Readonly<Record<string, unknown>>;
  const claims = shown.claims as Readonly<Record<string, unknown>> | undefined;
  const values = fields.flatMap((field): [string, string][] => {
    const value = shown[field.member] ?? claims?.[field.member];
    return value === null || value === undefined ? [] : [[field.member, textOf(field, value)]];
  });
  return { values: new Map([...values, [subject, id]]), tag: entityTag(shown) };
}

/** The fields that differ from the present values. A field that was emptied is reset. */
export function changesOf(
  command: Command,
  fields: readonly Field[],
  { values }: Present,
  sent: Parameters,
): Parameters {
  const changed = new Map<string, string>();
  const emptied: string[] = [];
  for (const field of fields) {
    const { member } = field;
    const text = canonicalText(field, sent);
    if (member === command.subject) changed.set(member, text);
    else if (text === canonicalText(field, values)) continue;
    else if (text === "") emptied.push(member);
    else changed.set(member, text);
  }
  const isResettable = fields.some(({ member }) => member === "unset");
  if (isResettable && emptied.length > 0)
    changed.set("unset", [...(changed.get("unset")?.split("\n") ?? []), ...emptied].join("\n"));
  return changed;
}
