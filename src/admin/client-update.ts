import { secretStorage } from "../clients/methods.js";
import { sectorProblem } from "../clients/sector-document.js";
import { OperatorError } from "../errors/operator-error.js";
import { warningsOfClient } from "../provisioning/client-warnings.js";
import { CLIENT_KEYS, CLIENT_VALUES, readChangedClient } from "../provisioning/entries.js";
import type { ProvisionedClient } from "../provisioning/schema.js";
import { findAppOf } from "../store/apps.js";
import { changeClient, lockClient, type ClientRow } from "../store/clients.js";
import { onlyWord } from "./arguments.js";
import type { Command, CommandContext } from "./command.js";

/**
 * Changes settings of a client; every other column stays as it is, secrets included. The row is locked while the schema
 * checks the new settings against the others. So two updates at once cannot make a client that the schema refuses.
 */
async function update(context: CommandContext): Promise<object> {
  const { core } = context;
  const client_id = onlyWord(context, "client");
  const { unset, ...flags } = context.flags;
  const names = Array.isArray(unset) ? (unset as readonly string[]) : [];
  const { client, entry, changed } = await core.db.prisma.$transaction(async (tx) => {
    const client = await lockClient(tx, client_id);
    if (client === null) throw new OperatorError(`there is no client ${client_id}`);
    await refuseDerived(core, client);
    const { entry, changed } = readChangedClient(client, flags, names);
    if (SECTOR.some((name) => name in changed)) await refuseForeignSector(core, entry);
    await changeClient(tx, client_id, changed);
    return { client, entry, changed };
  });
  const warnings = await warningsOf(context, client, entry);
  return { client_id, ...changed, ...(warnings.length === 0 ? {} : { warnings }) };
}

/** The settings that decide whether a client belongs to its sector. */
const SECTOR = ["sector_identifier_uri", "redirect_uris"] as const;

/** @throws OperatorError if the document of its sector does not list the redirect URIs of a client */
export async function refuseForeignSector(
  { allowsPrivateFetches }: CommandContext["core"],
  entry: ProvisionedClient,
): Promise<void> {
  const problem = await sectorProblem(entry, allowsPrivateFetches);
  if (problem !== undefined) throw new OperatorError(`sector-identifier-uri: ${problem}`);
}

/** A client that an entry of another kind made can be changed only through that entry. */
async function refuseDerived({ db }: CommandContext["core"], client: ClientRow): Promise<void> {
  const { client_id, token_endpoint_auth_method: method } = client;
  const app = await findAppOf(db, client_id);
  const kind = method === "device_jwt" ? "a device" : app && `of the app ${app.app_id}`;
  if (kind !== undefined) throw new OperatorError(`${client_id} is ${kind}: change its entry in the provisioning file`);
}

async function warningsOf(
  { core }: CommandContext,
  before: ClientRow,
  entry: ProvisionedClient,
): Promise<readonly string[]> {
  const { client_id, secrets } = before;
  // The secrets in clear are not known, only how many there are.
  const placeholders = secrets.map(() => ({ value: "a placeholder of sufficient length" }));
  const value = secrets.length === 0 ? entry : { ...entry, client_secrets: placeholders };
  const isUnfit = secrets.length > 0 && secretStorage(entry) === "sealed" && secretStorage(before) !== "sealed";
  return [
    ...(await warningsOfClient(core, value, secrets.length === 0)),
    ...(isUnfit
      ? [`client (${client_id}) has only the hash of its secret: jeton client rotate-secret makes a new one`]
      : []),
  ];
}

export const CLIENT_UPDATE: Command = {
  name: "client update",
  takes: "ID [--scope S] [--dialects D]… [--any-other-metadata V] [--unset NAME]…",
  does: "changes the named settings; the others and the secrets stay; --unset resets a setting to its default",
  flags: { ...CLIENT_KEYS, unset: "list" },
  values: { ...CLIENT_VALUES, unset: "NAME" },
  run: update,
};
