import type { Core } from "../core.js";
import type { Deployment } from "../deployment.js";

/** The arguments of a command. */
export interface CommandContext {
  readonly core: Core;
  readonly deployment: Pick<Deployment, "migrated" | "url">;
  /** The words on the command line after the name of the command. */
  readonly words: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  /** Reads standard input to its end. */
  readonly stdin: () => Promise<string>;
  /** Reports the progress of a long command in one line; with `--json` the line is dropped. */
  readonly report: (message: string) => void;
}

/** The arguments of a command that fills an empty database. */
export interface BareContext extends Pick<CommandContext, "words" | "flags"> {
  readonly deployment: Pick<Deployment, "url" | "master">;
}

/** One administrative command. The CLI runs this table, and an admin API later will. */
export interface Command extends CommandTerms {
  /** Runs the command. Returns the output, which is printed as JSON or as one line of `key=value` each. */
  readonly run: (context: CommandContext) => Promise<object | readonly object[]>;
}

/** A command that runs without a core, which would put signing keys into the database. */
export interface BareCommand extends CommandTerms {
  readonly runBare: (context: BareContext) => Promise<object | readonly object[]>;
}

export interface CommandTerms {
  /** As on the command line: `client list`, `migrate`. */
  readonly name: string;
  /** The arguments, as the usage shows them. */
  readonly takes: string;
  readonly does: string;
  /** The kind of each flag; a list may be given several times. */
  readonly flags?: Readonly<Record<string, "text" | "list" | "switch">>;
  /** The placeholder for the value of a flag in its help; TEXT by default. */
  readonly values?: Readonly<Record<string, string>>;
}
