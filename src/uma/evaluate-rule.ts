import { partyOf, type Facts, type ResourceFacts } from "./facts.js";
import type { Rule } from "./rules.js";

/** A scope that a rule grants. */
export interface GrantedScope {
  readonly scope: string;
  /** The expiry, in milliseconds since the epoch; null for none. */
  readonly until: number | null;
}

/** The result of one rule, and the facts that it compared. */
export interface RuleResult {
  readonly result: "passes" | "fails" | "needs_claims" | "needs_consent" | "unreadable";
  /** The condition that decided; undefined if every condition held. */
  readonly because?: keyof Rule | undefined;
  /** The compared facts, by condition: names and whether they matched, never the value of a claim. */
  readonly saw: Readonly<Record<string, unknown>>;
  readonly grants: readonly GrantedScope[];
  /** The claims that are missing. */
  readonly claims: readonly string[];
  /** The scopes that the owner has to approve. */
  readonly needsApproval: readonly string[];
}

interface Evaluation {
  readonly rule: Rule;
  readonly facts: Facts;
  readonly resource: ResourceFacts;
  /** The requested scopes that this rule can grant. */
  readonly scopes: readonly string[];
}

/** The verdict of a condition: it holds, it does not, or it depends on a person who is not known. */
interface Verdict {
  readonly holds: boolean | "unknown";
  readonly saw: unknown;
}

/** The conditions, in the order of their evaluation. A rule that does not have a condition skips it. */
const CONDITIONS: readonly (readonly [keyof Rule, (evaluation: Evaluation) => Verdict])[] = [
  ["scopes", ({ scopes }) => ({ holds: scopes.length > 0, saw: scopes })],
  ["not_before", ({ rule, facts }) => at(facts, facts.now >= Date.parse(rule.not_before!))],
  ["not_after", ({ rule, facts }) => at(facts, facts.now < Date.parse(rule.not_after!))],
  [
    "clients",
    ({ rule, facts: { asker } }) => ({ holds: rule.clients!.includes(asker.client_id), saw: asker.client_id }),
  ],
  [
    "issuer",
    ({ rule, facts }) => ofPerson(facts, () => ({ holds: isOwnName(rule.issuer!, facts), saw: facts.issuer })),
  ],
  ["users", ({ rule, facts }) => ofPerson(facts, ({ sub }) => ({ holds: rule.users!.includes(sub), saw: sub }))],
  ["roles", ({ rule, facts }) => ofPerson(facts, ({ roles }) => oneOf(rule.roles!, roles))],
  ["claims", ({ rule, facts }) => ofPerson(facts, ({ claims }) => allOf(rule.claims!, claims))],
];

function isOwnName(named: string, { issuer, previousIssuers = [] }: Facts): boolean {
  return named === issuer || previousIssuers.includes(named);
}

/**
 * Evaluates one rule of a policy for one resource.
 * @param rule undefined if it could not be read
 * @param asked the requested scopes that the resource has
 */
export function evaluateRule(
  rule: Rule | undefined,
  facts: Facts,
  resource: ResourceFacts,
  asked: readonly string[],
): RuleResult {
  if (rule === undefined) return { ...NOTHING, result: "unreadable", saw: {} };
  const scopes = rule.scopes === undefined ? asked : asked.filter((one) => rule.scopes!.includes(one));
  const evaluation = { rule, facts, resource, scopes };
  const saw: Record<string, unknown> = {};
  for (const [name, check] of CONDITIONS) {
    if (rule[name] === undefined) continue;
    const verdict = check(evaluation);
    saw[name] = verdict.saw;
    if (verdict.holds === "unknown") {
      return { ...NOTHING, result: "needs_claims", because: name, saw, claims: claimsOf(rule) };
    }
    if (!verdict.holds) return { ...NOTHING, result: "fails", because: name, saw };
  }
  const until = rule.not_after === undefined ? null : Date.parse(rule.not_after);
  if (rule.consent_needed === true) return applyApprovals(evaluation, saw, until);
  return { ...NOTHING, result: "passes", saw, grants: scopes.map((scope) => ({ scope, until })) };
}

const NOTHING = { grants: [], claims: [], needsApproval: [] } as const;

/** Grants the scopes that the owner approved. Scopes without an answer need the owner's approval. */
function applyApprovals(
  { facts, resource, scopes }: Evaluation,
  saw: Record<string, unknown>,
  until: number | null,
): RuleResult {
  const party = partyOf(facts.asker);
  const approvals = new Map(
    resource.approvals
      .filter((one) => one.party === party && (one.expires_at === null || Date.parse(one.expires_at) > facts.now))
      .map((one) => [one.scope, one]),
  );
  const because = "consent_needed";
  const seen = {
    ...saw,
    [because]: Object.fromEntries(scopes.map((one) => [one, approvals.get(one)?.state ?? "not asked"])),
  };
  const grants = scopes.flatMap((scope) => {
    const approval = approvals.get(scope);
    if (approval?.state !== "approved") return [];
    const end = approval.expires_at === null ? null : Date.parse(approval.expires_at);
    return [{ scope, until: earlier(until, end) }];
  });
  // A resource that the resource server owns itself has no owner who could approve.
  const needsApproval =
    resource.owner === null ? [] : scopes.filter((one) => (approvals.get(one)?.state ?? "pending") === "pending");
  if (grants.length > 0) return { ...NOTHING, result: "passes", saw: seen, grants, needsApproval };
  return {
    ...NOTHING,
    result: needsApproval.length > 0 ? "needs_consent" : "fails",
    because,
    saw: seen,
    needsApproval,
  };
}

/** The earlier of two expiries; null is none. */
function earlier(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}

function at({ now }: Facts, holds: boolean): Verdict {
  return { holds, saw: new Date(now).toISOString() };
}

function ofPerson(
  { asker: { person } }: Facts,
  check: (person: NonNullable<Facts["asker"]["person"]>) => Verdict,
): Verdict {
  return person === undefined ? { holds: "unknown", saw: "nobody is known" } : check(person);
}

function oneOf(wanted: readonly string[], had: readonly string[]): Verdict {
  const matching = wanted.filter((one) => had.includes(one));
  return { holds: matching.length > 0, saw: matching };
}

function allOf(wanted: NonNullable<Rule["claims"]>, had: Readonly<Record<string, unknown>>): Verdict {
  const compared = wanted.map(({ type, value }) => [
    type,
    compare(Object.hasOwn(had, type) ? had[type] : undefined, value),
  ]);
  return { holds: compared.every(([, outcome]) => outcome === "matches"), saw: Object.fromEntries(compared) };
}

/** A claim with several values matches each of them. Types count: the text `true` does not match the boolean. */
function compare(had: unknown, wanted: string | number | boolean): "matches" | "differs" | "is absent" {
  if (had === undefined || had === null) return "is absent";
  return [had].flat().includes(wanted) ? "matches" : "differs";
}

/** The claims that a rule depends on, by the names of OpenID Connect Core section 5.1. */
function claimsOf({ users, roles, claims = [] }: Rule): readonly string[] {
  return [...(users ? ["sub"] : []), ...(roles ? ["role"] : []), ...claims.map(({ type }) => type)];
}
