import { z } from "zod";
import { ruleReport } from "../uma/explain.js";

/** The JSON of decisions. */

const texts = z.array(z.string());
const audience = z.union([z.string(), texts]);

const VERDICT = {
  outcome: z.enum(["granted", "refused", "open"]),
  check: z.string().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
  scope: texts.optional(),
  audience: audience.optional(),
  lifetime: z.int().optional(),
};

const UMA = z.object({
  decision_id: z.string(),
  decided_at: z.iso.datetime(),
  outcome: z.string(),
  client_id: z.string(),
  sub: z.string().nullable(),
  resource_id: z.string(),
  resource_name: z.string().nullable(),
  asked: texts,
  granted: texts,
  rules: z.array(ruleReport),
  because: z.string().optional(),
  untold: z.int().optional(),
});

const OUTCOME = z.enum(["granted", "refused"]);

/** A decision with its explanation. */
export const EXPLAINED = z.object({
  id: z.string(),
  decided_at: z.iso.datetime(),
  outcome: OUTCOME,
  asked: z.string(),
  checks: z.array(
    z.object({ check: z.string(), result: z.enum(["passed", "refused", "not_reached", "unknown"]), says: z.string() }),
  ),
  refusal: z
    .object({
      code: z.string(),
      check: z.string(),
      message: z.string(),
      reason: z.string().optional(),
      remedy: z.string(),
      reference: z.string(),
    })
    .optional(),
  today: z.object({ ...VERDICT, says: z.string() }),
  since: texts,
  uma: z.array(UMA).optional(),
  facts: z.record(z.string(), z.unknown()),
});

/** A decision in a list. */
export const LISTED = z.object({
  id: z.string(),
  decided_at: z.iso.datetime(),
  outcome: OUTCOME,
  dialect: z.string().optional(),
  operation: z.string().optional(),
  grant_type: z.string().optional(),
  client_id: z.string().optional(),
  sub: z.string().optional(),
  code: z.string().optional(),
});

const DIFFERENT = z.object({
  outcome: z.enum(["granted", "refused", "open"]),
  code: z.string().optional(),
  check: z.string().optional(),
  scope: z.string().optional(),
  audience: z.string().optional(),
  lifetime: z.int().optional(),
});

/** The result of a replay. */
export const REPLAYED = z.object({
  decided: z.int(),
  same: z.int(),
  different: z.int(),
  open: z.int(),
  kinds: z.array(z.object({ change: z.string(), count: z.int() })),
  differences: z.array(
    z.object({
      id: z.string(),
      decided_at: z.iso.datetime(),
      client_id: z.string().optional(),
      sub: z.string().optional(),
      before: DIFFERENT,
      after: DIFFERENT,
      without_the_file: z.boolean(),
    }),
  ),
  left_out: z.int(),
});
