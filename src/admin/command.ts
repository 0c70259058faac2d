import type { Core } from "../core.js";
import type { Deployment } from "../deployment.js";

/** What a command works with. */
export interface CommandContext {
  readonly core: Core;
  readonly deployment: Pick<Deployment, "migrated">;
  /** What stood on the command line after noun and verb. */
  readonly words: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  /** Everything on standard input. */
  readonly stdin: () => Promise<string>;
  /** Tells the operator how far a long command has come, in one line; nobody hears it with `--json`. */
  readonly report: (message: string) => void;
}

/** One administrative command. The CLI runs this table, and an admin API later will. */
export interface Command {
  /** What it is called: `client list`, `migrate`. */
  readonly name: string;
  /** What follows the name, as the usage shows it. */
  readonly takes: string;
  readonly does: string;
  /** Its flags; a list may be given several times. */
  readonly flags?: Readonly<Record<string, "text" | "list" | "switch">>;
  /** Does it, and returns what is printed: as JSON, or one line of `key=value` each. */
  readonly run: (context: CommandContext) => Promise<object | readonly object[]>;
}
