import { parseArgs, type ParseArgsConfig } from "node:util";
import { CANDIDATES, type Candidate } from "./candidates.js";
import { OPERATIONS, type Operation } from "./operations.js";

export interface Options {
  readonly operations: readonly Operation[];
  readonly candidates: readonly Candidate[];
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
  readonly write: boolean;
}

const DEFAULTS = { seconds: 3, rounds: 5, connections: 16 } as const;

const HELP = `npm run bench -- [OPTIONS]: what a request costs, beside the cheapest server possible and beside other servers.
  --only NAME[,NAME]      operations: ${OPERATIONS.map(({ name }) => name).join(", ")}
  --against NAME[,NAME]   candidates: ${CANDIDATES.map(({ name }) => name).join(", ")}
  --seconds N             length of a round (${DEFAULTS.seconds})
  --rounds N              rounds of each candidate for each operation (${DEFAULTS.rounds})
  --connections N         connections, each with one request under way (${DEFAULTS.connections})
  --write                 writes the tables into docs/performance.md; needs every operation and every candidate
The result is printed, and written to build/bench/ as JSON. docs/performance.md explains it.`;

/** A command line that cannot be carried out; its message is one line. */
export class OptionsError extends Error {}

/**
 * Reads the command line.
 * @returns the text to print instead, where the command line asks for help
 * @throws OptionsError naming the option and what it may be
 */
export function readOptions(words: readonly string[]): Options | string {
  const values = parse(words);
  if (values.help === true) return HELP;
  const operations = pick("--only", values.only, OPERATIONS);
  const candidates = pick("--against", values.against, CANDIDATES);
  const isWhole = operations.length === OPERATIONS.length && candidates.length === CANDIDATES.length;
  if (values.write === true && !isWhole) throw new OptionsError("--write needs every operation and every candidate");
  return {
    operations,
    candidates,
    seconds: positive("--seconds", values.seconds, DEFAULTS.seconds),
    rounds: whole("--rounds", values.rounds, DEFAULTS.rounds),
    connections: whole("--connections", values.connections, DEFAULTS.connections),
    write: values.write === true,
  };
}

function parse(words: readonly string[]) {
  const numbers = { seconds: TEXT, rounds: TEXT, connections: TEXT };
  return parseWords(words, { only: TEXT, against: TEXT, ...numbers, write: FLAG, help: FLAG });
}

/** The two kinds of options. */
export const TEXT = { type: "string" } as const;
export const FLAG = { type: "boolean" } as const;

/** Reads the options of a command line. @throws OptionsError naming an unknown one */
export function parseWords<T extends NonNullable<ParseArgsConfig["options"]>>(words: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...words], options }).values;
  } catch (error) {
    throw new OptionsError(error instanceof Error ? error.message.split("\n")[0] : String(error));
  }
}

/** The rows that a list of names picks, in the order of the table; all of them without a list. */
function pick<Row extends { readonly name: string }>(option: string, list: string | undefined, rows: readonly Row[]) {
  if (list === undefined) return rows;
  const names = list.split(",");
  const unknown = names.find((name) => !rows.some((row) => row.name === name));
  if (unknown !== undefined)
    throw new OptionsError(`${option} knows no "${unknown}", only ${rows.map(({ name }) => name).join(", ")}`);
  return rows.filter(({ name }) => names.includes(name));
}

function positive(option: string, text: string | undefined, otherwise: number): number {
  const number = text === undefined ? otherwise : Number(text);
  if (!(number > 0 && number < Infinity)) throw new OptionsError(`${option} must be a positive number`);
  return number;
}

/** A positive whole number of an option. */
export function whole(option: string, text: string | undefined, otherwise: number): number {
  const number = positive(option, text, otherwise);
  if (!Number.isInteger(number)) throw new OptionsError(`${option} must be a whole number`);
  return number;
}
