import { withProfile } from "../clients/fapi2.js";
import { methodNames, secretStorage } from "../clients/methods.js";
import { storedSecret } from "../clients/stored-secret.js";
import { withSubjectType } from "../clients/subject.js";
import { OperatorError } from "../errors/operator-error.js";
import { CLIENT_KEYS, CLIENT_VALUES, readClientEntry } from "../provisioning/entries.js";
import { warningsOfClient } from "../provisioning/client-warnings.js";
import { prepareClient } from "../provisioning/write.js";
import { findAppOf } from "../store/apps.js";
import { allClients, findClient, replaceSecret, setClientDisabled, type ClientRow } from "../store/clients.js";
import { deleteClient } from "../store/deletion.js";
import { isConflict } from "../store/failure.js";
import { databaseTime } from "../store/open.js";
import { onlyWord, readDuration, takeSecret } from "./arguments.js";
import { CLIENT_UPDATE, refuseForeignSector } from "./client-update.js";
import type { Command, CommandContext } from "./command.js";

/** A client as the operator sees it: every setting as it counts, without its secrets. */
function describe({ secrets, token_epoch: _epoch, ...client }: ClientRow): object {
  const settings = Object.entries(withSubjectType(withProfile(client))).filter(([, value]) => value !== null);
  return {
    ...Object.fromEntries(settings),
    token_endpoint_auth_method: methodNames(client)[0],
    token_endpoint_auth_methods: methodNames(client),
    secrets: secrets.map(({ created_at, expires_at }) => ({ created_at, expires_at })),
  };
}

async function existing(context: CommandContext): Promise<ClientRow> {
  const client_id = onlyWord(context, "client");
  const client = await findClient(context.core.db, client_id);
  if (client === null) throw new OperatorError(`there is no client ${client_id}`);
  return client;
}

async function switchTo(context: CommandContext, disabled: boolean): Promise<object> {
  const { client_id } = await existing(context);
  await setClientDisabled(context.core.db.prisma, client_id, disabled);
  return { client_id, disabled };
}

async function add(context: CommandContext): Promise<object> {
  const { core } = context;
  const client_id = onlyWord(context, "client");
  const { "secret-stdin": _stdin, ...metadata } = context.flags;
  const { secret, shown } = await takeSecret(context, "secret-stdin", 32);
  const withoutSecret = readClientEntry(client_id, metadata);
  const wantsSecret = secretStorage(withoutSecret) !== "none";
  const entry = wantsSecret ? readClientEntry(client_id, metadata, secret) : withoutSecret;
  await refuseForeignSector(core, entry);
  const write = prepareClient(core.master, entry);
  await core.db.prisma
    .$transaction((tx) => write(tx))
    .catch(async (error: unknown) => {
      if (!isConflict(error)) throw error;
      const isThere = (await findClient(core.db, client_id)) !== null;
      throw new OperatorError(isThere ? `there is a client ${client_id} already` : `${client_id} is in use by a user`);
    });
  const warnings = await warningsOfClient(core, entry, false);
  return {
    client_id,
    ...(wantsSecret && shown ? { client_secret: secret } : {}),
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}

async function rotateSecret(context: CommandContext): Promise<object> {
  const { core, flags } = context;
  const client = await existing(context);
  const { client_id } = client;
  if (secretStorage(client) === "none")
    throw new OperatorError(`${client_id} authenticates with ${methodNames(client).join(" or ")}, not a secret`);
  const overlap = typeof flags.overlap === "string" ? readDuration(flags.overlap) : 0;
  const { secret, shown } = await takeSecret(context, "secret-stdin", 32);
  const overlapUntil = await core.db.prisma.$transaction(async (tx) => {
    const until =
      overlap === 0 ? null : new Date((await databaseTime(core.db, core.clock.statement())) + overlap * 1000);
    await replaceSecret(tx, client_id, storedSecret(core.master, client, secret), until);
    return until;
  });
  return {
    client_id,
    ...(shown ? { client_secret: secret } : {}),
    ...(overlapUntil === null ? {} : { earlier_secrets_until: overlapUntil.toISOString() }),
  };
}

async function remove(context: CommandContext): Promise<object> {
  const { core } = context;
  const { client_id } = await existing(context);
  const app = await findAppOf(core.db, client_id);
  if (app !== undefined && app.app_id !== client_id) {
    throw new OperatorError(`${client_id} is the administrator of the app ${app.app_id}: delete the app instead`);
  }
  if (!(await deleteClient(core.db, client_id))) throw new OperatorError(`there is no client ${client_id}`);
  return { client_id, deleted: true };
}

export const CLIENT_COMMANDS: readonly Command[] = [
  {
    name: "client list",
    takes: "",
    does: "lists every client",
    run: async ({ core }) =>
      (await allClients(core.db)).map(({ client_id, client_name, grant_types, scope, disabled }) => ({
        client_id,
        ...(client_name === null ? {} : { client_name }),
        grant_types,
        scope: scope.join(" "),
        disabled,
      })),
  },
  {
    name: "client show",
    takes: "ID",
    does: "shows one client, without its secrets",
    run: async (context) => describe(await existing(context)),
  },
  {
    name: "client add",
    takes: "ID [--grant-types G]… [--scope S] [--any-other-metadata V] [--secret-stdin]",
    does: "registers a client; a new secret is shown once",
    flags: { ...CLIENT_KEYS, "secret-stdin": "switch" },
    values: CLIENT_VALUES,
    run: add,
  },
  {
    name: "client disable",
    takes: "ID",
    does: "disables a client: its requests and tokens are rejected",
    run: (context) => switchTo(context, true),
  },
  { name: "client enable", takes: "ID", does: "enables a client again", run: (context) => switchTo(context, false) },
  CLIENT_UPDATE,
  {
    name: "client delete",
    takes: "ID",
    does: "deletes a client with its tokens and UMA resources; an app is deleted with its things",
    run: remove,
  },
  {
    name: "client rotate-secret",
    takes: "ID [--overlap 24h] [--secret-stdin]",
    does: "gives a client a new secret, shown once; the earlier ones expire at once or after the overlap",
    flags: { overlap: "text", "secret-stdin": "switch" },
    run: rotateSecret,
  },
];
