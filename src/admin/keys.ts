import { z } from "zod";
import { OperatorError } from "../errors/operator-error.js";
import { removeKey } from "../store/signing-keys.js";
import { name } from "./arguments.js";
import { command, type AnyCommand } from "./command.js";

const LIST = command({
  name: "keys list",
  does: "lists the signing keys with their states and ages, and when each may be removed and why",
  access: "read",
  effect: "reads",
  input: z.strictObject({}),
  output: z.array(
    z.object({
      kid: z.string(),
      alg: z.string(),
      state: z.enum(["next", "pending", "current", "retired"]),
      published_at: z.iso.datetime(),
      active_from: z.iso.datetime().nullable(),
      age: z.int(),
      removable_from: z.iso.datetime().nullable(),
      because: z.string(),
    }),
  ),
  run: async ({ core }) => {
    await core.ring.reload();
    return core.ring.describe();
  },
});

const ROTATE = command({
  name: "keys rotate",
  does: "makes the next keys current once caches have refreshed; --leaked: at once, and rejects everything the old keys signed",
  access: "keys",
  effect: "changes",
  input: z.strictObject({
    leaked: z.boolean().default(false).meta({ description: "reject everything that the old keys signed" }),
  }),
  output: z.array(z.object({ alg: z.string(), kid: z.string(), active_from: z.iso.datetime() })),
  run: async ({ core, input, caller }) => core.ring.rotate(input.leaked, caller),
});

const REMOVE = command({
  name: "keys remove",
  does: "removes a retired key once no token that it signed is accepted; the sweep does so a day later",
  access: "keys",
  effect: "deletes",
  subject: "kid",
  input: z.strictObject({ kid: name.meta({ description: "key id" }) }),
  output: z.object({ kid: z.string(), removed: z.boolean() }),
  run: async ({ core: { ring, clock }, input: { kid }, change }) => {
    const removed = await change((tx) => removeKey(tx, kid, clock.statement()));
    await ring.reload();
    if (removed) return { kid, removed };
    const key = ring.describe().find((one) => one.kid === kid);
    if (key === undefined) throw new OperatorError(`there is no key ${kid}`, "not_found");
    const from = key.removable_from === null ? "" : ` from ${key.removable_from.toISOString()} on`;
    const when = from === "" ? "cannot be removed" : `can be removed${from}`;
    throw new OperatorError(`${kid} ${when}: ${key.because}`, "conflict");
  },
});

export const KEY_COMMANDS: readonly AnyCommand[] = [LIST, ROTATE, REMOVE];
