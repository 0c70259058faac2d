import type { CommandTerms } from "./command.js";
import { COMMANDS } from "./commands.js";
import { flagsOf, usageOf } from "./flags.js";

/** The output of `--help`: for all commands, for a noun such as `client`, or for one command with its flags. */

const COMMON = "Each command takes --json and --help. It exits with 0, or with 1 after one line on standard error.";

/** The help on every command, or on those that begin with the noun. Undefined if there is no such noun. */
export function helpOn(noun?: string): string | undefined {
  const commands = COMMANDS.filter(({ name }) => noun === undefined || name === noun || name.startsWith(`${noun} `));
  if (commands.length === 0) return undefined;
  const head = noun === undefined ? ["Administration of a Jeton server.", COMMON, ""] : [];
  return [...head, ...commands.map(heading)].join("\n");
}

/** The help on one command: its arguments, its purpose and its flags. */
export function helpOnCommand(command: CommandTerms): string {
  const flags = Object.entries(flagsOf(command)).map(([name, { kind, value, canBeOff }]) => {
    if (kind === "switch") return canBeOff ? `  --[no-]${name}` : `  --${name}`;
    return `  --${name} ${value}${kind === "list" ? " (several times)" : ""}`;
  });
  const { note } = command.terms ?? {};
  return [heading(command), "", ...flags, "  --json", ...(note === undefined ? [] : ["", note])].join("\n");
}

function heading(command: CommandTerms): string {
  return `  jeton ${[command.name, usageOf(command)].filter(Boolean).join(" ")}\n      ${command.does}`;
}
