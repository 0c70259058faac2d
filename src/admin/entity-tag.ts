import { createHash } from "node:crypto";

/**
 * The strong entity tag of what a command shows (RFC 9110 section 8.8.3). It changes with each change of the JSON.
 * @param shown the output of a `show` command
 */
export function entityTag(shown: unknown): string {
  return `"${createHash("sha256").update(canonical(shown)).digest("base64url").slice(0, 22)}"`;
}

/** JSON with the members of each object in one order. Two statements may read the columns of a row in different orders. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}

const TAGS = /^\s*(?:W\/)?"[\x21\x23-\x7e]*"(?:\s*,\s*(?:W\/)?"[\x21\x23-\x7e]*")*\s*$/;

/** Whether a text is a value of If-Match (RFC 9110 section 13.1.1). */
export function isIfMatch(text: string): boolean {
  return text === "*" || TAGS.test(text);
}

/** Whether an If-Match is fulfilled. A weak tag never matches. */
export function fulfils(ifMatch: string, tag: string): boolean {
  return ifMatch === "*" || ifMatch.split(",").some((one) => one.trim() === tag);
}
