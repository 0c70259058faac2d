import { isServed, type AnyCommand } from "./admin/command.js";
import { COMMANDS } from "./admin/commands.js";
import { everyPage } from "./admin/every-page.js";
import { helpOn, helpOnCommand } from "./admin/help.js";
import { ALL_POWERS, checkInput, contextOf } from "./admin/run.js";
import { systemUser } from "./admin/system-user.js";
import { inputOf, readWords } from "./admin/words.js";
import { systemClock, systemRandom, type Clock } from "./clock.js";
import { readSettings, takesCertificates, type Settings } from "./config.js";
import { buildCore } from "./core.js";
import { openDeployment, type Deployment } from "./deployment.js";
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
  const command = COMMANDS.find(({ name }) => isNamed(words, name));
  if (command === undefined) return withoutCommand(words);
  const given = readWords(command, words.slice(command.name.split(" ").length));
  if (given.help) return helpOnCommand(command);

  const progress = given.json ? () => {} : report;
  const printed = (result: unknown) =>
    command.terms?.lines === true
      ? inLines(result as readonly unknown[])
      : print(result as object | string, given.json, report);
  const alone = await runAlone(command, () => inputOf(command, given, stdin));
  if (alone !== undefined) return printed(alone);

  const settings = readSettings(env);
  const restoring = "runBare" in command;
  const caller = systemUser();
  const deployment = await openDeployment(settings, { role: "command", caller, restoring }).catch((error: unknown) => {
    if (error instanceof UnfinishedError) error.printed = printed(error.result);
    throw inOneLine(error, "the command", settings.LOG_LEVEL);
  });
  try {
    const input = await inputOf(command, given, stdin);
    if (restoring) return printed(await command.runBare({ deployment, input: checkInput(command, input) as never }));
    const core = await openCore(settings, deployment, clock, report);
    const request = { core, input, caller, report: progress, powers: ALL_POWERS };
    if (isServed(command)) return printed(await everyPage(command, request));
    return printed(await command.run({ ...contextOf(command, request), deployment }));
  } catch (error) {
    if (error instanceof UnfinishedError) error.printed = printed(error.result);
    throw inOneLine(error, "the command", settings.LOG_LEVEL);
  } finally {
    await deployment.close();
  }
}

/** Runs a command that needs no database. @returns undefined if it needs one */
async function runAlone(command: AnyCommand, input: () => Promise<object>): Promise<unknown> {
  if (!("runAlone" in command) || command.runAlone === undefined) return undefined;
  return command.runAlone(checkInput(command, { ...(await input()) }) as never);
}

function isNamed(words: readonly string[], name: string): boolean {
  return name.split(" ").every((part, index) => words[index] === part);
}

function openCore(settings: Settings, { db, master }: Deployment, clock: Clock, warn: (line: string) => void) {
  return buildCore({
    ...{ db, master, clock, warn },
    issuer: settings.ISSUER ?? "",
    previousIssuers: settings.PREVIOUS_ISSUERS,
    feed: NO_CHANGE_FEED,
    random: systemRandom,
    takesCertificates: takesCertificates(settings),
    auditCheckpointFile: settings.AUDIT_CHECKPOINT_FILE,
    allowPrivateKeySets: settings.JWKS_URI_ALLOW_PRIVATE,
  });
}

/** Each item as a line of JSON. */
function inLines(items: readonly unknown[]): string {
  return items.map((item) => JSON.stringify(item)).join("\n");
}

/** The text for standard output. Without --json, warnings and refusals go to `report` instead, one line each. */
function print(result: object | string, json: boolean, report: (line: string) => void): string {
  if (json) return JSON.stringify(result);
  if (typeof result === "string") return result;
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
