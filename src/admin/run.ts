import type { Core } from "../core.js";
import { InputError, OperatorError } from "../errors/operator-error.js";
import { asActor, type Caller } from "../store/audit-actor.js";
import { transaction } from "../store/open.js";
import type { Access, Command, CommandContext, CommandTerms, Powers } from "./command.js";
import { entityTag, fulfils } from "./entity-tag.js";
import { readCursor, writeCursor, type Page } from "./page.js";

/** A request to run a command. */
export interface CommandRequest {
  readonly core: Core;
  /** JSON values by the names of the members. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly caller: Caller;
  readonly powers: Powers;
  /** The If-Match of the caller. */
  readonly ifMatch?: string | undefined;
  /** Receives the progress of a long command, one line at a time. */
  readonly report?: ((message: string) => void) | undefined;
}

/** The powers of whom nothing is refused. */
export const ALL_POWERS: Powers = new Set<Access>(["all"]);

/** Whether the powers of a caller suffice for a command. */
export function mayRun({ access }: Pick<Command, "access">, powers: Powers): boolean {
  return powers.has("all") || powers.has(access);
}

/**
 * Runs a command for a caller. All doors run commands through here.
 * @returns the result, whose JSON is the output of the command; a page is `{ items, next }` with the cursor of the next one
 * @throws OperatorError if the caller may not, if the input is not accepted, or if the command refuses
 */
export async function runCommand(command: Command, request: CommandRequest): Promise<unknown> {
  if (!mayRun(command, request.powers)) throw new OperatorError(`${command.name} needs more powers`, "forbidden");
  const { master } = request.core;
  const context = contextOf(command, request);
  const { input } = context as { readonly input: Readonly<Record<string, unknown>> };
  if (command.paged !== true) return command.run({ ...context, after: undefined });
  const list = { name: command.name, input };
  const after = typeof input.cursor === "string" ? readCursor(master, list, input.cursor) : undefined;
  const { items, next } = (await command.run({ ...context, after })) as Page<unknown>;
  return next === undefined ? { items } : { items, next: writeCursor(master, list, next) };
}

/** The context of a command. @throws InputError if its schema refuses the input */
export function contextOf(command: CommandTerms, request: CommandRequest): CommandContext<never> {
  const { core, caller, powers, ifMatch, report = () => {} } = request;
  return {
    ...{ core, caller, powers, report },
    input: checkInput(command, request.input) as never,
    change: (work) =>
      transaction(core.db, async (tx) => {
        await asActor(tx, caller);
        return work(tx);
      }),
    expect: (shown) => {
      if (ifMatch === undefined || fulfils(ifMatch, entityTag(shown))) return;
      throw new OperatorError("it was changed since it was read", "changed");
    },
    changeByPrisma: (work) =>
      core.db.prisma.$transaction(async (tx) => {
        await asActor(tx, caller);
        return work(tx);
      }),
  };
}

/** @throws InputError naming the first faulty member */
export function checkInput({ input: schema }: CommandTerms, input: unknown): Readonly<Record<string, unknown>> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new InputError(path, message);
}
