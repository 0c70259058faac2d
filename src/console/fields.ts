import { z } from "zod";
import type { Command } from "../admin/command.js";
import { placeholderOf, readText } from "../admin/from-text.js";
import type { Parameters } from "../http/form.js";
import { html, when, type Html } from "../pages/html.js";
import type { Language } from "../pages/language.js";
import { unwrap } from "../provisioning/value-kind.js";
import { say } from "./texts.js";

/** The form of a command, which derives from its input. */

/** A member of the input of a command, as a form shows it. */
export interface Field {
  readonly member: string;
  readonly schema: z.ZodType;
  readonly isRequired: boolean;
  /** Whether its value must not be seen, nor be in an address. */
  readonly isSecret: boolean;
  /** Its meaning, in English. */
  readonly description: string | undefined;
}

/** Members that say no more than which page of a list is shown. */
const PAGING: ReadonlySet<string> = new Set(["limit", "cursor"]);

/** The fields of a command, its subject first, and what it needs before what it can do without. */
export function fieldsOf({ input, subject, terms }: Command): readonly Field[] {
  const secrets = new Set([...Object.values(terms?.stdin ?? {}), "token"]);
  const rank = ({ member, isRequired }: Field) => (member === subject ? 0 : isRequired ? 1 : 2);
  return Object.entries(input.shape as Record<string, z.ZodType>)
    .filter(([member]) => !PAGING.has(member))
    .map(([member, schema]) => ({
      member,
      schema,
      isRequired: !schema.safeParse(undefined).success,
      isSecret: secrets.has(member),
      description: schema.meta()?.description ?? unwrap(schema).meta()?.description,
    }))
    .sort((one, other) => rank(one) - rank(other));
}

