import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { newId } from "../../clock.js";
import type { Core } from "../../core.js";
import { Refusal } from "../../errors/refusal.js";
import { findResources } from "../../store/uma-resources.js";
import { openTicket } from "../../store/uma-tickets.js";
import { writeTicket } from "../../tokens/permission-ticket.js";
import { fitsInToken, merged, MAX_PERMISSIONS, MAX_SCOPES } from "../../uma/permissions.js";
import type { OperationRequest } from "../operations.js";
import { readDocument } from "./document.js";
import { pat, type ResourceServerContext } from "./pat.js";

declare module "../operations.js" {
  interface Operations {
    requestPermissions: { readonly ticket: string };
  }
}

const permission = z.object({ resource_id: z.string(), resource_scopes: z.array(z.string()).max(MAX_SCOPES) });
const permissions = z.array(permission).min(1);

/** The permission endpoint (Federated Authorization for UMA 2.0 section 4): makes a ticket for the access that a client wants. */
export const permissionEndpoint: FastifyPluginAsync = async (app) => {
  app.operations.offer("requestPermissions", {
    guard: pat,
    metadata: { member: "permission_endpoint", documents: "uma" },
    run: requestPermissions,
  });
};

async function requestPermissions(
  request: OperationRequest,
  core: Core,
  { client, reach }: ResourceServerContext,
): Promise<{ ticket: string }> {
  const { document } = request;
  if (Array.isArray(document) && document.length > MAX_PERMISSIONS) throw new Refusal("permissions_too_many");
  const asked = merged(
    Array.isArray(document)
      ? readDocument(permissions, "requestPermissions", request)
      : [readDocument(permission, "requestPermissions", request)],
  );
  if (!fitsInToken(asked)) throw new Refusal("permissions_too_many");

  const ids = asked.map(({ resource_id }) => resource_id);
  const found = new Map((await findResources(core.db, reach, ids)).map((one) => [one.id, one]));
  for (const { resource_id, resource_scopes } of asked) {
    const resource = found.get(resource_id);
    if (resource === undefined) throw new Refusal("resource_id_invalid", { slots: { resource_id } });
    if (!resource_scopes.every((one) => resource.scopes.includes(one))) throw new Refusal("permission_scope_invalid");
  }
  const id = newId(core.random);
  const terms = { resource_server: client.client_id, permissions: asked, sub: null, user_epoch: null };
  await openTicket(core.db, { id, client_id: null, ...terms }, core.clock.statement());
  return { ticket: writeTicket(core.master, id) };
}
