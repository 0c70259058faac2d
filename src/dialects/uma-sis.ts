import type { Policy } from "../endpoints/uma/policies.js";
import type { UmaResource } from "../endpoints/uma/resources.js";
import type { Endpoint } from "./dialect.js";
import { listIds } from "./uma.js";

/** The protection API of SimpleIdentityServer 3.1. */

/** Its names of the members of a body, by the standard's names. */
export const SIS_MEMBERS = {
  resource_id: "resource_set_id",
  resource_ids: "resource_set_ids",
  resource_scopes: "scopes",
} as const;

const RESOURCES = "/rs/resource_set";
const POLICIES = "/policies";

export const SIS_UMA_ENDPOINTS: readonly Endpoint[] = [
  ...(["/perm/bulk", "/perm"] as const).map((path): Endpoint => ({
    operation: "requestPermissions",
    path,
    takes: "json",
    answer: ({ ticket }) => ({ status: 201, body: { ticket_id: ticket } }),
  })),
  {
    operation: "registerResource",
    path: RESOURCES,
    takes: "json",
    answer: ({ id }) => ({ status: 201, body: { _id: id, user_access_policy_uri: null } }),
  },
  { operation: "listResources", path: RESOURCES, methods: ["GET"], takes: "query", answer: listIds },
  {
    operation: "updateResource",
    path: RESOURCES,
    methods: ["PUT"],
    takes: "json",
    answer: ({ id }) => ({ status: 200, body: { _id: id } }),
  },
  {
    operation: "searchResources",
    path: `${RESOURCES}/.search`,
    takes: "json",
    answer: ({ found, total, start }) => ({
      status: 200,
      body: { content: found.map(describeResource), count: total, start_index: start },
    }),
  },
  {
    operation: "readResource",
    path: `${RESOURCES}/:id`,
    methods: ["GET"],
    takes: "query",
    answer: (resource) => ({ status: 200, body: describeResource(resource) }),
  },
  {
    operation: "deleteResource",
    path: `${RESOURCES}/:id`,
    methods: ["DELETE"],
    takes: "query",
    answer: () => ({ status: 204 }),
  },
  {
    operation: "createPolicy",
    path: POLICIES,
    takes: "json",
    answer: ({ id }) => ({ status: 201, body: { policy: id } }),
  },
  { operation: "listPolicies", path: POLICIES, methods: ["GET"], takes: "query", answer: listIds },
  { operation: "updatePolicy", path: POLICIES, methods: ["PUT"], takes: "json", answer: () => ({ status: 204 }) },
  {
    operation: "searchPolicies",
    path: `${POLICIES}/.search`,
    takes: "json",
    answer: ({ found, total, start }) => ({
      status: 200,
      body: { content: found.map(describePolicy), count: total, start_index: start },
    }),
  },
  {
    operation: "readPolicy",
    path: `${POLICIES}/:id`,
    methods: ["GET"],
    takes: "query",
    answer: (policy) => ({ status: 200, body: describePolicy(policy) }),
  },
  {
    operation: "deletePolicy",
    path: `${POLICIES}/:id`,
    methods: ["DELETE"],
    takes: "query",
    answer: () => ({ status: 204 }),
  },
  {
    operation: "addPolicyResources",
    path: `${POLICIES}/:id/resources`,
    takes: "json",
    answer: () => ({ status: 204 }),
  },
  {
    operation: "removePolicyResource",
    path: `${POLICIES}/:id/resources/:resource`,
    methods: ["DELETE"],
    takes: "query",
    answer: () => ({ status: 204 }),
  },
];

function describeResource({ id, name, uri, type, scopes, icon_uri }: UmaResource): object {
  return { _id: id, name, uri, type, scopes, icon_uri };
}

function describePolicy({ id, resource_ids, rules }: Policy): object {
  return { id, resource_set_ids: resource_ids, rules: Array.isArray(rules) ? rules.map(describeRule) : rules };
}

/** The `issuer` of a rule is called `provider` here, in requests and in responses. */
function describeRule(rule: unknown): unknown {
  if (!isObject(rule) || rule.issuer === undefined) return rule;
  const { issuer: provider, ...said } = rule;
  return { ...said, provider };
}

/**
 * A body in the standard's names. The original's clients send every member: null, an empty list and an empty string mean
 * that the member is absent.
 */
export function readSisDocument(sent: object): object {
  return Array.isArray(sent) ? sent.map(withStandardNames) : (withStandardNames(sent) as object);
}

const STANDARD_NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(SIS_MEMBERS).map(([standard, here]) => [here, standard]),
);

/** Searches use the standard's name of this member. No other request of the original has it. */
const SEARCHED_BY = "resource_ids";

function withStandardNames(sent: unknown): unknown {
  if (!isObject(sent)) return sent;
  const renamed = Object.entries(withoutBlanks(sent))
    .filter(([name]) => name === SEARCHED_BY || !Object.hasOwn(SIS_MEMBERS, name))
    .map(([name, value]) => [STANDARD_NAMES.get(name) ?? name, name === "rules" ? rulesOf(value) : value]);
  return Object.fromEntries(renamed);
}

/** The `provider` of a rule is the issuer that its claims have to come from. */
function rulesOf(rules: unknown): unknown {
  if (!Array.isArray(rules)) return rules;
  return rules.map((rule: unknown) => {
    if (!isObject(rule)) return rule;
    const { provider, id: _id, ...said } = withoutBlanks(rule);
    return provider === undefined ? said : { ...said, issuer: provider };
  });
}

function withoutBlanks(sent: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const said = Object.entries(sent).filter(
    ([, value]) => value !== null && value !== "" && !(Array.isArray(value) && value.length === 0),
  );
  return Object.fromEntries(said);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
