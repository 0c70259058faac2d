import { z } from "zod";
import { command, type AnyCommand } from "./command.js";

export const KEY_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "keys list",
    does: "lists the signing keys and their states",
    access: "read",
    effect: "reads",
    input: z.strictObject({}),
    output: z.array(
      z.object({
        kid: z.string(),
        alg: z.string(),
        state: z.string(),
        published_at: z.iso.datetime(),
        active_from: z.iso.datetime().nullable(),
      }),
    ),
    run: async ({ core }) => core.ring.describe(),
  }),
  command({
    name: "keys rotate",
    does: "makes the next keys current once caches have refreshed; --leaked: at once, and rejects everything the old keys signed",
    access: "keys",
    effect: "changes",
    input: z.strictObject({
      leaked: z.boolean().default(false).meta({ description: "reject everything that the old keys signed" }),
    }),
    output: z.array(z.object({ alg: z.string(), kid: z.string(), active_from: z.iso.datetime() })),
    run: async ({ core, input }) => core.ring.rotate(input.leaked),
  }),
];
