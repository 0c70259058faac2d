import { z } from "zod";
import { isPlainText } from "../store/plain-text.js";

/** Values of free form: claims of a user, members of a key. The only check is whether they can be stored. */

/** Largest nesting depth of arrays and objects. */
const MAX_DEPTH = 32;

type Path = readonly (string | number)[];

interface Fault {
  readonly path: Path;
  readonly message: string;
}

/** Any JSON, except texts that the store would refuse or alter, and nesting that would exhaust the stack of a reader. */
export const json = z.unknown().superRefine((value, context) => {
  const fault = faultOf(value);
  if (fault !== undefined) context.addIssue({ code: "custom", path: [...fault.path], message: fault.message });
});

/** The first part of a value that cannot be stored, and the reason. */
function faultOf(value: unknown, path: Path = []): Fault | undefined {
  if (typeof value === "string" && !isPlainText(value)) {
    return { path, message: "must be well-formed text without U+0000" };
  }
  if (typeof value === "number" && !Number.isFinite(value))
    return { path, message: "must be a number that can be stored" };
  if (typeof value !== "object" || value === null) return undefined;
  if (path.length >= MAX_DEPTH) return { path, message: `is nested more than ${MAX_DEPTH} levels deep` };
  return firstOf(partsOf(value), ([name, part]) =>
    isPlainText(String(name)) ? faultOf(part, [...path, name]) : { path: [...path, name], message: BAD_NAME },
  );
}

const BAD_NAME = "the name must be well-formed text without U+0000";

/** Checks the free names of an object, which are stored like its values. */
export function checkNames(value: object, context: z.RefinementCtx): void {
  for (const name of Object.keys(value).filter((one) => !isPlainText(one))) {
    context.addIssue({ code: "custom", path: [name], message: BAD_NAME });
  }
}

/** The path of a key `__proto__`, which would become the prototype of the parsed object; undefined if there is none. */
export function placeOfPrototype(value: unknown, path: Path = []): Path | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return firstOf(partsOf(value), ([name, part]) =>
    name === "__proto__" ? [...path, name] : placeOfPrototype(part, [...path, name]),
  );
}

function partsOf(value: object): readonly (readonly [name: string | number, part: unknown])[] {
  return Array.isArray(value) ? [...value.entries()] : Object.entries(value);
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
