import { Refusal } from "../errors/refusal.js";
import { JsonError, readStrictJson } from "../strict-json.js";
import type { Parameters } from "./form.js";

/**
 * Parses a JSON body.
 * @throws Refusal json_malformed for ambiguous JSON, and for values other than objects and arrays
 */
export function readJson(text: string): object {
  try {
    const value = readStrictJson(text);
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    if (error instanceof JsonError) throw new Refusal("json_malformed", { reason: error.message });
    throw error;
  }
  throw new Refusal("json_malformed", { reason: "neither an object nor an array" });
}

/**
 * The members of a JSON object as parameters. Each is a string; an empty one counts as absent.
 * @throws Refusal body_missing, parameter_malformed
 */
export function parametersOf(document: object): Parameters {
  const members = Object.entries(document);
  if (members.length === 0) throw new Refusal("body_missing");
  for (const [name, value] of members) {
    if (typeof value !== "string" || Array.isArray(document))
      throw new Refusal("parameter_malformed", { slots: { name } });
  }
  return new Map(members.filter(([, value]) => value !== ""));
}
