import type { Permission } from "../tokens/access-token.js";
import type { AskedPermission, Facts, ResourceFacts } from "./facts.js";
import { readRules, type Rule } from "./rules.js";
import { evaluateRule, type GrantedScope, type RuleResult } from "./evaluate-rule.js";

/**
 * The decision: one pure function of the facts. Each resource is decided by itself. A scope is granted only if it was
 * requested and a rule allows it. Everything else is denied.
 */

/** The outcome of a decision (UMA 2.0 Grant sections 3.3.5 and 3.3.6). */
type Outcome = "granted" | "need_info" | "request_submitted" | "request_denied";

export interface Decision {
  readonly outcome: Outcome;
  readonly permissions: readonly Permission[];
  /** The claims of the requesting party that are missing, each once. */
  readonly claims: readonly string[];
  readonly resources: readonly ResourceDecision[];
}

/** The decision on one resource, with its reasons. */
interface ResourceDecision {
  readonly resource_id: string;
  readonly owner: string | null;
  readonly asked: readonly string[];
  readonly granted: readonly string[];
  /** The scopes that the owner has to approve. */
  readonly needsApproval: readonly string[];
  readonly trace: Trace;
}

/** The reasons of a decision. The owner and operators may see them. */
interface Trace {
  /** The reason why no rule was evaluated. */
  readonly because?:
    "the resource is gone" | "the resource is switched off" | "no scope was asked" | "there is no policy" | undefined;
  readonly rules: readonly ReportedRule[];
  /** The number of further rules, which were evaluated but are not listed. */
  readonly untold?: number | undefined;
}

/** The report of one evaluated rule. */
type ReportedRule = Pick<RuleResult, "result" | "because" | "saw"> & {
  readonly policy: string;
  /** The place of the rule in the policy, from 1; 0 for a policy that is no list of rules. */
  readonly rule: number;
  /** Whether a scope was granted because of this rule. */
  readonly decided: boolean;
};

/** Decides on every requested permission. */
export function decide(facts: Facts): Decision {
  const found = new Map(facts.resources.map((one) => [one.resource_id, one]));
  const policies = new Map(facts.policies.map(({ id, rules }) => [id, readRules(rules)]));
  const decided = facts.asked.map((one) => decideResource(one, found.get(one.resource_id), policies, facts));
  const permissions = decided.flatMap(({ permission }) => permission ?? []);
  const claims = [...new Set(decided.flatMap((one) => one.claims))];
  const resources = decided.map(({ resource }) => resource);
  return { outcome: outcomeOf(permissions, claims, resources), permissions, claims, resources };
}

/**
 * The outcome that helps the client most. A part is granted at once, and the client may request the rest again. If nothing
 * is granted, the requesting party can identify itself, or else wait for the owner.
 */
function outcomeOf(
  permissions: readonly Permission[],
  claims: readonly string[],
  resources: readonly ResourceDecision[],
): Outcome {
  if (permissions.length > 0) return "granted";
  if (claims.length > 0) return "need_info";
  return resources.some(({ needsApproval }) => needsApproval.length > 0) ? "request_submitted" : "request_denied";
}

/** The rules of each policy, by its id; undefined for a policy that is no list of rules. */
type Policies = ReadonlyMap<string, readonly (Rule | undefined)[] | undefined>;

interface Decided {
  readonly resource: ResourceDecision;
  readonly permission?: Permission | undefined;
  readonly claims: readonly string[];
}

function decideResource(
  { resource_id, resource_scopes }: AskedPermission,
  resource: ResourceFacts | undefined,
  policies: Policies,
  facts: Facts,
): Decided {
  const asked = resource_scopes.filter((one) => resource?.scopes.includes(one));
  const about = { resource_id, owner: resource?.owner ?? null, asked: resource_scopes };
  const because = obstacle(resource, asked);
  if (resource === undefined || because !== undefined) {
    return {
      resource: { ...about, granted: [], needsApproval: [], trace: { because: because!, rules: [] } },
      claims: [],
    };
  }
  const evaluated = resource.policies.flatMap((id) => evaluatePolicy(id, policies.get(id), facts, resource, asked));
  const expiries = latestExpiries(evaluated.flatMap(({ result }) => result.grants));
  const granted = asked.filter((one) => expiries.has(one));
  const approvable = evaluated.flatMap(({ result }) => result.needsApproval);
  const needsApproval = asked.filter((one) => !expiries.has(one) && approvable.includes(one));
  const reports = evaluated.map(({ policy, rule, result: { result, because: condition, saw, grants } }) => ({
    ...{ policy, rule, result, because: condition, saw },
    decided: grants.some(({ scope, until }) => expiries.get(scope) === until),
  }));
  return {
    resource: {
      ...about,
      granted,
      needsApproval,
      trace: traceOf(reports, Math.ceil(MAX_REPORTED_RULES / facts.asked.length)),
    },
    permission: granted.length === 0 ? undefined : permissionOf(resource_id, granted, expiries),
    claims: [...new Set(evaluated.flatMap(({ result }) => result.claims))],
  };
}

function obstacle(resource: ResourceFacts | undefined, asked: readonly string[]): Trace["because"] {
  if (resource === undefined) return "the resource is gone";
  if (!resource.available) return "the resource is switched off";
  if (asked.length === 0) return "no scope was asked";
  return resource.policies.length === 0 ? "there is no policy" : undefined;
}

function evaluatePolicy(
  policy: string,
  rules: readonly (Rule | undefined)[] | undefined,
  facts: Facts,
  resource: ResourceFacts,
  asked: readonly string[],
): readonly { readonly policy: string; readonly rule: number; readonly result: RuleResult }[] {
  if (rules === undefined) {
    const result: RuleResult = { result: "unreadable", saw: {}, grants: [], claims: [], needsApproval: [] };
    return [{ policy, rule: 0, result }];
  }
  return rules.map((one, index) => ({ policy, rule: index + 1, result: evaluateRule(one, facts, resource, asked) }));
}

/** A decision reports up to this many rules, shared between its resources. */
const MAX_REPORTED_RULES = 400;

/** The reports, in the order of the rules. If there are too many, those that decided are kept before the others. */
function traceOf(reports: readonly ReportedRule[], limit: number): Trace {
  const kept = new Set([...reports.filter(({ decided }) => decided), ...reports].slice(0, limit));
  const dropped = reports.length - kept.size;
  return { rules: reports.filter((one) => kept.has(one)), untold: dropped === 0 ? undefined : dropped };
}

/** The granted scopes, each with its latest expiry; null for none. */
function latestExpiries(grants: readonly GrantedScope[]): ReadonlyMap<string, number | null> {
  const best = new Map<string, number | null>();
  for (const { scope, until } of grants) {
    const before = best.get(scope);
    best.set(scope, before === undefined ? until : later(before, until));
  }
  return best;
}

function later(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : Math.max(one, other);
}

/** The permission for the granted scopes. It expires with the first of them. */
function permissionOf(
  resource_id: string,
  granted: readonly string[],
  expiries: ReadonlyMap<string, number | null>,
): Permission {
  const ends = granted.flatMap((one) => expiries.get(one) ?? []);
  const exp = ends.length === 0 ? {} : { exp: Math.floor(Math.min(...ends) / 1000) };
  return { resource_id, resource_scopes: [...granted], ...exp };
}
