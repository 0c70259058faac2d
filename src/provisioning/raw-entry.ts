import { OperatorError } from "../errors/operator-error.js";
import { repeatedName } from "../strict-json.js";
import { SECTIONS, type Section } from "./schema.js";

/** The place of an entry in its file. */
export interface Place {
  /** `clients[2]` in a JSON document, `line 3` where each entry has lines of its own. */
  readonly name: string;
  /** The line on which it begins, the first being 1. */
  readonly line: number;
  readonly hasOwnLines: boolean;
}

/** One unchecked entry of the file, or the reason why it cannot be read. */
export type RawEntry =
  | { readonly place: Place; readonly section: Section; readonly raw: unknown }
  | { readonly place: Place; readonly fault: string };

/** Longest entry, in characters. */
export const MAX_ENTRY = 1_000_000;

/** A refused file. The message is one line that names the place in the file and never a value. */
export class ProvisioningError extends OperatorError {
  constructor(message: string, kind: "invalid" | "conflict" = "invalid") {
    super(inOneLine(message), kind);
  }
}

/** Escapes line breaks and control characters, because a message contains keys and ids of the file. */
export function inOneLine(message: string): string {
  return message.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "\ufffd");
}

/** The message about a fault: the place of the entry, the path of the field in it, and the fault. */
export function faultAt({ name, line, hasOwnLines }: Place, path: readonly PropertyKey[], fault: string): string {
  if (hasOwnLines) return inOneLine(`${name}${path.length > 0 ? ", " : ""}${written(path)}: ${fault}`);
  // In a file of one line, the line number is useless.
  return inOneLine(`${written(path, name)}: ${fault}${line > 1 ? ` (line ${line})` : ""}`);
}

/** A place in the file: `clients[2].grant_types[0]`. */
function written(path: readonly PropertyKey[], before = ""): string {
  return path.reduce<string>(
    (text, part) => (typeof part === "number" ? `${text}[${part}]` : `${text}${text && "."}${String(part)}`),
    before,
  );
}

/** A repeated name in an object. JSON.parse would silently take the later value. */
export class RepeatedName extends Error {}

/** Reads the JSON of one entry. @throws SyntaxError; RangeError if it is nested too deeply; RepeatedName */
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

/** The line of a syntax error in a text, counted from `first`. */
export function lineOfFault(text: string, error: unknown, first: number): number {
  // The message of the parser quotes the text around the fault, which may be a secret.
  const position = Number(/at position (\d+)/.exec((error as Error).message)?.[1] ?? 0);
  return first + countLines(text, 0, position);
}

/** The number of line breaks in a part of a text. */
export function countLines(text: string, from: number, to: number): number {
  let lines = 0;
  for (let at = text.indexOf("\n", from); at !== -1 && at < to; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}
