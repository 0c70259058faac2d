import { z } from "zod";
import { UnfinishedError } from "../errors/operator-error.js";
import { applyFile, type Applied } from "../provisioning/apply.js";
import { file } from "./arguments.js";
import { localCommand, type AnyCommand } from "./command.js";

export const STORE_COMMANDS: readonly AnyCommand[] = [
  localCommand({
    name: "apply",
    does: "applies a provisioning file (.json, .jsonl or .csv); --keep-going skips faulty entries",
    local: "It reads a file of the machine, of any size; `configuration apply` takes the file itself.",
    subject: "file",
    input: z.strictObject({
      file: file.meta({ description: "provisioning file" }),
      keep_going: z.boolean().default(false).meta({ description: "skip faulty entries" }),
    }),
    output: z.object({
      written: z.int(),
      entries: z.int(),
      refused: z.array(z.string()).optional(),
      warnings: z.array(z.string()),
    }),
    run: async ({ core, input, report, caller }) => {
      const applied = await applyFile(core.db, core, input.file, { keepGoing: input.keep_going, report, caller });
      if (applied.refused !== undefined) throw new UnfinishedError(skipped(applied), applied);
      return applied;
    },
  }),
  localCommand({
    name: "migrate",
    does: "brings the database up to date",
    local: "A server migrates its database when it starts.",
    input: z.strictObject({}),
    output: z.object({ applied: z.array(z.string()) }),
    run: async ({ deployment }) => ({ applied: deployment.migrated }),
  }),
];

function skipped({ refused = [], entries }: Applied): string {
  return `${refused.length} of ${entries} entries were skipped`;
}
