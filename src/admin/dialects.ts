import { z } from "zod";
import { dialectUses } from "../store/dialect-usage.js";
import { command, type AnyCommand } from "./command.js";
import { pageOf, PAGING, textsOf } from "./page.js";

export const DIALECT_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "dialects usage",
    does: "lists which client used which dialect, how often and when last",
    access: "read",
    effect: "reads",
    input: z.strictObject({ ...PAGING }),
    output: z.object({
      client_id: z.string(),
      dialect: z.string(),
      uses: z.int(),
      last_used_at: z.iso.datetime(),
    }),
    paged: true,
    run: async ({ core, input, after }) => {
      const [client_id = "", dialect = ""] = textsOf(after, 2);
      const rows = await dialectUses(core.db, { client_id, dialect }, input.limit + 1);
      return pageOf(
        rows,
        input.limit,
        (row) => [row.client_id, row.dialect],
        (row) => row,
      );
    },
  }),
];
