#!/usr/bin/env node
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { COMMANDS } from "./admin/commands.js";
import type { Command, CommandContext } from "./admin/command.js";
import { systemClock, systemRandom } from "./clock.js";
import { readSettings } from "./config.js";
import { buildCore } from "./core.js";
import { openDeployment } from "./deployment.js";
import { OperatorError } from "./errors/operator-error.js";
import { DEAF } from "./store/listen.js";

/** `jeton …`: one command of the table, on the same store as a running server. */
async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const command = COMMANDS.find(({ name }) => words.join(" ").startsWith(name) && isWholeWord(words, name));
  if (command === undefined) return refuseUsage(words);
  const { positionals, values } = readArguments(command, words.slice(command.name.split(" ").length));
  const { json, ...flags } = values as CommandContext["flags"] & { json?: boolean };

  const settings = readSettings();
  const deployment = await openDeployment(settings, { role: "command" });
  try {
    const parts = { db: deployment.db, master: deployment.master, feed: DEAF, clock: systemClock, random: systemRandom };
    const core = await buildCore({ issuer: settings.ISSUER ?? "", ...parts });
    const stdin = () => text(process.stdin);
    print(await command.run({ core, deployment, words: positionals, flags, stdin }), json === true);
  } finally {
    await deployment.close();
  }
}

function isWholeWord(words: readonly string[], name: string): boolean {
  return name.split(" ").every((part, index) => words[index] === part);
}

function readArguments(command: Command, args: string[]) {
  const kinds: NonNullable<Command["flags"]> = { ...command.flags, json: "switch" };
  const options = Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [
      name,
      { type: kind === "switch" ? ("boolean" as const) : ("string" as const), multiple: kind === "list" },
    ]),
  );
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true, allowNegative: true });
  } catch (error) {
    throw new OperatorError(`${(error as Error).message.split(".")[0]} (jeton ${command.name} ${command.takes})`);
  }
}

function print(result: object | readonly object[], json: boolean): void {
  if (json) return console.log(JSON.stringify(result));
  for (const one of Array.isArray(result) ? (result as object[]) : [result]) {
    console.log(
      Object.entries(one)
        .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
        .join("  "),
    );
  }
}

function refuseUsage(words: readonly string[]): void {
  const asked = words.length === 0 || words.includes("--help");
  const lines = COMMANDS.map(({ name, takes, does }) => `  jeton ${[name, takes].filter(Boolean).join(" ")}\n      ${does}`);
  if (asked) return console.log(["Administration of a Jeton server. Each command takes --json.", "", ...lines].join("\n"));
  throw new OperatorError(`there is no command "${words.slice(0, 2).join(" ")}"; jeton --help lists them`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof OperatorError ? `jeton: ${error.message}` : error);
    process.exit(1);
  },
);
