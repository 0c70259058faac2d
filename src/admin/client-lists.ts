import { z } from "zod";
import { withProfile } from "../clients/fapi2.js";
import { methodNames } from "../clients/methods.js";
import { withSubjectType } from "../clients/subject.js";
import { OperatorError } from "../errors/operator-error.js";
import { listClients, type ListedClient } from "../store/client-lists.js";
import { findClient, type ClientRow } from "../store/clients.js";
import { dialectUsesOf } from "../store/dialect-usage.js";
import { CLIENT_ID, name } from "./arguments.js";
import { command } from "./command.js";
import { PAGING, textsOf } from "./page.js";

/** A client in a list. */
export const LISTED_CLIENT = z.object({
  client_id: z.string(),
  client_name: z.string().optional(),
  grant_types: z.array(z.string()),
  scope: z.string(),
  disabled: z.boolean(),
  registered_by: z.string().optional(),
});

export function listedClient({ client_id, client_name, grant_types, scope, disabled, registered_by }: ListedClient) {
  return {
    client_id,
    ...(client_name === null ? {} : { client_name }),
    ...{ grant_types, scope: scope.join(" "), disabled },
    ...(registered_by === null ? {} : { registered_by }),
  };
}

/** A client as the operator sees it: every setting as it counts, without its secrets. */
export function shownClient({ secrets, token_epoch: _epoch, ...client }: ClientRow) {
  const settings = Object.entries(withSubjectType(withProfile(client))).filter(([, value]) => value !== null);
  return {
    ...(Object.fromEntries(settings) as Readonly<Record<string, unknown>>),
    client_id: client.client_id,
    token_endpoint_auth_method: methodNames(client)[0],
    token_endpoint_auth_methods: methodNames(client),
    secrets: secrets
      .map(({ created_at, expires_at }) => ({ created_at, expires_at }))
      .sort((one, other) => one.created_at.getTime() - other.created_at.getTime()),
  };
}

export const CLIENT_LIST = command({
  name: "client list",
  does: "lists clients by id; every flag is a filter",
  access: "read",
  effect: "reads",
  input: z.strictObject({
    search: name.optional().meta({ description: "a part of the id or the name" }),
    disabled: z.boolean().optional().meta({ description: "only disabled clients, or only enabled ones" }),
    registered: z.boolean().optional().meta({ description: "only clients that registered themselves, or only others" }),
    dialect: name.optional().meta({ description: "only clients that may use this dialect" }),
    grant_type: name.optional().meta({ description: "only clients with this grant type" }),
    scope: name.optional().meta({ description: "only clients that may request this scope" }),
    ...PAGING,
  }),
  output: LISTED_CLIENT,
  paged: true,
  run: async ({ core, input: { limit, cursor: _cursor, ...filter }, after }) => {
    const [client_id] = textsOf(after, 1);
    const { items, last } = await listClients(core.db, filter, { after: client_id, limit });
    return { items: items.map(listedClient), next: last && [last.client_id] };
  },
});

export const DIALECT_USE = z.object({
  client_id: z.string(),
  dialect: z.string(),
  uses: z.int(),
  last_used_at: z.iso.datetime(),
});

export const CLIENT_USAGE = command({
  name: "client usage",
  does: "lists the dialects that a client uses, how often and when last",
  access: "read",
  effect: "reads",
  subject: "client_id",
  input: z.strictObject(CLIENT_ID),
  output: z.array(DIALECT_USE).readonly(),
  terms: { word: "ID" },
  run: async ({ core, input: { client_id } }) => {
    if ((await findClient(core.db, client_id)) === null) {
      throw new OperatorError(`there is no client ${client_id}`, "not_found");
    }
    return dialectUsesOf(core.db, client_id);
  },
});
