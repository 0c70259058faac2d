import { Refusal } from "../errors/refusal.js";

/** Parameters as they arrived: each name once, each value well-formed text, none empty. */
export type Parameters = ReadonlyMap<string, string>;

/** Parameters a request may hold; the longest documented one has eighteen. */
const MOST_PARAMETERS = 64;

/**
 * Parses `application/x-www-form-urlencoded` for @fastify/formbody, strictly: what cannot be read exactly one way is
 * refused (RFC 6749 section 3.2 and appendix B). A parameter without a value counts as absent.
 * @returns undefined for a body without any parameter, and the refusal instead of throwing it, because the plugin calls this from an event where nobody would catch it
 */
export function parseForm(text: string): Parameters | Refusal | undefined {
  try {
    return readForm(text);
  } catch (error) {
    return error instanceof Refusal ? error : new Refusal("body_malformed", {}, { reason: "bad percent-encoding" });
  }
}

function readForm(text: string): Parameters | undefined {
  const pairs = text.split("&").filter((pair) => pair !== "");
  if (pairs.length === 0) return undefined;
  if (pairs.length > MOST_PARAMETERS) throw new Refusal("parameters_too_many", { limit: String(MOST_PARAMETERS) });
  const seen = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    if (seen.has(name)) throw new Refusal("parameter_repeated", { name });
    seen.set(name, equals < 0 ? "" : decode(pair.slice(equals + 1)));
  }
  return new Map([...seen].filter(([, value]) => value !== ""));
}

function decode(encoded: string): string {
  const text = decodeURIComponent(encoded.replaceAll("+", " "));
  if (!isPlainText(text)) throw new Refusal("body_malformed", {}, { reason: "U+0000, U+FFFD or a lone surrogate" });
  return text;
}

/**
 * Whether a text survives storing: Postgres has no U+0000, a lone surrogate is altered silently, and U+FFFD stands where
 * bytes were not UTF-8 to begin with.
 */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !/[\0\ufffd]/.test(text);
}
