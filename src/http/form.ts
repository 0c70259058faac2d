import { isRefusal, Refusal } from "../errors/refusal.js";
import { isPlainText } from "../store/plain-text.js";

/** Parameters by name: well-formed, non-empty texts. */
export type Parameters = ReadonlyMap<string, string>;

/** A parsed form or query. */
export interface Form {
  readonly parameters: Parameters;
  /** Names that appear more than once. No rule says which of the values counts. */
  readonly repeated: ReadonlySet<string>;
}

/** The one parameter that may be repeated (RFC 8707 section 2). A URI has no space, so a space separates its values. */
const LIST = "resource";

/** Most parameters of a request; the longest documented one has eighteen. */
const MAX_PARAMETERS = 64;

/** Most fields of a form of the console: a browser sends the empty ones too, and a client has as many settings. */
export const MAX_FIELDS = 512;

/**
 * Parses `application/x-www-form-urlencoded` strictly, and refuses ambiguous forms (RFC 6749 section 3.2 and appendix
 * B). A parameter without a value counts as absent. Brackets are refused and not ignored, because some libraries read
 * lists and objects from them; no parameter name has one (section 8.2).
 * @returns undefined if there is no parameter at all
 * @throws Refusal body_malformed, parameter_malformed, parameters_too_many
 */
export function readForm(text: string, maxParameters = MAX_PARAMETERS): Form | undefined {
  const pairs = text.split("&").filter((pair) => pair !== "");
  if (pairs.length === 0) return undefined;
  if (pairs.length > maxParameters)
    throw new Refusal("parameters_too_many", { slots: { limit: String(maxParameters) } });
  const seen = new Map<string, string>();
  const repeated = new Set<string>();
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    if (name.includes("[")) throw new Refusal("parameter_malformed", { slots: { name: name.split("[", 1)[0]! } });
    const value = equals < 0 ? "" : decode(pair.slice(equals + 1));
    const before = seen.get(name);
    if (before !== undefined && name !== LIST) repeated.add(name);
    seen.set(name, before && name === LIST ? `${before} ${value}` : value);
  }
  for (const [name, value] of seen) if (value === "") seen.delete(name);
  return { parameters: seen, repeated };
}

/** The same for @fastify/formbody, which calls it in an event handler, where an exception would not be caught. */
export function parseForm(text: string, maxParameters?: number): Form | Refusal | undefined {
  try {
    return readForm(text, maxParameters);
  } catch (error) {
    if (isRefusal(error)) return error;
    throw error;
  }
}

/** The parameters of a form without repetitions (RFC 6749 section 3.2). @throws Refusal parameter_repeated */
export function withoutRepetition({ parameters, repeated }: Form): Parameters {
  for (const name of repeated) throw new Refusal("parameter_repeated", { slots: { name } });
  return parameters;
}

function decode(encoded: string): string {
  const isPlain = !encoded.includes("%") && !encoded.includes("+");
  const text = isPlain ? encoded : percentDecode(encoded.replaceAll("+", " "));
  if (text === undefined || !isPlainText(text)) throw new Refusal("body_malformed");
  return text;
}

function percentDecode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
