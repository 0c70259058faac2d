import type { Command } from "./command.js";

export const KEY_COMMANDS: readonly Command[] = [
  {
    name: "keys list",
    takes: "",
    does: "lists the signing keys and their states",
    run: async ({ core }) => core.ring.describe(),
  },
  {
    name: "keys rotate",
    takes: "[--leaked]",
    does: "makes the next keys current once caches have refreshed; --leaked: at once, and rejects everything the old keys signed",
    flags: { leaked: "switch" },
    run: async ({ core, flags }) => core.ring.rotate(flags.leaked === true),
  },
];
