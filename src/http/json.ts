import { Refusal } from "../errors/refusal.js";
import { isPlainText } from "../store/plain-text.js";
import type { Parameters } from "./form.js";

/** Depth of arrays and objects in one another. */
const DEEPEST = 32;

/** One token of a JSON text: a string, a bracket, a comma, a colon, or anything else that stands together. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs;

/**
 * Reads a JSON text strictly: what cannot be read in exactly one way is refused (RFC 7493). A name that stands twice in an
 * object means one value to this reader and another to the next; `__proto__` is a name to some and a prototype to others;
 * and text that the store would refuse or alter is no text.
 * @throws Refusal json_malformed
 */
export function readJson(text: string): object {
  checkStructure(text);
  let value: unknown;
  try {
    value = JSON.parse(text, (name, part: unknown) => {
      if (name === "__proto__" || !isPlainText(name)) throw malformed("a name that cannot be stored");
      if (typeof part === "string" && !isPlainText(part)) throw malformed("text that cannot be stored");
      if (typeof part === "number" && !Number.isFinite(part)) throw malformed("a number that is none");
      return part;
    });
  } catch (error) {
    throw error instanceof Refusal ? error : malformed("not JSON");
  }
  if (typeof value !== "object" || value === null) throw malformed("neither an object nor an array");
  return value;
}

/**
 * The members of a document where it stands for a form: each is a text, an empty one counts as absent.
 * @throws Refusal body_missing, parameter_malformed
 */
export function parametersOf(document: object): Parameters {
  const members = Object.entries(document);
  if (members.length === 0) throw new Refusal("body_missing");
  for (const [name, value] of members) {
    if (typeof value !== "string" || Array.isArray(document)) throw new Refusal("parameter_malformed", { name });
  }
  return new Map(members.filter(([, value]) => value !== ""));
}

/** Refuses what JSON.parse would take: names that are repeated, and nesting without end. */
function checkStructure(text: string): void {
  /** The names seen in each object that is open; null stands for an array. */
  const open: (Set<string> | null)[] = [];
  let before = "";
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{" || token === "[") {
      if (open.push(token === "{" ? new Set() : null) > DEEPEST) throw malformed("nested too deep");
    } else if (token === "}" || token === "]") {
      open.pop();
    } else if (token === ":") {
      const names = open.at(-1);
      const name = unescape(before);
      if (names?.has(name)) throw malformed("a name that is repeated");
      names?.add(name);
    }
    before = token;
  }
}

/** The name that a string token spells: `"\u0061"` is `"a"`. */
function unescape(token: string): string {
  try {
    return String(JSON.parse(token));
  } catch {
    throw malformed("not JSON");
  }
}

function malformed(reason: string): Refusal {
  return new Refusal("json_malformed", {}, { reason });
}
