import { z } from "zod";
import { isCode, type Code } from "../errors/catalogue.js";
import { Refusal } from "../errors/refusal.js";

/** Longest value of a parameter, in characters: a token with hundreds of scopes fits. */
const MAX_VALUE = 16_384;

/** The codes for a missing required parameter. */
type MissingCode = Exclude<Extract<Code, `${string}_missing`>, "client_shared_secret_missing">;

/** A required parameter. @param code the refusal of its absence */
export function required(code: MissingCode) {
  return z.string({ error: (issue) => (issue.input === undefined ? code : undefined) }).max(MAX_VALUE);
}

/** An optional parameter. */
export const optional = z.string().max(MAX_VALUE).optional();

/** An optional parameter that needs no schema. @throws Refusal parameter_malformed */
export function readOptional(name: string, parameters: ReadonlyMap<string, string>): string | undefined {
  const value = parameters.get(name);
  if (value !== undefined && value.length > MAX_VALUE) throw new Refusal("parameter_malformed", { slots: { name } });
  return value;
}

/**
 * Parses parameters with a schema. The first rule that fails, in the order of the schema, decides the refusal: its
 * message is a catalogue code, or the parameter is malformed.
 * @param members the dialect's names of parameters, if it has its own (grants/spelling.ts)
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
  // A Map, because the caller chooses the name, and every object has a `toString`.
  throw new Refusal("parameter_malformed", { slots: { name: new Map(Object.entries(members)).get(name) ?? name } });
}
