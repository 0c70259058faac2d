import { z } from "zod";
import { OperatorError } from "../errors/operator-error.js";
import { policiesBehind, resourcesBehind, showPolicy, showResource } from "../store/uma-lists.js";
import { name } from "./arguments.js";
import { command, type AnyCommand } from "./command.js";
import { pageOf, PAGING, textsOf } from "./page.js";

/** What resource servers have registered with UMA: resources, and the policies of their owners. */

const FILTERS = z.strictObject({
  owner: name.optional().meta({ description: "only those of this user (sub)" }),
  client: name.optional().meta({ description: "only those of this resource server" }),
  ...PAGING,
});

const RESOURCE = {
  id: z.string(),
  client_id: z.string(),
  owner: z.string().nullable(),
  name: z.string().nullable(),
  type: z.string().nullable(),
  scopes: z.array(z.string()),
  created_at: z.iso.datetime(),
};

const POLICY = {
  id: z.string(),
  client_id: z.string(),
  owner: z.string().nullable(),
  rules: z.unknown(),
  created_at: z.iso.datetime(),
};

const RESOURCE_LIST = command({
  name: "uma-resource list",
  does: "lists protected resources by id: all, or those of an owner or of a resource server",
  access: "read",
  effect: "reads",
  input: FILTERS,
  output: z.object(RESOURCE),
  paged: true,
  run: async ({ core, input: { owner, client, limit }, after }) => {
    const [id = ""] = textsOf(after, 1);
    const rows = await resourcesBehind(core.db, { owner, client_id: client }, id, limit + 1);
    return pageOf(
      rows,
      limit,
      (row) => [row.id],
      (row) => row,
    );
  },
});

const RESOURCE_SHOW = command({
  name: "uma-resource show",
  does: "shows one protected resource with the ids of its policies",
  access: "read",
  effect: "reads",
  subject: "id",
  input: z.strictObject({ id: name.meta({ description: "resource id" }) }),
  output: z.object({
    ...RESOURCE,
    uri: z.string().nullable(),
    icon_uri: z.string().nullable(),
    description: z.string().nullable(),
    policies: z.array(z.string()).readonly(),
  }),
  run: async ({ core, input: { id } }) => {
    const resource = await showResource(core.db, id);
    if (resource === undefined) throw new OperatorError(`there is no resource ${id}`, "not_found");
    return resource;
  },
});

const POLICY_LIST = command({
  name: "uma-policy list",
  routedAs: "uma-policies list",
  does: "lists policies by id: all, or those of an owner or of a resource server",
  access: "read",
  effect: "reads",
  input: FILTERS,
  output: z.object(POLICY),
  paged: true,
  run: async ({ core, input: { owner, client, limit }, after }) => {
    const [id = ""] = textsOf(after, 1);
    const rows = await policiesBehind(core.db, { owner, client_id: client }, id, limit + 1);
    return pageOf(
      rows,
      limit,
      (row) => [row.id],
      (row) => row,
    );
  },
});

const POLICY_SHOW = command({
  name: "uma-policy show",
  routedAs: "uma-policies show",
  does: "shows one policy with its rules and the ids of its resources, at most the first thousand",
  access: "read",
  effect: "reads",
  subject: "id",
  input: z.strictObject({ id: name.meta({ description: "policy id" }) }),
  output: z.object({ ...POLICY, resources: z.array(z.string()).readonly() }),
  run: async ({ core, input: { id } }) => {
    const policy = await showPolicy(core.db, id);
    if (policy === undefined) throw new OperatorError(`there is no policy ${id}`, "not_found");
    return policy;
  },
});

export const UMA_RESOURCE_COMMANDS: readonly AnyCommand[] = [RESOURCE_LIST, RESOURCE_SHOW, POLICY_LIST, POLICY_SHOW];
