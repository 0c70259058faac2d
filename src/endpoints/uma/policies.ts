import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { newId } from "../../clock.js";
import type { Core } from "../../core.js";
import { Refusal } from "../../errors/refusal.js";
import { readParameters } from "../../http/parameters.js";
import { isGone } from "../../store/failure.js";
import {
  addPolicyResources,
  changePolicy,
  createPolicy,
  deletePolicy,
  findPolicy,
  MAX_POLICIES,
  policyIds,
  removePolicyResource,
  searchPolicies,
  type Policy,
} from "../../store/uma-policies.js";
import { findResources, type Reach } from "../../store/uma-resources.js";
import { readRules, ruleList, type Rule } from "../../uma/rules.js";
import type { OperationRequest } from "../operations.js";
import { ID, idList, idOf, page, pageOf, PAGE_SIZE, readDocument, searchPage, type IdPage } from "./document.js";
import { ownerOf, pat, type ResourceServerContext } from "./pat.js";

export type { Policy };

/** The policies of resources (docs/uma.md). UMA does not define their API; this one follows SimpleIdentityServer. */

declare module "../operations.js" {
  interface Operations {
    createPolicy: { readonly id: string };
    listPolicies: IdPage;
    readPolicy: Policy;
    updatePolicy: { readonly id: string };
    deletePolicy: "deleted";
    addPolicyResources: "added";
    removePolicyResource: "removed";
    searchPolicies: { readonly found: readonly Policy[]; readonly total: number; readonly start: number };
  }
}

const creation = z.strictObject({
  resource_ids: idList,
  rules: ruleList,
  owner: z.string().min(1).max(255).optional(),
});
/** A dialect may name the policy in the body (document.ts, idOf). */
const change = z.strictObject({
  id: z.string().optional(),
  _id: z.string().optional(),
  resource_ids: idList.optional(),
  rules: ruleList,
});
const addition = z.strictObject({ resources: idList });
const search = z.object({ ids: idList.optional(), resource_ids: idList.optional(), ...searchPage });

export const policyEndpoints: FastifyPluginAsync = async (app) => {
  const { operations } = app;
  operations.offer("createPolicy", {
    guard: pat,
    metadata: { member: "policies_endpoint", documents: "uma" },
    run: create,
  });
  operations.offer("listPolicies", { guard: pat, run: list });
  operations.offer("readPolicy", { guard: pat, run: read });
  operations.offer("updatePolicy", { guard: pat, run: update });
  operations.offer("deletePolicy", { guard: pat, run: remove });
  operations.offer("addPolicyResources", { guard: pat, run: addResources });
  operations.offer("removePolicyResource", { guard: pat, run: removeResource });
  operations.offer("searchPolicies", { guard: pat, run: find });
};

async function create(
  request: OperationRequest,
  core: Core,
  resourceServer: ResourceServerContext,
): Promise<{ id: string }> {
  const { resource_ids, rules, owner } = readDocument(creation, "createPolicy", request);
  const { client_id } = resourceServer.client;
  const about = { client_id, owner: ownerOf(resourceServer, owner) };
  const ids = await checkResources(core, about, resource_ids, rules);
  const id = newId(core.random);
  await written(createPolicy(core.db, { ...about, id, rules, resource_ids: ids }), "resource_not_found");
  return { id };
}

async function list(request: OperationRequest, core: Core, { reach }: ResourceServerContext): Promise<IdPage> {
  const { after = "" } = readParameters(page, request.parameters);
  return pageOf(await policyIds(core.db, reach, after, PAGE_SIZE + 1));
}

async function read(request: OperationRequest, core: Core, { reach }: ResourceServerContext): Promise<Policy> {
  return existing(core, reach, request);
}

async function update(
  request: OperationRequest,
  core: Core,
  { client, reach }: ResourceServerContext,
): Promise<{ id: string }> {
  const { id, owner, resource_ids: before } = await existing(core, reach, request);
  const { resource_ids, rules } = readDocument(change, "updatePolicy", request);
  const ids = await checkResources(core, { client_id: client.client_id, owner }, resource_ids ?? before, rules);
  const changed = { rules, resource_ids: resource_ids === undefined ? undefined : ids };
  await written(changePolicy(core.db, id, changed), "policy_not_found");
  return { id };
}

async function remove(request: OperationRequest, core: Core, { reach }: ResourceServerContext): Promise<"deleted"> {
  if (!(await deletePolicy(core.db, reach, idOf(request)))) throw new Refusal("policy_not_found");
  return "deleted";
}

async function addResources(
  request: OperationRequest,
  core: Core,
  { client, reach }: ResourceServerContext,
): Promise<"added"> {
  const { id, owner, rules } = await existing(core, reach, request);
  const { resources } = readDocument(addition, "addPolicyResources", request);
  const known = (readRules(rules) ?? []).filter((one) => one !== undefined);
  const ids = await checkResources(core, { client_id: client.client_id, owner }, resources, known);
  await written(addPolicyResources(core.db, id, ids), "policy_not_found");
  return "added";
}

async function removeResource(
  request: OperationRequest,
  core: Core,
  { reach }: ResourceServerContext,
): Promise<"removed"> {
  const { id } = await existing(core, reach, request);
  const resource_id = request.path.resource ?? "";
  const removed = ID.test(resource_id) && (await removePolicyResource(core.db, id, resource_id));
  if (!removed) throw new Refusal("policy_resource_absent");
  return "removed";
}

async function find(request: OperationRequest, core: Core, { reach }: ResourceServerContext) {
  const { start_index: start, ...wanted } = readDocument(search, "searchPolicies", request);
  return { ...(await searchPolicies(core.db, reach, { ...wanted, start })), start };
}

async function existing(core: Core, reach: Reach, request: OperationRequest): Promise<Policy> {
  const found = await findPolicy(core.db, reach, idOf(request));
  if (found === undefined) throw new Refusal("policy_not_found");
  return found;
}

/** A resource or policy that is deleted during the write counts as not found. */
async function written(writing: Promise<boolean>, gone: "policy_not_found" | "resource_not_found"): Promise<void> {
  const hadRoom = await writing.catch((error: unknown) => {
    throw isGone(error) ? new Refusal(gone) : error;
  });
  if (!hadRoom) throw new Refusal("policies_too_many", { slots: { limit: String(MAX_POLICIES) } });
}

/**
 * Checks the resources and scopes of a policy. A policy with an owner may name only resources of that owner.
 * @returns the ids without repetitions
 */
async function checkResources(
  core: Core,
  { client_id, owner }: { readonly client_id: string; readonly owner: string | null },
  resource_ids: readonly string[],
  rules: readonly Rule[],
): Promise<readonly string[]> {
  const reach = { client_id, ...(owner === null ? {} : { owner }) };
  const ids = [...new Set(resource_ids)];
  const found = new Map((await findResources(core.db, reach, ids)).map((one) => [one.id, one.scopes]));
  const named = rules.flatMap(({ scopes }) => scopes ?? []);
  for (const resource_id of ids) {
    const scopes = found.get(resource_id);
    if (scopes === undefined) throw new Refusal("resource_id_invalid", { slots: { resource_id } });
    if (!named.every((one) => scopes.includes(one))) throw new Refusal("policy_scope_invalid");
  }
  return ids;
}
