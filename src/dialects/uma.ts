import type { Policy } from "../endpoints/uma/policies.js";
import type { IdPage } from "../endpoints/uma/document.js";
import type { UmaResource } from "../endpoints/uma/resources.js";
import type { WireResponse, Endpoint } from "./dialect.js";

/** The protection API of Federated Authorization for UMA 2.0, and policies in the same style (docs/uma.md). */

const RESOURCES = "/uma/resources";
const POLICIES = "/uma/policies";

export const UMA_ENDPOINTS: readonly Endpoint[] = [
  {
    operation: "requestPermissions",
    path: "/uma/permissions",
    takes: "json",
    answer: ({ ticket }) => ({ status: 201, body: { ticket } }),
  },
  {
    operation: "registerResource",
    path: RESOURCES,
    takes: "json",
    answer: ({ id }) => ({ status: 201, location: `${RESOURCES}/${id}`, body: { _id: id } }),
  },
  { operation: "listResources", path: RESOURCES, methods: ["GET"], takes: "query", answer: listIds },
  { operation: "readResource", path: `${RESOURCES}/:id`, methods: ["GET"], takes: "query", answer: describeResource },
  {
    operation: "updateResource",
    path: `${RESOURCES}/:id`,
    methods: ["PUT"],
    takes: "json",
    answer: ({ id }) => ({ status: 200, body: { _id: id } }),
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
    answer: ({ id }) => ({ status: 201, location: `${POLICIES}/${id}`, body: { _id: id } }),
  },
  { operation: "listPolicies", path: POLICIES, methods: ["GET"], takes: "query", answer: listIds },
  { operation: "readPolicy", path: `${POLICIES}/:id`, methods: ["GET"], takes: "query", answer: describePolicy },
  {
    operation: "updatePolicy",
    path: `${POLICIES}/:id`,
    methods: ["PUT"],
    takes: "json",
    answer: ({ id }) => ({ status: 200, body: { _id: id } }),
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

/** Ids, with a link to the next page if there is one (RFC 8288). */
export function listIds({ ids, more }: IdPage): WireResponse {
  return { status: 200, headers: more ? { Link: `<?after=${ids.at(-1)}>; rel="next"` } : {}, body: ids };
}

function describeResource({ id, name, type, uri, icon_uri, description, scopes, owner }: UmaResource): WireResponse {
  const described = Object.entries({ name, type, uri, icon_uri, description, owner });
  return {
    status: 200,
    body: {
      _id: id,
      ...Object.fromEntries(described.filter(([, value]) => value !== null)),
      resource_scopes: scopes,
    },
  };
}

function describePolicy({ id, owner, resource_ids, rules }: Policy): WireResponse {
  return { status: 200, body: { _id: id, ...(owner === null ? {} : { owner }), resource_ids, rules } };
}
