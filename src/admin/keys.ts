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
    takes: "[--leaked]",
    does: "lets the next keys sign, once everybody can have seen them; --leaked at once, and ends what the old ones signed",
    flags: { leaked: "switch" },
    run: async ({ core, flags }) => core.ring.rotate(flags.leaked === true),
  },
];
