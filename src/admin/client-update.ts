import { z } from "zod";
import { secretStorage } from "../clients/methods.js";
import { sectorProblem } from "../clients/sector-document.js";
import type { Core } from "../core.js";
import { InputError, OperatorError } from "../errors/operator-error.js";
import { warningsOfClient } from "../provisioning/client-warnings.js";
import { CLIENT_SETTINGS, readChangedClient } from "../provisioning/entries.js";
import type { ProvisionedClient } from "../provisioning/schema.js";
import { findAppOf } from "../store/apps.js";
import { changeClient, type ClientRow } from "../store/clients.js";
import { CLIENT_ID, SETTINGS_NOTE, WARNINGS, withWarnings } from "./arguments.js";
import { command, type CommandContext } from "./command.js";
import { refuseBeyond } from "./escalation.js";
import { lockedClient } from "./locked.js";

const UPDATED = z.strictObject({
  ...CLIENT_ID,
  ...CLIENT_SETTINGS,
  unset: z.array(z.string().max(255)).default([]).meta({ description: "settings that are reset to their default" }),
});

/**
 * Changes settings of a client; every other column stays as it is, secrets included. The row is locked while the schema
 * checks the new settings against the others. So two updates at once cannot make a client that the schema refuses.
 */
async function update(context: CommandContext<z.output<typeof UPDATED>>) {
  const { core, input, powers, changeByPrisma } = context;
  const { client_id, unset, ...settings } = input;
  const { client, entry, changed } = await changeByPrisma(async (tx) => {
    const client = await lockedClient(tx, client_id, context);
    await refuseDerived(core, client);
    const { entry, changed } = readChangedClient(client, settings, unset);
    refuseBeyond(powers, entry.scope, client_id);
    if (SECTOR.some((name) => name in changed)) await refuseForeignSector(core, entry);
    await changeClient(tx, client_id, changed);
    return { client, entry, changed };
  });
  const warnings = await warningsOf(core, client, entry);
  return { ...changed, client_id, ...withWarnings(warnings) };
}

/** The settings that decide whether a client belongs to its sector. */
const SECTOR = ["sector_identifier_uri", "redirect_uris"] as const;

/** @throws OperatorError if the document of its sector does not list the redirect URIs of a client */
export async function refuseForeignSector(
  { allowsPrivateFetches }: Pick<Core, "allowsPrivateFetches">,
  entry: ProvisionedClient,
): Promise<void> {
  const problem = await sectorProblem(entry, allowsPrivateFetches);
  if (problem !== undefined) throw new InputError(["sector_identifier_uri"], problem);
}

/** A client that an entry of another kind made can be changed only through that entry. */
async function refuseDerived({ db }: Core, client: ClientRow): Promise<void> {
  const { client_id, token_endpoint_auth_method: method } = client;
  const app = await findAppOf(db, client_id);
  const kind = method === "device_jwt" ? "a device" : app && `of the app ${app.app_id}`;
  if (kind !== undefined)
    throw new OperatorError(`${client_id} is ${kind}: change its entry in the provisioning file`, "conflict");
}

async function warningsOf(core: Core, before: ClientRow, entry: ProvisionedClient): Promise<readonly string[]> {
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

export const CLIENT_UPDATE = command({
  name: "client update",
  does: "changes the named settings; the others and the secrets stay; --unset resets a setting to its default",
  access: "clients",
  effect: "changes",
  expects: true,
  subject: "client_id",
  input: UPDATED,
  output: z.looseObject({ client_id: z.string(), ...WARNINGS }),
  terms: {
    takes: "ID [--scope S] [--dialects D]… [--any-other-metadata V] [--unset NAME]…",
    values: { unset: "NAME" },
    note: SETTINGS_NOTE,
  },
  run: update,
});
