import { UnfinishedError } from "../errors/operator-error.js";
import { applyFile, type Applied } from "../provisioning/apply.js";
import { onlyWord } from "./arguments.js";
import type { Command } from "./command.js";

export const STORE_COMMANDS: readonly Command[] = [
  {
    name: "apply",
    takes: "FILE [--keep-going]",
    does: "applies a provisioning file (.json, .jsonl or .csv); --keep-going skips faulty entries",
    flags: { "keep-going": "switch" },
    run: async (context) => {
      const { core, flags, report } = context;
      const path = onlyWord(context, "provisioning file");
      const applied = await applyFile(core.db, core, path, { keepGoing: flags["keep-going"] === true, report });
      if (applied.refused !== undefined) throw new UnfinishedError(skipped(applied), applied);
      return applied;
    },
  },
  {
    name: "migrate",
    takes: "",
    does: "brings the database up to date",
    run: async ({ deployment }) => ({ applied: deployment.migrated }),
  },
];

function skipped({ refused = [], entries }: Applied): string {
  return `${refused.length} of ${entries} entries were skipped`;
}
