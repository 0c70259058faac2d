import { z } from "zod";
import { OperatorError } from "../errors/operator-error.js";
import { findDecision } from "../store/uma-decisions.js";
import { explain, ruleReport } from "../uma/explain.js";
import { name } from "./arguments.js";
import { command, type AnyCommand } from "./command.js";

export const UMA_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "uma explain",
    does: "explains a decision: every rule that was evaluated, what it compared, and which one decided",
    access: "read",
    effect: "reads",
    subject: "decision_id",
    input: z.strictObject({
      decision_id: name.meta({ description: "decision id (X-Request-Id of the answer)" }),
    }),
    output: z.array(
      z.object({
        decision_id: z.string(),
        decided_at: z.iso.datetime(),
        outcome: z.string(),
        client_id: z.string(),
        sub: z.string().nullable(),
        resource_id: z.string(),
        resource_name: z.string().nullable(),
        asked: z.array(z.string()),
        granted: z.array(z.string()),
        rules: z.array(ruleReport),
        because: z.string().optional(),
        untold: z.int().optional(),
      }),
    ),
    run: async ({ core, input }) => {
      const rows = await findDecision(core.db, input.decision_id);
      if (rows.length === 0) {
        throw new OperatorError(
          `no ticket was decided on in ${input.decision_id}, or more than a week ago; its log line has the reason, also of an introspection`,
          "not_found",
        );
      }
      return rows.map(explain);
    },
  }),
];
