import type { CommandTerms } from "./command.js";
import { BARE_COMMANDS, COMMANDS } from "./commands.js";

/** The output of `--help`: for all commands, for a noun such as `client`, or for one command with its flags. */

const ALL: readonly CommandTerms[] = [...COMMANDS, ...BARE_COMMANDS];

const COMMON = "Each command takes --json and --help. It exits with 0, or with 1 after one line on standard error.";

/** The help on every command, or on those that begin with the noun. Undefined if there is no such noun. */
export function helpOn(noun?: string): string | undefined {
  const commands = ALL.filter(({ name }) => noun === undefined || name === noun || name.startsWith(`${noun} `));
  if (commands.length === 0) return undefined;
  const head = noun === undefined ? ["Administration of a Jeton server.", COMMON, ""] : [];
  return [...head, ...commands.map(heading)].join("\n");
}

/** The help on one command: its arguments, its purpose and its flags. */
export function helpOnCommand(command: CommandTerms): string {
  const flags = Object.entries(command.flags ?? {}).map(([name, kind]) => {
    const isSetting = command.values?.[name] !== undefined;
    if (kind === "switch") return isSetting ? `  --[no-]${name}` : `  --${name}`;
    return `  --${name} ${command.values?.[name] ?? "TEXT"}${kind === "list" ? " (several times)" : ""}`;
  });
  const source = command.flags !== undefined && command.values !== undefined ? ["", SETTINGS] : [];
  return [heading(command), "", ...flags, "  --json", ...source].join("\n");
}

const SETTINGS =
  "docs/settings.md explains each key of a client and of a user; a flag has dashes in place of underscores.";

function heading({ name, takes, does }: CommandTerms): string {
  return `  jeton ${[name, takes].filter(Boolean).join(" ")}\n      ${does}`;
}
