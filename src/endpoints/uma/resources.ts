import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { newId } from "../../clock.js";
import { registeredUriProblem } from "../../clients/registered-uri.js";
import type { Core } from "../../core.js";
import { Refusal } from "../../errors/refusal.js";
import { readParameters } from "../../http/parameters.js";
import {
  createResource,
  deleteResource,
  describeResource,
  findResource,
  resourceIds,
  searchResources,
  type Description,
  type UmaResource,
} from "../../store/uma-resources.js";
import { MAX_SCOPES } from "../../uma/permissions.js";
import { scopeName } from "../../uma/rules.js";
import type { OperationRequest } from "../operations.js";
import { idList, idOf, page, pageOf, PAGE_SIZE, readDocument, searchPage, type IdPage } from "./document.js";
import { ownerOf, pat, type ResourceServerContext } from "./pat.js";

/**
 * Resource registration (Federated Authorization for UMA 2.0 section 3). Unknown members are ignored, because the
 * specification allows further ones. An update cannot change the owner, id or server of a resource.
 */

export type { UmaResource };

declare module "../operations.js" {
  interface Operations {
    registerResource: { readonly id: string };
    listResources: IdPage;
    readResource: UmaResource;
    updateResource: { readonly id: string };
    deleteResource: "deleted";
    searchResources: { readonly found: readonly UmaResource[]; readonly total: number; readonly start: number };
  }
}

const text = z.string().min(1);
const url = text.max(2_048).refine((value) => registeredUriProblem(value) === undefined, { error: "url_malformed" });

const description = z.object({
  name: text.max(255).optional(),
  type: text.max(2_048).optional(),
  uri: url.optional(),
  icon_uri: url.optional(),
  description: text.max(2_048).optional(),
  resource_scopes: z
    .array(scopeName)
    .max(MAX_SCOPES)
    .refine((scopes) => new Set(scopes).size === scopes.length),
});

const registration = description.extend({ owner: text.max(255).optional() });

const search = z.object({
  ids: idList.optional(),
  names: z.array(text.max(255)).min(1).max(100).optional(),
  types: z.array(text.max(2_048)).min(1).max(100).optional(),
  ...searchPage,
});

export const resourceEndpoints: FastifyPluginAsync = async (app) => {
  const { operations } = app;
  operations.offer("registerResource", {
    guard: pat,
    metadata: { member: "resource_registration_endpoint", documents: "uma" },
    run: register,
  });
  operations.offer("listResources", { guard: pat, run: list });
  operations.offer("readResource", { guard: pat, run: read });
  operations.offer("updateResource", { guard: pat, run: update });
  operations.offer("deleteResource", { guard: pat, run: remove });
  operations.offer("searchResources", { guard: pat, run: find });
};

async function register(
  request: OperationRequest,
  core: Core,
  resourceServer: ResourceServerContext,
): Promise<{ id: string }> {
  const { owner, ...described } = readDocument(registration, "registerResource", request);
  const id = newId(core.random);
  const { client_id } = resourceServer.client;
  await createResource(core.db, { ...columnsOf(described), id, client_id, owner: ownerOf(resourceServer, owner) });
  return { id };
}

async function list(request: OperationRequest, core: Core, { reach }: ResourceServerContext): Promise<IdPage> {
  const { after = "" } = readParameters(page, request.parameters);
  return pageOf(await resourceIds(core.db, reach, after, PAGE_SIZE + 1));
}

async function read(request: OperationRequest, core: Core, { reach }: ResourceServerContext): Promise<UmaResource> {
  const found = await findResource(core.db, reach, idOf(request));
  if (found === null) throw new Refusal("resource_not_found");
  return found;
}

async function update(
  request: OperationRequest,
  core: Core,
  { reach }: ResourceServerContext,
): Promise<{ id: string }> {
  const id = idOf(request);
  const described = readDocument(description, "updateResource", request);
  if (!(await describeResource(core.db, reach, id, columnsOf(described)))) throw new Refusal("resource_not_found");
  return { id };
}

async function remove(request: OperationRequest, core: Core, { reach }: ResourceServerContext): Promise<"deleted"> {
  if (!(await deleteResource(core.db, reach, idOf(request)))) throw new Refusal("resource_not_found");
  return "deleted";
}

async function find(request: OperationRequest, core: Core, { reach }: ResourceServerContext) {
  const { start_index: start, ...wanted } = readDocument(search, "searchResources", request);
  return { ...(await searchResources(core.db, reach, { ...wanted, start })), start };
}

/** An update replaces the whole description: a member that it leaves out is removed (section 3.2.3). */
function columnsOf({ resource_scopes, ...given }: z.infer<typeof description>): Description {
  const { name = null, type = null, uri = null, icon_uri = null, description: about = null } = given;
  return { name, type, uri, icon_uri, description: about, scopes: resource_scopes };
}
