import { z } from "zod";
import type { DecisionRow } from "../store/uma-decisions.js";
import type { Decision } from "./decide.js";

/** The explanation of a decision, for the owner of its resource and for operators. */

/** The report on one rule. */
export const ruleReport = z.object({
  policy: z.string(),
  rule: z.int(),
  result: z.string(),
  because: z.string().optional(),
  saw: z.record(z.string(), z.unknown()),
  decided: z.boolean(),
});

const trace = z.object({ because: z.string().optional(), rules: z.array(ruleReport), untold: z.int().optional() });

/** The decision on one resource, with its reasons. */
export interface Explanation {
  readonly decision_id: string;
  readonly decided_at: Date;
  readonly outcome: string;
  readonly client_id: string;
  readonly sub: string | null;
  readonly resource_id: string;
  readonly resource_name: string | null;
  readonly asked: readonly string[];
  readonly granted: readonly string[];
  /** The reason why no rule was evaluated, if there is one. */
  readonly because?: string;
  readonly rules: readonly z.infer<typeof ruleReport>[];
  /** The number of further rules, if some were evaluated but not recorded. */
  readonly untold?: number;
}

/** Reads a stored decision. A record that cannot be read is explained as such. */
export function explain({ id, trace: stored, decided_at, outcome, client_id, sub, ...row }: DecisionRow): Explanation {
  const { because, rules, untold }: z.infer<typeof trace> = trace.safeParse(stored).data ?? {
    because: "the record cannot be read",
    rules: [],
  };
  const { resource_id, resource_name, asked, granted } = row;
  return {
    ...{ decision_id: id, decided_at, outcome, client_id, sub },
    ...{ resource_id, resource_name, asked, granted, rules },
    // The command line prints every member, so an absent reason must not become `undefined`.
    ...(because === undefined ? {} : { because }),
    ...(untold === undefined ? {} : { untold }),
  };
}

/** A decision in few words, for a log line: the result of each resource and of each rule. */
export function summarise({ outcome, resources }: Decision) {
  return {
    outcome,
    resources: resources.map(({ resource_id, granted, trace: { because, rules } }) => ({
      resource_id,
      granted,
      because,
      rules: rules.map(({ policy, rule, result }) => `rule ${rule} of policy ${policy} ${result}`),
    })),
  };
}
