import { z } from "zod";
import { isPlainText } from "../store/plain-text.js";

/** Values whose shape nobody prescribes: claims of a person, members of a key. What is checked is that they can be stored. */

/** Depth of arrays and objects in one another. */
const MAX_DEPTH = 32;

type Path = readonly (string | number)[];

interface Fault {
  readonly path: Path;
  readonly message: string;
}

/** Any JSON, but for texts the store would refuse or alter, and nesting that no reader of it survives. */
export const json = z.unknown().superRefine((value, context) => {
  const fault = faultOf(value);
  if (fault !== undefined) context.addIssue({ code: "custom", path: [...fault.path], message: fault.message });
});

/** The first place of a value that cannot be stored, and why. */
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

/** Names of its own choosing are stored like the values beside them. */
export function checkNames(value: object, context: z.RefinementCtx): void {
  for (const name of Object.keys(value).filter((one) => !isPlainText(one))) {
    context.addIssue({ code: "custom", path: [name], message: BAD_NAME });
  }
}

/** Where a key `__proto__` stands, which would become the prototype of what is read; undefined where there is none. */
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
