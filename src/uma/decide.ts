import type { Permission } from "../tokens/access-token.js";
import type { AskedPermission, Facts, ResourceFacts } from "./facts.js";
import { readRules, type Rule } from "./rules.js";
import { evaluateRule, type GrantedScope, type RuleResult } from "./evaluate-rule.js";

/**
 * The decision: one pure function of the facts. Each resource is decided by itself; nothing is granted that was not both
 * asked and allowed by a rule; what no rule speaks of is denied.
 */

/** How a decision comes out (UMA 2.0 Grant sections 3.3.5 and 3.3.6). */
type Outcome = "granted" | "need_info" | "request_submitted" | "request_denied";

export interface Decision {
  readonly outcome: Outcome;
  readonly permissions: readonly Permission[];
  /** The claims that would have to be known of the requesting party, each once. */
  readonly claims: readonly string[];
  readonly resources: readonly ResourceDecision[];
}

/** What came out for one resource, and why. */
interface ResourceDecision {
  readonly resource_id: string;
  readonly owner: string | null;
  readonly asked: readonly string[];
  readonly granted: readonly string[];
  /** Scopes the owner has to be asked for. */
  readonly needsApproval: readonly string[];
  readonly trace: Trace;
}

/** Why, safe to be shown to the owner and to operators. */
interface Trace {
  /** What stood in the way before any rule was tried. */
  readonly because?:
    "the resource is gone" | "the resource is switched off" | "no scope was asked" | "there is no policy";
  readonly rules: readonly ReportedRule[];
  /** How many more were tried than are told of. */
  readonly untold?: number;
}

/** A rule that was tried, as it is told. */
type ReportedRule = Pick<RuleResult, "result" | "because" | "saw"> & {
  readonly policy: string;
  /** Its place in the policy, from 1; 0 stands for a policy that is no list of rules. */
  readonly rule: number;
  /** Whether what it gives was granted for its sake. */
  readonly decided: boolean;
};

/** Decides on everything that was asked. */
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
 * What the asker can do something about comes first: say who they are, then wait for the owner. Whoever is granted a part
 * is granted it at once and may ask for the rest again.
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

/** What the policies say, by their ids; undefined where one is no list of rules. */
type Policies = ReadonlyMap<string, readonly (Rule | undefined)[] | undefined>;

interface Decided {
  readonly resource: ResourceDecision;
  readonly permission?: Permission;
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
  const tries = resource.policies.flatMap((id) => tryPolicy(id, policies.get(id), facts, resource, asked));
  const given = bestOf(tries.flatMap(({ tried }) => tried.grants));
  const granted = asked.filter((one) => given.has(one));
  const open = (scopes: readonly string[]) => asked.filter((one) => !given.has(one) && scopes.includes(one));
  const told = tries.map(({ policy, rule, tried: { result, because: why, saw, grants } }) => ({
    policy,
    rule,
    result,
    ...(why === undefined ? {} : { because: why }),
    saw,
    decided: grants.some(({ scope, until }) => given.get(scope) === until),
  }));
  const needsApproval = open(tries.flatMap(({ tried }) => tried.needsApproval));
  return {
    resource: {
      ...about,
      granted,
      needsApproval,
      trace: traceOf(told, Math.ceil(MAX_REPORTED_RULES / facts.asked.length)),
    },
    ...(granted.length === 0 ? {} : { permission: permissionOf(resource_id, granted, given) }),
    claims: [...new Set(tries.flatMap(({ tried }) => tried.claims))],
  };
}

function obstacle(resource: ResourceFacts | undefined, asked: readonly string[]): Trace["because"] {
  if (resource === undefined) return "the resource is gone";
  if (!resource.available) return "the resource is switched off";
  if (asked.length === 0) return "no scope was asked";
  return resource.policies.length === 0 ? "there is no policy" : undefined;
}

function tryPolicy(
  policy: string,
  rules: readonly (Rule | undefined)[] | undefined,
  facts: Facts,
  resource: ResourceFacts,
  asked: readonly string[],
): readonly { readonly policy: string; readonly rule: number; readonly tried: RuleResult }[] {
  if (rules === undefined) {
    const tried: RuleResult = { result: "unreadable", saw: {}, grants: [], claims: [], needsApproval: [] };
    return [{ policy, rule: 0, tried }];
  }
  return rules.map((one, index) => ({ policy, rule: index + 1, tried: evaluateRule(one, facts, resource, asked) }));
}

/** Rules a decision tells of, shared between its resources. */
const MAX_REPORTED_RULES = 400;

/** What was tried, in its order; where it is more than may be told, what decided comes before the rest. */
function traceOf(tried: readonly ReportedRule[], most: number): Trace {
  const told = new Set([...tried.filter(({ decided }) => decided), ...tried].slice(0, most));
  const untold = tried.length - told.size;
  return { rules: tried.filter((one) => told.has(one)), ...(untold === 0 ? {} : { untold }) };
}

/** Each scope that is given, with the latest of its ends; null is none. */
function bestOf(grants: readonly GrantedScope[]): ReadonlyMap<string, number | null> {
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

/** A permission ends with the first of its scopes. */
function permissionOf(
  resource_id: string,
  granted: readonly string[],
  given: ReadonlyMap<string, number | null>,
): Permission {
  const ends = granted.flatMap((one) => given.get(one) ?? []);
  const exp = ends.length === 0 ? {} : { exp: Math.floor(Math.min(...ends) / 1000) };
  return { resource_id, resource_scopes: [...granted], ...exp };
}
