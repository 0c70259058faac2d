import { parseArgs } from "node:util";
import { BARE_COMMANDS, COMMANDS } from "./admin/commands.js";
import { helpOn, helpOnCommand } from "./admin/help.js";
import type { CommandContext, CommandTerms } from "./admin/command.js";
import { systemClock, systemRandom, type Clock } from "./clock.js";
import { readSettings, takesCertificates } from "./config.js";
import { buildCore } from "./core.js";
import { openDeployment } from "./deployment.js";
import { OperatorError, UnfinishedError } from "./errors/operator-error.js";
import { inOneLine } from "./in-one-line.js";
import { NO_CHANGE_FEED } from "./store/listen.js";
import { readVersion } from "./version.js";

/**
 * Runs one command of the table, on the same store as a running server.
 * @param words the words on the command line
 * @param stdin reads standard input to its end; only some commands call it
 * @param env the settings; by default the environment of this process
 * @param clock the clock of the command
 * @param report receives the progress of a long command, and each warning, one line at a time
 * @returns the output
 * @throws OperatorError with one line for the operator; UnfinishedError also has output that is printed before it
 */
export async function runCommandLine(
  words: readonly string[],
  stdin: () => Promise<string>,
  env?: NodeJS.ProcessEnv,
  clock: Clock = systemClock,
  report: (line: string) => void = () => {},
): Promise<string> {
  const command = [...COMMANDS, ...BARE_COMMANDS].find(({ name }) => isNamed(words, name));
  if (command === undefined) return withoutCommand(words);
  const { positionals, values } = readArguments(command, words.slice(command.name.split(" ").length));
  const { json, help, ...flags } = values as CommandContext["flags"] & { json?: boolean; help?: boolean };
  if (help === true) return helpOnCommand(command);

  const settings = readSettings(env);
  const restoring = "runBare" in command;
  const deployment = await openDeployment(settings, { role: "command", restoring }).catch((error: unknown) => {
    if (error instanceof UnfinishedError) error.printed = print(error.result, json === true, report);
    throw inOneLine(error, "the command", settings.LOG_LEVEL);
  });
  try {
    if (restoring)
      return print(await command.runBare({ deployment, words: positionals, flags }), json === true, report);
    const { db, master } = deployment;
    const certificates = { takesCertificates: takesCertificates(settings) };
    const allowPrivateKeySets = settings.JWKS_URI_ALLOW_PRIVATE;
    const parts = { db, master, feed: NO_CHANGE_FEED, clock, random: systemRandom, warn: report, ...certificates };
    const names = { issuer: settings.ISSUER ?? "", previousIssuers: settings.PREVIOUS_ISSUERS };
    const core = await buildCore({ ...names, ...parts, allowPrivateKeySets });
    const context = { core, deployment, words: positionals, flags, stdin, report: json === true ? () => {} : report };
    return print(await command.run(context), json === true, report);
  } catch (error) {
    if (error instanceof UnfinishedError) error.printed = print(error.result, json === true, report);
    throw inOneLine(error, "the command", settings.LOG_LEVEL);
  } finally {
    await deployment.close();
  }
}

function isNamed(words: readonly string[], name: string): boolean {
  return name.split(" ").every((part, index) => words[index] === part);
}

function readArguments(command: CommandTerms, args: readonly string[]) {
  const kinds: NonNullable<CommandTerms["flags"]> = { ...command.flags, json: "switch", help: "switch" };
  const options = Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [
      name,
      {
        type: kind === "switch" ? ("boolean" as const) : ("string" as const),
        multiple: kind === "list",
        ...(name === "help" ? { short: "h" } : {}),
      },
    ]),
  );
  try {
    return parseArgs({
      args: withValues(args, kinds),
      options,
      allowPositionals: true,
      strict: true,
      allowNegative: true,
    });
  } catch (error) {
    throw new OperatorError(`${(error as Error).message.split(".")[0]} (jeton ${command.name} ${command.takes})`);
  }
}

/**
 * Joins each flag and its value to one word, because a value may begin with a dash: an id in base64url does at times. A word
 * that is a flag of the command is never taken as a value.
 */
function withValues(args: readonly string[], kinds: NonNullable<CommandTerms["flags"]>): string[] {
  const [word, value, ...rest] = args;
  if (word === undefined || word === "--") return [...args];
  const kind = word.startsWith("--") ? kinds[word.slice(2)] : undefined;
  const isFlag = value?.startsWith("--") && (value === "--" || value.slice(2) in kinds);
  const takesValue = (kind === "text" || kind === "list") && value !== undefined && !isFlag;
  return takesValue ? [`${word}=${value}`, ...withValues(rest, kinds)] : [word, ...withValues(args.slice(1), kinds)];
}

/** The text for standard output. Without --json, warnings and refusals go to `report` instead, one line each. */
function print(result: object | readonly object[], json: boolean, report: (line: string) => void): string {
  if (json) return JSON.stringify(result);
  const lines = (Array.isArray(result) ? (result as object[]) : [result]).map((one) => {
    const { warnings = [], refused = [], ...said } = one as Readonly<Record<"warnings" | "refused", readonly string[]>>;
    for (const warning of warnings) report(`warning: ${warning}`);
    for (const line of refused) report(`refused: ${line}`);
    return Object.entries(said)
      .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
      .join("  ");
  });
  return lines.join("\n");
}

const HELP: ReadonlySet<string | undefined> = new Set([undefined, "help", "--help", "-h"]);

/** The version, or help on everything or on a noun. @throws OperatorError if the words are no command */
function withoutCommand(words: readonly string[]): string {
  const [first, second] = words;
  if (first === "--version") return readVersion();
  const asked = HELP.has(first) ? helpOn() : HELP.has(second) ? helpOn(first) : undefined;
  if (asked !== undefined) return asked;
  const named = first === undefined ? undefined : helpOn(first);
  const command = words
    .filter((word) => !word.startsWith("-"))
    .slice(0, 2)
    .join(" ");
  throw new OperatorError(
    `there is no command "${command}"; jeton ${named === undefined ? "" : `${first} `}--help lists them`,
  );
}
