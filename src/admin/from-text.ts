import { z } from "zod";
import { InputError } from "../errors/operator-error.js";
import { unwrap } from "../provisioning/value-kind.js";

/** Members of an input as texts: of flags, of a query, of a form. */

/** How a member is written: once, several times, or without a value. */
export type FlagKind = "text" | "list" | "switch";

export function kindOf(schema: z.ZodType): FlagKind {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return "list";
  return inner instanceof z.ZodBoolean ? "switch" : "text";
}

/** The placeholder for a value: the allowed words, or the kind of value. */
export function placeholderOf(schema: z.ZodType): string {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return placeholderOf(inner.element as z.ZodType);
  if (inner instanceof z.ZodEnum) return inner.options.join("|");
  if (inner instanceof z.ZodLiteral) return [...inner.values].join("|");
  if (isStructured(inner)) return "JSON";
  return inner instanceof z.ZodNumber ? "NUMBER" : "TEXT";
}

/**
 * Reads the text of a member, or its texts if it is a list.
 * @returns a JSON value, which the schema has to check
 * @throws InputError if it has to be JSON and is not
 */
export function readText(member: string, schema: z.ZodType, text: string | readonly string[]): unknown {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) {
    const each = inner.element as z.ZodType;
    return (typeof text === "string" ? [text] : text).map((one) => readText(member, each, one));
  }
  if (inner instanceof z.ZodNumber) return text === "" ? text : Number(text);
  if (inner instanceof z.ZodBoolean) return text === "true" ? true : text === "false" ? false : text;
  return isStructured(inner) ? readJson(member, String(text)) : text;
}

function isStructured(schema: z.ZodType): boolean {
  return schema instanceof z.ZodObject || schema instanceof z.ZodRecord;
}

function readJson(member: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InputError([member], "is not JSON");
  }
}
