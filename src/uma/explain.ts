import { z } from "zod";
import type { DecisionRow } from "../store/uma-decisions.js";

/** What is told of a decision, to the owner of its resource and to operators. */

const tried = z.object({
  policy: z.string(),
  rule: z.int(),
  result: z.string(),
  because: z.string().optional(),
  saw: z.record(z.string(), z.unknown()),
  decided: z.boolean(),
});

const trace = z.object({ because: z.string().optional(), rules: z.array(tried) });

/** Why a resource of a decision was granted or not. */
export interface Explanation {
  readonly decision_id: string;
  readonly decided_at: Date;
  readonly outcome: string;
  readonly client_id: string;
  readonly sub: string | null;
  readonly resource_id: string;
  readonly asked: readonly string[];
  readonly granted: readonly string[];
  /** What decided before any rule was tried. */
  readonly because: string | undefined;
  readonly rules: readonly z.infer<typeof tried>[];
}

/** A row that somebody else has written over explains nothing, and breaks nothing. */
export function explain({ id, trace: stored, decided_at, outcome, client_id, sub, ...row }: DecisionRow): Explanation {
  const { because, rules } = trace.safeParse(stored).data ?? { because: "the record cannot be read", rules: [] };
  const { resource_id, asked, granted } = row;
  return { decision_id: id, decided_at, outcome, client_id, sub, resource_id, asked, granted, because, rules };
}
