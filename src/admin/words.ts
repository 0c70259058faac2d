import { parseArgs } from "node:util";
import type { z } from "zod";
import { looksLikeHash } from "../accounts/imported-hash/encodings.js";
import { OperatorError } from "../errors/operator-error.js";
import type { CommandTerms } from "./command.js";
import { readDocument } from "../provisioning/document.js";
import { flagsOf, subjectOf, usageOf, type Flag } from "./flags.js";
import { readText, type FlagKind } from "./from-text.js";

type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
type Kinds = Readonly<Record<string, FlagKind>>;

/** The words behind the name of a command. */
interface Words {
  readonly words: readonly string[];
  readonly flags: Flags;
  readonly json: boolean;
  readonly help: boolean;
}

/** Reads the words on the command line. @throws OperatorError naming a flag that the command does not have */
export function readWords(command: CommandTerms, args: readonly string[]): Words {
  const own = Object.entries(flagsOf(command)).map(([name, { kind }]) => [name, kind]);
  const kinds = { ...Object.fromEntries(own), json: "switch", help: "switch" } as Kinds;
  const options = Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, optionOf(name, kind)]));
  try {
    const syntax = { allowPositionals: true, strict: true, allowNegative: true } as const;
    const joined = withValues(args, kinds);
    const { positionals, values } = parseArgs({ args: joined.filter((one) => !isId(one)), options, ...syntax });
    const { json, help, ...flags } = values as Flags;
    return { words: [...joined.filter(isId), ...positionals], flags, json: json === true, help: help === true };
  } catch (error) {
    throw new OperatorError(`${(error as Error).message.split(".")[0]} (jeton ${command.name} ${usageOf(command)})`);
  }
}

/** Whether a word is an id that begins with a dash, as one in base64url may. The only flag with a single dash is -h. */
function isId(word: string): boolean {
  return /^-[^-]./.test(word);
}

function optionOf(name: string, kind: FlagKind) {
  const type = kind === "switch" ? ("boolean" as const) : ("string" as const);
  return { type, multiple: kind === "list", ...(name === "help" ? { short: "h" } : {}) };
}

/**
 * Joins each flag and its value to one word, because a value may begin with a dash: an id in base64url does at times. A word
 * that is a flag of the command is never taken as a value.
 */
function withValues(args: readonly string[], kinds: Kinds): string[] {
  const [word, value, ...rest] = args;
  if (word === undefined || word === "--") return [...args];
  const kind = word.startsWith("--") ? kinds[word.slice(2)] : undefined;
  const isFlag = value?.startsWith("--") && (value === "--" || value.slice(2) in kinds);
  const takesValue = (kind === "text" || kind === "list") && value !== undefined && !isFlag;
  return takesValue ? [`${word}=${value}`, ...withValues(rest, kinds)] : [word, ...withValues(args.slice(1), kinds)];
}

/**
 * The input of a command as the words give it.
 * @param stdin reads standard input to its end
 * @throws OperatorError if the words do not fit the command
 */
export async function inputOf(
  command: CommandTerms,
  { words, flags }: Words,
  stdin: () => Promise<string>,
): Promise<Readonly<Record<string, unknown>>> {
  const found = flagsOf(command);
  const input = await argumentIn(command, words);
  for (const [name, value] of Object.entries(flags)) {
    const flag = found[name];
    if (flag === undefined || value === undefined) continue;
    if (flag.fromStdin) {
      if (value === true) input[flag.member] = await secretFrom(stdin);
    } else input[flag.member] = await valueOf(command, flag, value, stdin);
  }
  const missing = Object.entries(found).find(([, { isRequired, member }]) => isRequired && !(member in input));
  if (missing !== undefined) throw new OperatorError(`missing flag: --${missing[0]}`, "invalid");
  return input;
}

async function argumentIn(command: CommandTerms, words: readonly string[]): Promise<Record<string, unknown>> {
  const { file } = command.terms ?? {};
  if (file === undefined) return subjectIn(command, words);
  const [path, ...more] = words;
  if (path === undefined) throw new OperatorError(`missing argument: ${subjectOf({ ...command, subject: file })}`);
  if (more.length > 0) throw new OperatorError("expected exactly one file");
  return { [file]: await readDocument(path) };
}

function subjectIn(command: CommandTerms, [word, ...more]: readonly string[]): Record<string, unknown> {
  const { name, subject, input } = command;
  if (subject === undefined) {
    if (word !== undefined) throw new OperatorError(`${name} takes no argument`);
    return {};
  }
  if (more.length > 0) throw new OperatorError(`expected exactly one ${subjectOf(command)}`);
  if (word !== undefined) return { [subject]: word };
  const isOptional = (input.shape[subject] as z.ZodType).safeParse(undefined).success;
  if (!isOptional) throw new OperatorError(`missing argument: ${subjectOf(command)}`);
  return {};
}

async function valueOf(
  { input, terms }: CommandTerms,
  { member }: Flag,
  value: string | boolean | readonly string[],
  stdin: () => Promise<string>,
): Promise<unknown> {
  if (typeof value === "boolean") return value;
  // Every process can read the command line of another. With a dash, the value comes from standard input.
  if (value === "-" && terms?.dash?.includes(member) === true) return (await stdin()).trim();
  if (typeof value === "string" && terms?.files?.includes(member) === true) return readDocument(value);
  return readText(member, input.shape[member] as z.ZodType, value);
}

/** A secret from standard input. */
async function secretFrom(stdin: () => Promise<string>): Promise<string> {
  const secret = (await stdin()).replace(/\r?\n$/, "");
  if (secret === "") throw new OperatorError("standard input is empty");
  if (looksLikeHash(secret)) throw new OperatorError("standard input holds a hash; `jeton apply` takes hashes");
  return secret;
}
