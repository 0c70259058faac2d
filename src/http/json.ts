import { Refusal } from "../errors/refusal.js";
import { JsonError, readStrictJson } from "../strict-json.js";
import type { Parameters } from "./form.js";

/**
 * Reads a body of JSON.
 * @throws Refusal json_malformed for what cannot be read in exactly one way, or is neither an object nor an array
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
 * The members of a document where it stands for a form: each is a text, an empty one counts as absent.
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
