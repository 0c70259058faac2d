import { OperatorError } from "../errors/operator-error.js";
import { findDecision } from "../store/uma-decisions.js";
import { explain } from "../uma/explain.js";
import { onlyWord } from "./arguments.js";
import type { Command } from "./command.js";

export const UMA_COMMANDS: readonly Command[] = [
  {
    name: "uma explain",
    takes: "DECISION_ID",
    does: "explains a decision: every rule that was evaluated, what it compared, and which one decided",
    run: async (context) => {
      const id = onlyWord(context, "decision id (X-Request-Id of the answer)");
      const rows = await findDecision(context.core.db, id);
      if (rows.length === 0) {
        throw new OperatorError(
          `no ticket was decided on in ${id}, or more than a week ago; its log line has the reason, also of an introspection`,
        );
      }
      return rows.map(explain);
    },
  },
];
