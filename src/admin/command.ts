import type { Core } from "../core.js";
import type { Deployment } from "../deployment.js";

/** What a command works with. */
export interface CommandContext {
  readonly core: Core;
  readonly deployment: Pick<Deployment, "migrated" | "url">;
  /** What stood on the command line after noun and verb. */
  readonly words: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  /** Everything on standard input. */
  readonly stdin: () => Promise<string>;
  /** Tells the operator how far a long command has come, in one line; nobody hears it with `--json`. */
  readonly report: (message: string) => void;
}

/** What a command works with that fills an empty database. */
export interface BareContext extends Pick<CommandContext, "words" | "flags"> {
  readonly deployment: Pick<Deployment, "url" | "master">;
}

/** One administrative command. The CLI runs this table, and an admin API later will. */
export interface Command extends CommandTerms {
  /** Does it, and returns what is printed: as JSON, or one line of `key=value` each. */
  readonly run: (context: CommandContext) => Promise<object | readonly object[]>;
}

/** A command that runs without a core, which would put signing keys into the database. */
export interface BareCommand extends CommandTerms {
  readonly runBare: (context: BareContext) => Promise<object | readonly object[]>;
}

export interface CommandTerms {
  /** What it is called: `client list`, `migrate`. */
  readonly name: string;
  /** What follows the name, as the usage shows it. */
  readonly takes: string;
  readonly does: string;
  /** Its flags; a list may be given several times. */
  readonly flags?: Readonly<Record<string, "text" | "list" | "switch">>;
  /** What stands after a flag, as its help shows it; TEXT where nothing is said. */
  readonly values?: Readonly<Record<string, string>>;
}
