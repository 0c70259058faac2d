import type { CommandTerms } from "./command.js";
import { BARE_COMMANDS, COMMANDS } from "./commands.js";

/** What `--help` prints: of everything, of a noun such as `client`, or of one command with each of its flags. */

const ALL: readonly CommandTerms[] = [...COMMANDS, ...BARE_COMMANDS];

const COMMON = "Each command takes --json and --help. It ends with 0, or after one line on standard error with 1.";

/** Every command, or those that begin with the noun. Undefined where there is no such noun. */
export function helpOn(noun?: string): string | undefined {
  const commands = ALL.filter(({ name }) => noun === undefined || name === noun || name.startsWith(`${noun} `));
  if (commands.length === 0) return undefined;
  const head = noun === undefined ? ["Administration of a Jeton server.", COMMON, ""] : [];
  return [...head, ...commands.map(heading)].join("\n");
}

/** One command: what it takes, what it does, and its flags. */
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
  "docs/settings.md says what each key of a client and of a user means; a flag has dashes for its underscores.";

function heading({ name, takes, does }: CommandTerms): string {
  return `  jeton ${[name, takes].filter(Boolean).join(" ")}\n      ${does}`;
}
