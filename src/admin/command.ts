import type { z } from "zod";
import type { Core } from "../core.js";
import type { Deployment } from "../deployment.js";
import type { Caller } from "../store/audit-actor.js";
import type { Transaction, Tx } from "../store/open.js";
import type { Page, Position } from "./page.js";

/**
 * An administrative command. One table of them (commands.ts) is the source of the command line, the Admin API, its OpenAPI
 * document, the console and a table in docs/administration.md.
 */

/** The scopes of commands, as parts of their names: `jeton:admin:read` …; `all` needs `jeton:admin` itself. */
export type Access = "read" | "revoke" | "clients" | "users" | "keys" | "all";

/** What a caller may do; `all` includes the others. */
export type Powers = ReadonlySet<Access>;

/** What a run of a command does to the state of the server. */
type Effect = "reads" | "creates" | "changes" | "ends" | "deletes";

/** The arguments of a command. */
export interface CommandContext<Input> {
  readonly core: Core;
  /** The checked input. */
  readonly input: Input;
  readonly caller: Caller;
  /** Runs a transaction of named statements, whose changes are attributed to the caller. */
  readonly change: <T>(work: (tx: Transaction) => Promise<T>) => Promise<T>;
  /** The same for statements of Prisma. */
  readonly changeByPrisma: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  readonly powers: Powers;
  /**
   * Compares what the caller has seen (If-Match) with the present state. Called in the transaction of the change, with the row
   * locked and in the form in which the `show` command returns it.
   * @throws OperatorError if another caller has changed it since
   */
  readonly expect: (shown: unknown) => void;
  /** Reports the progress of a long command in one line. */
  readonly report: (message: string) => void;
}

/** The arguments of a command that returns a page of a list. */
export interface PagedContext<Input> extends CommandContext<Input> {
  /** The position behind which the page begins; undefined for the first page. */
  readonly after: Position | undefined;
}

/** The arguments of a command that runs on the machine of the server only. */
export interface LocalContext<Input> extends CommandContext<Input> {
  readonly deployment: Pick<Deployment, "migrated" | "url">;
}

/** The arguments of a command that fills an empty database. */
export interface BareContext<Input> {
  readonly input: Input;
  readonly deployment: Pick<Deployment, "url" | "master">;
}

/** How a command differs on the command line from what its input says. */
interface Terms {
  /** The name of the subject in the usage; by default that of the member in capitals. */
  readonly word?: string;
  /** The whole usage, if it is too long to be derived. */
  readonly takes?: string;
  /** Flags that have another name than their member. */
  readonly flags?: Readonly<Record<string, string>>;
  /** The placeholder for the value of a member, if its schema does not tell. */
  readonly values?: Readonly<Record<string, string>>;
  /** The member of a secret that is read from standard input, by the flag that asks for it. It is never an argument. */
  readonly stdin?: Readonly<Record<string, string>>;
  /** Members whose value is on standard input if it is written as a dash. */
  readonly dash?: readonly string[];
  /** The member that the command line reads from a provisioning file, which its argument names. */
  readonly file?: string;
  /** Whether each item of the list is printed as a line of JSON. */
  readonly lines?: true;
  /** Further members that the command line reads from files, which its flags name. */
  readonly files?: readonly string[];
  /** A last line of the help. */
  readonly note?: string;
}

/** What every door knows of a command. */
export interface CommandTerms<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> {
  /** Noun and verb, as on the command line: `client list`. */
  readonly name: string;
  /** The purpose in one line. */
  readonly does: string;
  /** The member of the input that is the word on the command line and the id in the path. */
  readonly subject?: keyof I["shape"] & string;
  /** An object without unknown members. Each member has a description in its metadata. */
  readonly input: I;
  /** The JSON of the result; of one item, if the command returns pages. */
  readonly output: O;
  readonly terms?: Terms;
}

/** A command that all doors serve. */
export interface Command extends CommandTerms {
  readonly access: Access;
  readonly effect: Effect;
  readonly paged?: true | undefined;
  /** Set where the run calls `expect`, so that callers may send If-Match. */
  readonly expects?: true | undefined;
  /** The name that the path of the Admin API derives from, if it is another. */
  readonly routedAs?: string | undefined;
  readonly run: (context: PagedContext<never>) => Promise<unknown>;
}

/** A command of the command line only. */
interface LocalCommand extends CommandTerms {
  /** Why it runs on the machine of the server only, in a sentence. */
  readonly local: string;
  /** Runs it without settings and a database. The result is undefined if the input asks for them. */
  readonly runAlone?: ((input: never) => Promise<unknown>) | undefined;
  readonly run: (context: LocalContext<never>) => Promise<unknown>;
}

/** A local command that runs without a core, which would put signing keys into the database. */
interface BareCommand extends CommandTerms {
  readonly local: string;
  readonly runBare: (context: BareContext<never>) => Promise<unknown>;
}

export type AnyCommand = Command | LocalCommand | BareCommand;

/** A value whose JSON a schema describes: a time may still be a date. */
type Returned<T> = T extends string
  ? string extends T
    ? string | Date
    : T
  : T extends readonly (infer One)[]
    ? readonly Returned<One>[]
    : T extends object
      ? { readonly [Name in keyof T]: Returned<T[Name]> }
      : T;

interface Definition<I extends z.ZodObject, O extends z.ZodType> extends CommandTerms<I, O> {
  readonly access: Access;
  readonly effect: Effect;
  readonly expects?: true;
  readonly routedAs?: string;
}

/** Defines a command of all doors. One that is `paged` has the members of PAGING in its input (page.ts). */
export function command<I extends z.ZodObject, O extends z.ZodType>(
  definition: Definition<I, O> & {
    readonly paged: true;
    readonly run: (context: PagedContext<z.output<I>>) => Promise<Page<Returned<z.output<O>>>>;
  },
): Command;
export function command<I extends z.ZodObject, O extends z.ZodType>(
  definition: Definition<I, O> & {
    readonly paged?: never;
    readonly run: (context: CommandContext<z.output<I>>) => Promise<Returned<z.output<O>>>;
  },
): Command;
export function command(definition: Command): Command {
  return definition;
}

/** Defines a command of the command line only. */
export function localCommand<I extends z.ZodObject, O extends z.ZodType>(
  definition: CommandTerms<I, O> & {
    readonly local: string;
    readonly runAlone?: (input: z.output<I>) => Promise<Returned<z.output<O>> | undefined>;
    readonly run: (context: LocalContext<z.output<I>>) => Promise<Returned<z.output<O>>>;
  },
): LocalCommand {
  return definition;
}

/** Defines a local command that fills an empty database. */
export function bareCommand<I extends z.ZodObject, O extends z.ZodType>(
  definition: CommandTerms<I, O> & {
    readonly local: string;
    readonly runBare: (context: BareContext<z.output<I>>) => Promise<Returned<z.output<O>>>;
  },
): BareCommand {
  return definition;
}

/** Whether all doors serve a command. */
export function isServed(one: AnyCommand): one is Command {
  return !("local" in one);
}
