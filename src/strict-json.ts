import { isPlainText } from "./store/plain-text.js";

/** Depth of arrays and objects in one another. */
const MAX_DEPTH = 32;

/** One token of a JSON text: a string, a bracket, a comma, a colon, or anything else that stands together. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs;

/** A text that is not JSON, or can be read in two ways. Its message says why and quotes nothing of the text. */
export class JsonError extends Error {}

/**
 * Reads a JSON text strictly: what cannot be read in exactly one way is refused (RFC 7493). A name that stands twice in an
 * object means one value to this reader and another to the next; `__proto__` is a name to some and a prototype to others;
 * and text that the store would refuse or alter is no text.
 * @throws JsonError
 */
export function readStrictJson(text: string): unknown {
  checkStructure(text);
  try {
    return JSON.parse(text, (name, part: unknown) => {
      if (name === "__proto__" || !isPlainText(name)) throw new JsonError("a name that cannot be stored");
      if (typeof part === "string" && !isPlainText(part)) throw new JsonError("text that cannot be stored");
      if (typeof part === "number" && !Number.isFinite(part)) throw new JsonError("a number that is none");
      return part;
    });
  } catch (error) {
    // The parser's own message quotes the text around the fault.
    throw error instanceof JsonError ? error : new JsonError("not JSON");
  }
}

/** Refuses what JSON.parse would take: names that are repeated, and nesting without end. */
function checkStructure(text: string): void {
  const flaw = flawOf(text, MAX_DEPTH);
  if (flaw !== undefined)
    throw new JsonError(flaw.repeated === undefined ? "nested too deep" : "a name that is repeated");
}

/** The first name that stands twice in one object of a text that is JSON; undefined where none does. */
export function repeatedName(text: string): string | undefined {
  return flawOf(text, Infinity)?.repeated;
}

/** The first place that JSON.parse takes and another reader may not: a name that is repeated, or nesting that is too deep. */
function flawOf(text: string, maxDepth: number): { readonly repeated?: string } | undefined {
  /** The names seen in each object that is open; null stands for an array. */
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

/** The name that a string token spells: `"\u0061"` is `"a"`. */
function unescape(token: string): string {
  try {
    return String(JSON.parse(token));
  } catch {
    throw new JsonError("not JSON");
  }
}
