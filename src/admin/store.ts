import { readFile } from "node:fs/promises";
import { OperatorError } from "../errors/operator-error.js";
import { apply } from "../provisioning/apply.js";
import { onlyWord } from "./arguments.js";
import type { Command } from "./command.js";

export const STORE_COMMANDS: readonly Command[] = [
  {
    name: "apply",
    takes: "FILE",
    does: "applies a provisioning file",
    run: async (context) => {
      const path = onlyWord(context, "provisioning file");
      const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
        throw new OperatorError(`${path} cannot be read (${error.code})`);
      });
      return apply(context.core.db, context.core, text);
    },
  },
  {
    name: "migrate",
    takes: "",
    does: "brings the database up to date",
    run: async ({ deployment }) => ({ applied: deployment.migrated }),
  },
];
