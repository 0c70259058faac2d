import { z } from "zod";

/**
 * Who may have what of a resource, and when. All conditions of a rule have to hold. A rule is read strictly: what it says
 * beyond these members might have been meant to narrow it, so it is not believed at all.
 */

/** Caps of one policy: each decision tries every rule of it on every resource, and tells how it came out. */
const MAX = { rules: 20, entries: 100, claims: 10, text: 255, json: 4_096 } as const;

/** Compared byte for byte, so `*` is a name and no pattern. */
const text = z.string().min(1).max(MAX.text);

/** An empty list names nobody: it is more likely a mistake than a wish, and is not accepted. */
const listOf = (entry: z.ZodString) =>
  z
    .array(entry)
    .min(1)
    .max(MAX.entries)
    .refine((entries) => new Set(entries).size === entries.length);

/** A scope of a resource stands in a `scope` parameter: RFC 6749 section 3.3. */
export const scopeName = text.regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/);

const time = z.iso.datetime({ offset: true });

const claim = z.strictObject({ type: text, value: z.union([text, z.number(), z.boolean()]) });

/** The members that say who. */
const WHO = ["clients", "users", "roles", "claims"] as const;

const rule = z
  .strictObject({
    clients: listOf(text).optional(),
    /** Subs. */
    users: listOf(text).optional(),
    /** One of them is enough. */
    roles: listOf(text).optional(),
    /** Each has to be there. */
    claims: z.array(claim).min(1).max(MAX.claims).optional(),
    /** Whose word is taken for who somebody is; only this server's own is ever known. */
    issuer: text.optional(),
    /** What it gives; everything the resource has where it says nothing. */
    scopes: listOf(scopeName).optional(),
    not_before: time.optional(),
    not_after: time.optional(),
    /** Whether the owner has the last word. */
    consent_needed: z.boolean().optional(),
  })
  // Whoever wants to let everybody in needs no server to decide it.
  .refine((one) => WHO.some((name) => one[name] !== undefined) || one.consent_needed === true, {
    error: "rule_names_nobody",
  })
  .refine((one) => !one.not_before || !one.not_after || Date.parse(one.not_before) < Date.parse(one.not_after), {
    error: "rule_ends_early",
  });

export type Rule = z.infer<typeof rule>;

/** The rules of a policy as they may be written. */
export const ruleList = z
  .array(rule)
  .min(1)
  .max(MAX.rules)
  .refine((rules) => JSON.stringify(rules).length <= MAX.json);

/** The rules of a policy as they stand in the store: one that cannot be read is undefined, and gives nothing. */
const storedRules = z.array(rule.optional().catch(undefined)).max(MAX.rules);

/** The rules of a stored policy one by one; undefined where it is no list of them. */
export function readRules(stored: unknown): readonly (Rule | undefined)[] | undefined {
  return storedRules.safeParse(stored).data;
}