/** The input of a command as its form says it. Fields that are empty are left out. @throws InputError */
export function readFields(fields: readonly Field[], sent: Parameters): Readonly<Record<string, unknown>> {
  const values = fields.map((field) => [field.member, readField(field, sent)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function readField({ member, schema }: Field, sent: Parameters): unknown {
  const choices = choicesOf(schema);
  if (choices !== undefined) {
    const chosen = choices.filter((one) => sent.has(choiceName(member, one)));
    const written = sent.get(member)?.split(/\s+/) ?? [];
    return chosen.length + written.length === 0 ? undefined : [...chosen, ...written];
  }
  const text = sent.get(member);
  if (text === undefined) return undefined;
  if (unwrap(schema) instanceof z.ZodArray)
    return readText(
      member,
      schema,
      text.split(/\r?\n/).filter((line) => line.trim() !== ""),
    );
  return readText(member, schema, text);
}

/** A value as it stands in the field. */
export function textOf({ schema }: Field, value: unknown): string {
  if (typeof value === "string") return value;
  const isLines = choicesOf(schema) === undefined && unwrap(schema) instanceof z.ZodArray;
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value.join(isLines ? "\n" : " ");
  return JSON.stringify(value, null, 2);
}

/** The text of a field, the same for equal values; empty without one. */
export function canonicalText({ member, schema }: Field, sent: Parameters): string {
  const choices = choicesOf(schema);
  const text = (sent.get(member) ?? "").replaceAll("\r\n", "\n").trim();
  if (choices === undefined) return text;
  const written = text.split(/\s+/).filter((one) => one !== "");
  const chosen = choices.filter((one) => sent.has(choiceName(member, one)));
  return [...new Set([...written, ...chosen])].sort().join(" ");
}

/** The words of which a list consists. */
function choicesOf(schema: z.ZodType): readonly string[] | undefined {
  const inner = unwrap(schema);
  const element = inner instanceof z.ZodArray ? unwrap(inner.element as z.ZodType) : undefined;
  return element instanceof z.ZodEnum ? (element.options as string[]) : undefined;
}

function choiceName(member: string, choice: string): string {
  return `${member}:${choice}`;
}

/** A field with its label, its help, and the value that was typed. @param problem why the value was not accepted */
export function fieldMarkup(language: Language, field: Field, sent: Parameters, problem: string | undefined): Html {
  const { member, description, isRequired } = field;
  const id = `field-${member}`;
  const described = [description === undefined ? "" : `${id}-help`, problem === undefined ? "" : `${id}-problem`]
    .join(" ")
    .trim();
  const attributes = html`${described === "" ? undefined : html` aria-describedby="${described}"`}${problem === undefined ? undefined : html` aria-invalid="true"`}${isRequired ? html` required` : undefined}`;
  const notes = html`${when(description, (text) => html`<p class="help" id="${id}-help" lang="en">${text}</p>`)}
${when(problem, (text) => html`<p class="help problem" id="${id}-problem" lang="en">${text}</p>`)}`;
  return html`${controlOf(language, field, id, attributes, sent)}
${notes}`;
}

function controlOf(language: Language, field: Field, id: string, attributes: Html, sent: Parameters): Html {
  const { member, schema, isSecret } = field;
  const value = sent.get(member) ?? "";
  const inner = unwrap(schema);
  const label = html`<label for="${id}">${nameOf(field)}</label>`;
  const choices = choicesOf(schema);
  if (choices !== undefined) return choicesMarkup(field, choices, sent);
  if (inner instanceof z.ZodBoolean && schema instanceof z.ZodDefault) {
    const checked = value === "true" ? html` checked` : undefined;
    return html`<label class="choice" for="${id}"><input type="checkbox" name="${member}" id="${id}" value="true"${checked}${attributes}> ${nameOf(field)}</label>`;
  }
  const options = optionsOf(language, inner);
  if (options !== undefined) {
    const items = [["", "—"] as const, ...options].map(
      ([key, text]) => html`<option value="${key}"${key === value ? html` selected` : undefined}>${text}</option>`,
    );
    return html`${label}<select name="${member}" id="${id}"${attributes}>${items}</select>`;
  }
  if (inner instanceof z.ZodArray || placeholderOf(schema) === "JSON") {
    const hint = say(language, inner instanceof z.ZodArray ? "field.lines" : "field.json");
    return html`${label}<textarea name="${member}" id="${id}" spellcheck="false" placeholder="${hint}"${attributes}>${value}</textarea>`;
  }
  const type = isSecret ? "password" : "text";
  const mode = inner instanceof z.ZodNumber ? html` inputmode="numeric"` : undefined;
  return html`${label}<input type="${type}" name="${member}" id="${id}" value="${value}" autocomplete="off" autocapitalize="none" spellcheck="false"${mode}${attributes}>`;
}

function choicesMarkup(field: Field, choices: readonly string[], sent: Parameters): Html {
  const { member } = field;
  const written = new Set(sent.get(member)?.split(/\s+/));
  const boxes = choices.map((one) => {
    const name = choiceName(member, one);
    const checked = sent.has(name) || written.has(one) ? html` checked` : undefined;
    return html`<label for="field-${name}"><input type="checkbox" name="${name}" id="field-${name}" value="true"${checked}> <code>${one}</code></label>`;
  });
  return html`<fieldset><legend>${nameOf(field)}</legend><div class="choices">${boxes}</div></fieldset>`;
}

function optionsOf(language: Language, inner: z.ZodType): readonly (readonly [string, Html | string])[] | undefined {
  if (inner instanceof z.ZodEnum) return (inner.options as string[]).map((one) => [one, one]);
  if (inner instanceof z.ZodLiteral) return [...inner.values].map((one) => [String(one), String(one)]);
  if (!(inner instanceof z.ZodBoolean)) return undefined;
  return [
    ["true", say(language, "field.yes")],
    ["false", say(language, "field.no")],
  ];
}

/** The name of a member is the field's own term, the same in every language. */
function nameOf({ member, isRequired }: Field): Html {
  return html`<code>${member}</code>${isRequired ? html`<span aria-hidden="true"> *</span>` : undefined}`;
}
