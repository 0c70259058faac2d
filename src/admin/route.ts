import type { Command } from "./command.js";

/** The place of a command in the Admin API. */
export interface Route {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below the path of the API. A segment that begins with a colon is the subject. */
  readonly path: string;
  /** Where the input is, apart from a subject in the path. */
  readonly input: "query" | "body";
}

/** Nouns without a plural. */
const UNCOUNTED: ReadonlySet<string> = new Set(["audit", "configuration", "uma"]);

/** Verbs with an HTTP method of their own. */
const METHODS: Readonly<Record<string, Route["method"]>> = {
  list: "GET",
  show: "GET",
  add: "POST",
  update: "PATCH",
  delete: "DELETE",
};

/**
 * The route of a command, derived from its name: `client list` is GET /clients, `client disable` is POST /clients/{id}/disable.
 * A command that only reads is a GET, unless its input has a secret or a file, which do not belong into a URL.
 */
export function routeOf(command: Command): Route {
  const words = (command.routedAs ?? command.name).split(" ");
  const verb = words.at(-1)!;
  const nouns = words.length === 1 ? [] : [...words.slice(0, -2), plural(words.at(-2)!)];
  const isListed = verb === "list" || verb === "add";
  const subject = command.subject === undefined || isListed ? [] : [`:${command.subject}`];
  const isPlain = isListed || (subject.length > 0 && verb in METHODS);
  const path = ["", ...nouns, ...subject, ...(isPlain ? [] : [verb])].join("/");
  const method = isPlain ? METHODS[verb]! : isSafe(command) ? "GET" : "POST";
  return { method, path, input: method === "GET" || method === "DELETE" ? "query" : "body" };
}

function plural(noun: string): string {
  return noun.endsWith("s") || UNCOUNTED.has(noun) ? noun : `${noun}s`;
}

function isSafe({ effect, terms }: Command): boolean {
  const { stdin, dash, file, files } = terms ?? {};
  return effect === "reads" && [stdin, dash, file, files].every((one) => one === undefined);
}

/** Whether a member is in the path. */
export function isInPath(command: Command, { path }: Route, member: string): boolean {
  return member === command.subject && path.includes(`/:${member}`);
}
