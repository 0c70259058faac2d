import { parseArgs } from "node:util";
import { COMMANDS } from "../../src/admin/commands.js";
import { OperatorError } from "../../src/errors/operator-error.js";
import type { Instance } from "./instance.js";

/**
 * Runs a command on the core of an instance, as the command line would, without the time that opening another one takes.
 * @returns what it prints, or the one line with which it refuses
 */
// What a test looks into is what it expects to find.

export async function runCommand(at: Instance, words: readonly string[], stdin = ""): Promise<any> {
  const command = COMMANDS.find(({ name }) => words.slice(0, name.split(" ").length).join(" ") === name)!;
  const options = Object.fromEntries(
    Object.entries(command.flags ?? {}).map(([name, kind]) => [
      name,
      { type: kind === "switch" ? ("boolean" as const) : ("string" as const), multiple: kind === "list" },
    ]),
  );
  const args = words.slice(command.name.split(" ").length);
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true });
  const { core, database: url } = at;
  const flags = values as Parameters<typeof command.run>[0]["flags"];
  const context = { core, deployment: { migrated: [], url }, words: positionals, flags };
  try {
    const result = await command.run({ ...context, stdin: async () => stdin, report: () => {} });
    return JSON.parse(JSON.stringify(result));
  } catch (error) {
    if (!(error instanceof OperatorError) || /[\n\r]/.test(error.message)) throw error;
    return error.message;
  }
}
