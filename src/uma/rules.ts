import { z } from "zod";

/**
 * The rules of a policy: who may access a resource, with which scopes, and when. Every condition of a rule must hold. A
 * rule with an unknown member is rejected, because that member may have been meant as a further condition.
 */

/** Limits of one policy. Each decision evaluates and reports every rule for every resource. */
const MAX = { rules: 20, entries: 100, claims: 10, text: 255, json: 4_096 } as const;

/** Names are compared byte for byte, so `*` is a name and not a pattern. */
const text = z.string().min(1).max(MAX.text);

/** An empty list is rejected, because it would match no user and is probably a mistake. */
const listOf = (entry: z.ZodString) =>
  z
    .array(entry)
    .min(1)
    .max(MAX.entries)
    .refine((entries) => new Set(entries).size === entries.length);

/** A scope of a resource has the syntax of the `scope` parameter (RFC 6749 section 3.3). */
export const scopeName = text.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/);

const time = z.iso.datetime({ offset: true });

const claim = z.strictObject({ type: text, value: z.union([text, z.number(), z.boolean()]) });

/** The conditions that name a user or a client. */
const WHO = ["clients", "users", "roles", "claims"] as const;

const rule = z
  .strictObject({
    clients: listOf(text).optional(),
    /** The `sub` of each person. */
    users: listOf(text).optional(),
    /** The person needs one of these roles. */
    roles: listOf(text).optional(),
    /** The person needs all of these claims. */
    claims: z.array(claim).min(1).max(MAX.claims).optional(),
    /** The issuer that identifies the person. No issuer but this server is known. */
    issuer: text.optional(),
    /** The granted scopes; by default all scopes of the resource. */
    scopes: listOf(scopeName).optional(),
    not_before: time.optional(),
    not_after: time.optional(),
    /** Whether the owner must approve. */
    consent_needed: z.boolean().optional(),
  })
  // A rule for everybody would make the decision pointless.
  .refine((one) => WHO.some((name) => one[name] !== undefined) || one.consent_needed === true, {
    error: "rule_names_nobody",
  })
  .refine((one) => !one.not_before || !one.not_after || Date.parse(one.not_before) < Date.parse(one.not_after), {
    error: "rule_ends_early",
  });

export type Rule = z.infer<typeof rule>;

/** The schema of a policy that is written. */
export const ruleList = z
  .array(rule)
  .min(1)
  .max(MAX.rules)
  .refine((rules) => JSON.stringify(rules).length <= MAX.json);

/** The schema of a stored policy. A rule that cannot be read is undefined, and grants nothing. */
const storedRules = z.array(rule.optional().catch(undefined)).max(MAX.rules);

/** The rules of a stored policy; undefined if it is no list. */
export function readRules(stored: unknown): readonly (Rule | undefined)[] | undefined {
  return storedRules.safeParse(stored).data;
}
