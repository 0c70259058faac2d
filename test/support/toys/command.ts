import type { Command } from "../../../src/admin/command.js";
import { readSettings } from "../../../src/config.js";

/** A command that prints a setting. */
export const TOY_COMMANDS: readonly Command[] = [
  {
    name: "motto show",
    takes: "",
    does: "prints the motto",
    run: async () => ({ motto: (readSettings() as { MOTTO?: string }).MOTTO }),
  },
];
