import { isServed, type Command } from "../admin/command.js";
import { COMMANDS } from "../admin/commands.js";

/** The commands that the console runs: all that do not need the machine of the server. */
export const SERVED: readonly Command[] = COMMANDS.filter(isServed);

const BY_NAME = new Map(SERVED.map((one) => [one.name, one]));

export function commandNamed(name: string): Command | undefined {
  return BY_NAME.get(name);
}

/** The path of the page of a command, below the console. */
export function pathOfCommand({ name }: Pick<Command, "name">): string {
  return `/commands/${name.replaceAll(" ", ".")}`;
}

/** The command of such a path. */
export function commandAt(segment: string): Command | undefined {
  return commandNamed(segment.replaceAll(".", " "));
}

/** A link to the page of a command, with values in its form. */
export function addressOf(name: string, values: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(values).toString();
  return pathOfCommand({ name }) + (query === "" ? "" : `?${query}`);
}
