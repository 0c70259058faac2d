import { z } from "zod";
import { command, type AnyCommand } from "../../../src/admin/command.js";
import { readSettings } from "../../../src/config.js";

/** A command that prints a setting. */
export const TOY_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "motto show",
    does: "prints the motto",
    access: "read",
    effect: "reads",
    input: z.strictObject({}),
    output: z.object({ motto: z.string().optional() }),
    run: async () => ({ motto: (readSettings() as { MOTTO?: string }).MOTTO }),
  }),
];
