import { z } from "zod";
import { isCode } from "../errors/catalogue.js";
import { Refusal } from "../errors/refusal.js";
import type { Code } from "../errors/catalogue.js";

/** Longest value of any parameter, in characters: a token with hundreds of scopes fits. */
const MAX_VALUE = 16_384;

/** What the absence of a required parameter is refused with. */
export type MissingCode = Exclude<Extract<Code, `${string}_missing`>, "client_shared_secret_missing">;

/** A parameter that must be there; the code is what its absence is refused with. */
export function required(code: MissingCode) {
  return z.string({ error: (issue) => (issue.input === undefined ? code : undefined) }).max(MAX_VALUE);
}

/** A parameter that may be left out. */
export const optional = z.string().max(MAX_VALUE).optional();

/**
 * The parameters as a schema types them. The first rule that fails, in the order the schema lists them, is the refusal:
 * its message is a catalogue code, or the parameter is malformed.
 * @param members what the dialect calls them, where it has names of its own (grants/spelling.ts)
 */
export function readParameters<T>(
  schema: z.ZodType<T>,
  parameters: ReadonlyMap<string, unknown>,
  members: Readonly<Record<string, string>> = {},
): T {
  const result = schema.safeParse(Object.fromEntries(parameters));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const code = issue?.message ?? "";
  if (isCode(code)) throw new Refusal(code as MissingCode);
  const name = issue?.code === "unrecognized_keys" ? issue.keys[0]! : (issue?.path.join(".") ?? "");
  // A Map, because anybody chooses the name: an object has a `toString` of its own.
  throw new Refusal("parameter_malformed", { slots: { name: new Map(Object.entries(members)).get(name) ?? name } });
}
