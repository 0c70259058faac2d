import { allDialectUses } from "../store/dialect-usage.js";
import type { Command } from "./command.js";

export const DIALECT_COMMANDS: readonly Command[] = [
  {
    name: "dialects usage",
    takes: "",
    does: "lists which client used which dialect, how often and when last",
    run: async ({ core }) => allDialectUses(core.db),
  },
];
