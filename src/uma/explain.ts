import { z } from "zod";
import type { DecisionRow } from "../store/uma-decisions.js";
import type { Decision } from "./decide.js";

/** What is told of a decision, to the owner of its resource and to operators. */

const tried = z.object({
  policy: z.string(),
  rule: z.int(),
  result: z.string(),
  because: z.string().optional(),
  saw: z.record(z.string(), z.unknown()),
  decided: z.boolean(),
});

const trace = z.object({ because: z.string().optional(), rules: z.array(tried), untold: z.int().optional() });

/** Why a resource of a decision was granted or not. */
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
  /** What decided before any rule was tried; absent where nothing did. */
  readonly because?: string;
  readonly rules: readonly z.infer<typeof tried>[];
  /** How many more rules were tried; absent where it is none. */
  readonly untold?: number;
}

/** A row that somebody else has written over explains nothing, and breaks nothing. */
export function explain({ id, trace: stored, decided_at, outcome, client_id, sub, ...row }: DecisionRow): Explanation {
  const { because, rules, untold }: z.infer<typeof trace> = trace.safeParse(stored).data ?? {
    because: "the record cannot be read",
    rules: [],
  };
  const { resource_id, resource_name, asked, granted } = row;
  return {
    ...{ decision_id: id, decided_at, outcome, client_id, sub },
    ...{ resource_id, resource_name, asked, granted, rules },
    ...(because === undefined ? {} : { because }),
    ...(untold === undefined ? {} : { untold }),
  };
}

/** A decision in few words, for a log line: what came of each resource, and of each rule that was tried on it. */
export function summarise({ outcome, resources }: Decision) {
  return {
    outcome,
    resources: resources.map(({ resource_id, granted, trace: { because, rules } }) => ({
      resource_id,
      granted,
      ...(because === undefined ? {} : { because }),
      rules: rules.map(({ policy, rule, result }) => `rule ${rule} of policy ${policy} ${result}`),
    })),
  };
}
