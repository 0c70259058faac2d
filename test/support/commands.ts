import { isServed } from "../../src/admin/command.js";
import { COMMANDS } from "../../src/admin/commands.js";
import { everyPage } from "../../src/admin/every-page.js";
import { ALL_POWERS, contextOf } from "../../src/admin/run.js";
import { inputOf, readWords } from "../../src/admin/words.js";
import { OperatorError } from "../../src/errors/operator-error.js";
import type { Instance } from "./instance.js";

/**
 * Runs a command on the core of an instance, as the command line would, without the time that opening another one takes.
 * @returns what it prints, or the one line with which it refuses
 */
export async function runCommand(at: Instance, words: readonly string[], stdin = ""): Promise<any> {
  const command = COMMANDS.find(({ name }) => words.slice(0, name.split(" ").length).join(" ") === name)!;
  if ("runBare" in command) throw new Error("it would empty the database of the instance");
  try {
    const given = readWords(command, words.slice(command.name.split(" ").length));
    const input = await inputOf(command, given, async () => stdin);
    const request = { core: at.core, input, caller: { kind: "system_user", id: "test" } as const, powers: ALL_POWERS };
    const result = isServed(command)
      ? await everyPage(command, request)
      : await command.run({ ...contextOf(command, request), deployment: { migrated: [], url: at.database } });
    return JSON.parse(JSON.stringify(result));
  } catch (error) {
    if (!(error instanceof OperatorError) || /[\n\r]/.test(error.message)) throw error;
    return error.message;
  }
}

/** What `jeton token show` says of a token. */
export function showToken(at: Instance, token: string): Promise<any> {
  return runCommand(at, ["token", "show", "--token-stdin"], token);
}
