import type { Command } from "./command.js";
import { MAX_ITEMS } from "./page.js";
import { runCommand, type CommandRequest } from "./run.js";

/** Runs a command to its end: for a list, all pages. @returns the output, an array for a list @throws OperatorError */
export async function everyPage(command: Command, request: CommandRequest): Promise<unknown> {
  if (command.paged !== true) return runCommand(command, request);
  const all: unknown[] = [];
  let cursor: string | undefined;
  do {
    const input = { ...request.input, limit: MAX_ITEMS, cursor };
    const page = (await runCommand(command, { ...request, input })) as { items: unknown[]; next?: string };
    for (const item of page.items) all.push(item);
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}
