import { z } from "zod";
import { newName, newRegistrationToken } from "../clients/registration-token.js";
import { OperatorError } from "../errors/operator-error.js";
import { addToken, deleteToken, listTokens } from "../store/registration-tokens.js";
import { duration, name } from "./arguments.js";
import { command, type AnyCommand, type CommandContext } from "./command.js";

/** Most clients that one token registers. */
const MAX_USES = 1_000_000;

const error = `must be a number from 1 to ${MAX_USES}`;
const uses = z.int({ error }).min(1, { error }).max(MAX_USES, { error });

const TOKEN = z.object({
  id: z.string(),
  uses_left: z.int(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
});

async function add({ core, input, change }: CommandContext<{ readonly uses: number; readonly lifetime: number }>) {
  const { text, hash } = newRegistrationToken(core.master, core.random, "initial");
  const token = { id: newName(core.random), hash, ...input };
  const added = await change((tx) => addToken(tx, token, core.clock.statement()));
  return { ...added, initial_access_token: text };
}

export const REGISTRATION_TOKEN_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "registration-token add",
    does: "makes an initial access token, with which clients register themselves; it is shown once",
    access: "clients",
    effect: "creates",
    input: z.strictObject({
      uses: uses.default(1).meta({ description: "clients that it registers" }),
      lifetime: duration
        .refine((seconds) => seconds > 0, "must be longer than 0")
        .default(86_400)
        .meta({ description: "how long it can be used" }),
    }),
    output: TOKEN.extend({ initial_access_token: z.string() }),
    terms: { takes: "[--uses 1] [--lifetime 24h]", values: { lifetime: "DURATION" } },
    run: add,
  }),
  command({
    name: "registration-token list",
    does: "lists the initial access tokens, without their texts",
    access: "read",
    effect: "reads",
    input: z.strictObject({}),
    output: z.array(TOKEN),
    run: async ({ core }) => listTokens(core.db),
  }),
  command({
    name: "registration-token delete",
    does: "deletes an initial access token; clients that it registered stay",
    access: "clients",
    effect: "deletes",
    subject: "id",
    input: z.strictObject({ id: name.meta({ description: "token id" }) }),
    output: z.object({ id: z.string(), deleted: z.boolean() }),
    run: async ({ input: { id }, change }) => {
      if (!(await change((tx) => deleteToken(tx, id)))) {
        throw new OperatorError(`there is no registration token ${id}`, "not_found");
      }
      return { id, deleted: true };
    },
  }),
];
