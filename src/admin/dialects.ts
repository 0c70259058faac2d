import { allDialectUses } from "../store/dialect-usage.js";
import type { Command } from "./command.js";

export const DIALECT_COMMANDS: readonly Command[] = [
  {
    name: "dialects usage",
    takes: "",
    does: "says which client used which dialect, when last and how often",
    run: async ({ core }) => allDialectUses(core.db),
  },
];
