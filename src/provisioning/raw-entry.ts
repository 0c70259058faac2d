import { OperatorError } from "../errors/operator-error.js";
import { repeatedName } from "../strict-json.js";
import { SECTIONS, type Section } from "./schema.js";

/** Where an entry stands in its file. */
export interface Place {
  /** `clients[2]` in a JSON document, `line 3` where each entry has lines of its own. */
  readonly name: string;
  /** The line on which it begins, the first being 1. */
  readonly line: number;
  readonly hasOwnLines: boolean;
}

/** One entry as it stands in the file, not yet checked, or why it cannot be read. */
export type RawEntry =
  | { readonly place: Place; readonly section: Section; readonly raw: unknown }
  | { readonly place: Place; readonly fault: string };

/** Characters that one entry has at most. */
export const MAX_ENTRY = 1_000_000;

/** A file that is refused: one line that names the place in the file, and never a value in it. */
export class ProvisioningError extends OperatorError {
  constructor(message: string) {
    super(inOneLine(message));
  }
}

/** Keys and ids of the file stand in a message, whatever they are made of. */
export function inOneLine(message: string): string {
  return message.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "\ufffd");
}

/** A fault with the place of the entry, and the path of the field in it. */
export function faultAt({ name, line, hasOwnLines }: Place, path: readonly PropertyKey[], fault: string): string {
  if (hasOwnLines) return inOneLine(`${name}${path.length > 0 ? ", " : ""}${written(path)}: ${fault}`);
  // In a file of one line its number tells nothing.
  return inOneLine(`${written(path, name)}: ${fault}${line > 1 ? ` (line ${line})` : ""}`);
}

/** A place in the file: `clients[2].grant_types[0]`. */
function written(path: readonly PropertyKey[], before = ""): string {
  return path.reduce<string>(
    (text, part) => (typeof part === "number" ? `${text}[${part}]` : `${text}${text && "."}${String(part)}`),
    before,
  );
}

/** A name that stands twice in an object: JSON.parse would take the later value without a word. */
export class RepeatedName extends Error {}

/** Reads the JSON of one entry. @throws SyntaxError; RangeError where it is nested too deeply; RepeatedName */
export function parseEntry(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const repeated = repeatedName(text);
  if (repeated !== undefined) throw new RepeatedName(`${repeated} stands twice in one object`);
  return value;
}

/** Whether a name is a section of the file. */
export function isSection(name: string): name is Section {
  return Object.hasOwn(SECTIONS, name);
}

/** The line in a text, counted from `first`, of the place that the JSON parser complains about. */
export function lineOfFault(text: string, error: unknown, first: number): number {
  // The parser's own message quotes the text around the fault, which may be a secret.
  const position = Number(/at position (\d+)/.exec((error as Error).message)?.[1] ?? 0);
  return first + countLines(text, 0, position);
}

/** Line breaks in a part of a text. */
export function countLines(text: string, from: number, to: number): number {
  let lines = 0;
  for (let at = text.indexOf("\n", from); at !== -1 && at < to; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}
