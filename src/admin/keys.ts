import type { Command } from "./command.js";

export const KEY_COMMANDS: readonly Command[] = [
  {
    name: "keys list",
    takes: "",
    does: "lists the signing keys and what each is doing",
    run: async ({ core }) => core.ring.describe(),
  },
  {
    name: "keys rotate",
    takes: "[--now]",
    does: "lets the next keys sign, once everybody can have seen them; --now at once, for a key that leaked",
    flags: { now: "switch" },
    run: async ({ core, flags }) => core.ring.rotate(flags["now"] === true),
  },
];
