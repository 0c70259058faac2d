import { newName, newRegistrationToken } from "../clients/registration-token.js";
import { OperatorError } from "../errors/operator-error.js";
import { addToken, deleteToken, listTokens } from "../store/registration-tokens.js";
import { onlyWord, readDuration } from "./arguments.js";
import type { Command, CommandContext } from "./command.js";

/** Most clients that one token registers. */
const MAX_USES = 1_000_000;

async function add({ core, words, flags }: CommandContext): Promise<object> {
  if (words.length > 0) throw new OperatorError("registration-token add takes no argument");
  const { uses = "1", lifetime = "24h" } = flags;
  const count = Number(uses);
  if (!/^\d+$/.test(String(uses)) || count < 1 || count > MAX_USES) {
    throw new OperatorError(`uses: must be a number from 1 to ${MAX_USES}`);
  }
  const seconds = readDuration(String(lifetime));
  if (seconds === 0) throw new OperatorError("lifetime: must be longer than 0");
  const { text, hash } = newRegistrationToken(core.master, core.random, "initial");
  const token = { id: newName(core.random), hash, uses: count, lifetime: seconds };
  const added = await addToken(core.db, token, core.clock.statement());
  return { ...added, initial_access_token: text };
}

export const REGISTRATION_TOKEN_COMMANDS: readonly Command[] = [
  {
    name: "registration-token add",
    takes: "[--uses 1] [--lifetime 24h]",
    does: "makes an initial access token, with which clients register themselves; it is shown once",
    flags: { uses: "text", lifetime: "text" },
    values: { uses: "NUMBER", lifetime: "DURATION" },
    run: add,
  },
  {
    name: "registration-token list",
    takes: "",
    does: "lists the initial access tokens, without their texts",
    run: async ({ core }) => listTokens(core.db),
  },
  {
    name: "registration-token delete",
    takes: "ID",
    does: "deletes an initial access token; clients that it registered stay",
    run: async (context) => {
      const id = onlyWord(context, "token id");
      if (!(await deleteToken(context.core.db, id))) throw new OperatorError(`there is no registration token ${id}`);
      return { id, deleted: true };
    },
  },
];
