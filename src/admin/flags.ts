import { z } from "zod";
import { unwrap } from "../provisioning/value-kind.js";
import type { CommandTerms } from "./command.js";
import { kindOf, placeholderOf, type FlagKind } from "./from-text.js";
import { PAGING } from "./page.js";

/** A flag of a command. */
export interface Flag {
  readonly kind: FlagKind;
  /** The member of the input that it sets. */
  readonly member: string;
  /** The placeholder for its value. */
  readonly value: string;
  /** Whether it is a switch that can also be turned off, with `--no-`. */
  readonly canBeOff: boolean;
  /** Whether its value is on standard input. */
  readonly fromStdin: boolean;
  readonly isRequired: boolean;
}

/** The flags of a command by their names. They are derived from its input: a flag has dashes in place of underscores. */
export function flagsOf({ input, subject, terms = {} }: CommandTerms): Readonly<Record<string, Flag>> {
  const secrets = Object.entries(terms.stdin ?? {});
  const notFlags = new Set([subject, terms.file, ...Object.keys(PAGING), ...secrets.map(([, member]) => member)]);
  const members: (readonly [string, z.ZodType])[] = Object.entries(input.shape);
  return Object.fromEntries([
    ...members
      .filter(([member]) => !notFlags.has(member))
      .map(([member, schema]) => [terms.flags?.[member] ?? flagName(member), flagOf(member, schema, terms.values)]),
    ...secrets.map(([flag, member]) => [flag, { ...STDIN, member }]),
  ]) as Readonly<Record<string, Flag>>;
}

const STDIN = { kind: "switch", value: "", canBeOff: false, fromStdin: true, isRequired: false } as const;

/** The name of a flag. */
function flagName(member: string): string {
  return member.replaceAll("_", "-");
}

function flagOf(member: string, schema: z.ZodType, values: Readonly<Record<string, string>> = {}): Flag {
  const kind = kindOf(schema);
  return {
    ...{ kind, member, fromStdin: false },
    value: values[member] ?? placeholderOf(schema),
    // A switch without a default has three states.
    canBeOff: kind === "switch" && !(schema instanceof z.ZodDefault),
    isRequired: !(schema instanceof z.ZodOptional) && !(schema instanceof z.ZodDefault),
  };
}

/** The usage of a command behind its name. */
export function usageOf(command: CommandTerms): string {
  const { subject, input, terms = {} } = command;
  if (terms.takes !== undefined) return terms.takes;
  const flags = Object.entries(flagsOf(command)).map(([name, { kind, value, isRequired }]) => {
    const text = kind === "switch" ? `--${name}` : `--${name} ${value}`;
    return `${isRequired ? text : `[${text}]`}${kind === "list" ? "…" : ""}`;
  });
  const word = terms.file === undefined ? (terms.word ?? subject?.toUpperCase()) : "FILE";
  const schema = subject === undefined ? undefined : (input.shape[subject] as z.ZodType);
  const words = word === undefined ? [] : [schema instanceof z.ZodOptional ? `[${word}]` : word];
  return [...words, ...flags].join(" ");
}

/** What a command calls its subject, in its refusals. */
export function subjectOf({ subject, input }: CommandTerms): string {
  const schema = input.shape[subject ?? ""] as z.ZodType | undefined;
  return schema?.meta()?.description ?? (schema && unwrap(schema).meta()?.description) ?? String(subject);
}
