import { z } from "zod";
import { listDialectUses } from "../store/dialect-usage.js";
import { databaseTime } from "../store/open.js";
import { duration, name } from "./arguments.js";
import { DIALECT_USE } from "./client-lists.js";
import { command, type AnyCommand } from "./command.js";
import { PAGING } from "./page.js";

export const DIALECT_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "dialects usage",
    does: "lists which client used which dialect, how often and when last",
    access: "read",
    effect: "reads",
    input: z.strictObject({
      dialect: name.optional().meta({ description: "only this dialect" }),
      since: duration.optional().meta({ description: "only clients that used it in this time" }),
      unused_for: duration.optional().meta({ description: "only clients that did not use it in this time" }),
      ...PAGING,
    }),
    output: DIALECT_USE,
    paged: true,
    terms: { values: { since: "DURATION", unused_for: "DURATION" } },
    run: async ({ core, input: { dialect, since, unused_for, limit }, after }) => {
      const [client_id, of] = (after ?? []) as readonly string[];
      const now = await databaseTime(core.db, core.clock.statement());
      const ago = (seconds: number | undefined) => (seconds === undefined ? undefined : new Date(now - seconds * 1000));
      const from = { limit, after: client_id === undefined ? undefined : { client_id, dialect: of! } };
      const filter = { dialect, since: ago(since), before: ago(unused_for) };
      const { items, last } = await listDialectUses(core.db, filter, from);
      return { items, next: last && [last.client_id, last.dialect] };
    },
  }),
];
