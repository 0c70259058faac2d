import { isPlainText } from "./store/plain-text.js";

/** Largest nesting depth of arrays and objects. */
const MAX_DEPTH = 32;

/** One token of a JSON text: a string, a bracket, a comma, a colon, or a run of other characters. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs;

/** A text that is not JSON or is ambiguous. The message gives the reason and quotes nothing of the text. */
export class JsonError extends Error {}

/**
 * Reads a JSON text strictly and refuses an ambiguous one (RFC 7493). Parsers disagree about the value of a repeated name, and
 * about whether `__proto__` is a name or a prototype. Strings that the store would refuse or alter are refused too.
 * @throws JsonError
 */
export function readStrictJson(text: string): unknown {
  checkStructure(text);
  try {
    return JSON.parse(text, (name, part: unknown) => {
      if (name === "__proto__" || !isPlainText(name)) throw new JsonError("a name that cannot be stored");
      if (typeof part === "string" && !isPlainText(part)) throw new JsonError("text that cannot be stored");
      if (typeof part === "number" && !Number.isFinite(part)) throw new JsonError("a number out of range");
      return part;
    });
  } catch (error) {
    // The message of the parser quotes the text around the fault.
    throw error instanceof JsonError ? error : new JsonError("not JSON");
  }
}

/** Refuses two faults that JSON.parse accepts: a repeated name, and deep nesting. */
function checkStructure(text: string): void {
  const flaw = flawOf(text, MAX_DEPTH);
  if (flaw !== undefined)
    throw new JsonError(flaw.repeated === undefined ? "nested too deep" : "a name that is repeated");
}

/** The first name that one object of a JSON text repeats; undefined if there is none. */
export function repeatedName(text: string): string | undefined {
  return flawOf(text, Infinity)?.repeated;
}

/** The first fault that JSON.parse accepts and another parser may not: a repeated name, or deep nesting. */
function flawOf(text: string, maxDepth: number): { readonly repeated?: string } | undefined {
  /** The names seen so far in each open object; null for an open array. */
  const open: (Set<string> | null)[] = [];
  let before = "";
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{" || token === "[") {
      if (open.push(token === "{" ? new Set() : null) > maxDepth) return {};
    } else if (token === "}" || token === "]") {
      open.pop();
    } else if (token === ":") {
      const names = open.at(-1);
      const name = unescape(before);
      if (names?.has(name)) return { repeated: name };
      names?.add(name);
    }
    before = token;
  }
  return undefined;
}

/** The value of a string token: `"\u0061"` is `"a"`. */
function unescape(token: string): string {
  try {
    return String(JSON.parse(token));
  } catch {
    throw new JsonError("not JSON");
  }
}
