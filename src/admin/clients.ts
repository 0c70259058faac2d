import { z } from "zod";
import { methodNames, secretStorage } from "../clients/methods.js";
import { storedSecret } from "../clients/stored-secret.js";
import { OperatorError } from "../errors/operator-error.js";
import { CLIENT_SETTINGS, readClientEntry } from "../provisioning/entries.js";
import { warningsOfClient } from "../provisioning/client-warnings.js";
import { clientSecret } from "../provisioning/fields.js";
import { prepareClient } from "../provisioning/write.js";
import { findAppOf } from "../store/apps.js";
import { findClient, replaceSecret, setClientDisabled, type ClientRow } from "../store/clients.js";
import { deleteClient } from "../store/deletion.js";
import { isConflict } from "../store/failure.js";
import { databaseTime, type Tx } from "../store/open.js";
import { CLIENT_ID, duration, SETTINGS_NOTE, takeSecret, WARNINGS, withWarnings } from "./arguments.js";
import { CLIENT_LIST, CLIENT_USAGE, shownClient } from "./client-lists.js";
import { CLIENT_UPDATE, refuseForeignSector } from "./client-update.js";
import { command, type AnyCommand, type CommandContext } from "./command.js";
import { refuseBeyond } from "./escalation.js";
import { lockedClient } from "./locked.js";

const SECRET = { client_secret: clientSecret.optional().meta({ description: "secret; a new one by default" }) };
const ONE = z.strictObject(CLIENT_ID);
const ADDED = z.strictObject({ ...CLIENT_ID, ...CLIENT_SETTINGS, ...SECRET });
const ROTATED = z.strictObject({
  ...CLIENT_ID,
  ...SECRET,
  overlap: duration.optional().meta({ description: "how long the earlier secrets stay valid" }),
});

type Context<Input extends z.ZodType = typeof ONE> = CommandContext<z.output<Input>>;

async function existing({ core, input: { client_id } }: Context): Promise<ClientRow> {
  const client = await findClient(core.db, client_id);
  if (client === null) throw new OperatorError(`there is no client ${client_id}`, "not_found");
  return client;
}

async function switchTo(context: Context, disabled: boolean) {
  const { client_id } = context.input;
  await context.changeByPrisma(async (tx) => {
    await lockedClient(tx, client_id, context);
    await setClientDisabled(tx, client_id, disabled);
  });
  return { client_id, disabled };
}

async function add({ core, input, powers, changeByPrisma }: Context<typeof ADDED>) {
  const { client_id, client_secret, ...metadata } = input;
  const { secret, shown } = takeSecret(core, client_secret, 32);
  const withoutSecret = readClientEntry(client_id, metadata);
  const wantsSecret = secretStorage(withoutSecret) !== "none";
  const entry = wantsSecret ? readClientEntry(client_id, metadata, secret) : withoutSecret;
  refuseBeyond(powers, entry.scope, client_id);
  await refuseForeignSector(core, entry);
  const write = prepareClient(core.master, entry);
  await changeByPrisma(write).catch(async (error: unknown) => {
    if (!isConflict(error)) throw error;
    const isThere = (await findClient(core.db, client_id)) !== null;
    const problem = isThere ? `there is a client ${client_id} already` : `${client_id} is in use by a user`;
    throw new OperatorError(problem, "conflict");
  });
  const warnings = await warningsOfClient(core, entry, false);
  return {
    client_id,
    ...(wantsSecret && shown ? { client_secret: secret } : {}),
    ...withWarnings(warnings),
  };
}

async function rotateSecret(context: Context<typeof ROTATED>) {
  const { core, input } = context;
  const { client_id, overlap = 0 } = input;
  const { secret, shown } = takeSecret(core, input.client_secret, 32);
  const overlapUntil = await context.changeByPrisma(async (tx) => {
    const client = await lockedClient(tx, client_id, context);
    if (secretStorage(client) === "none")
      throw new OperatorError(`${client_id} authenticates with ${methodNames(client).join(" or ")}, not a secret`);
    const now = overlap === 0 ? undefined : await databaseTime(core.db, core.clock.statement());
    const until = now === undefined ? null : new Date(now + overlap * 1000);
    await replaceSecret(tx, client_id, storedSecret(core.master, client, secret), until);
    return until;
  });
  return {
    client_id,
    ...(shown ? { client_secret: secret } : {}),
    ...(overlapUntil === null ? {} : { earlier_secrets_until: overlapUntil.toISOString() }),
  };
}

async function remove(context: Context) {
  const { core } = context;
  const { client_id } = context.input;
  const app = await findAppOf(core.db, client_id);
  if (app !== undefined && app.app_id !== client_id) {
    throw new OperatorError(
      `${client_id} is the administrator of the app ${app.app_id}: delete the app instead`,
      "conflict",
    );
  }
  const check = (tx: Tx) => lockedClient(tx, client_id, context);
  if (!(await deleteClient(core.db, client_id, { part: context.changeByPrisma, check })))
    throw new OperatorError(`there is no client ${client_id}`, "not_found");
  return { client_id, deleted: true };
}

const SWITCHED = z.object({ client_id: z.string(), disabled: z.boolean() });

export const CLIENT_COMMANDS: readonly AnyCommand[] = [
  CLIENT_LIST,
  command({
    name: "client show",
    does: "shows one client, without its secrets",
    access: "read",
    effect: "reads",
    subject: "client_id",
    input: ONE,
    output: z.looseObject({
      client_id: z.string(),
      token_endpoint_auth_method: z.string().optional(),
      token_endpoint_auth_methods: z.array(z.string()),
      secrets: z.array(z.object({ created_at: z.iso.datetime(), expires_at: z.iso.datetime().nullable() })),
    }),
    terms: { word: "ID" },
    run: async (context) => shownClient(await existing(context)),
  }),
  command({
    name: "client add",
    does: "registers a client; a new secret is shown once",
    access: "clients",
    effect: "creates",
    subject: "client_id",
    input: ADDED,
    output: z.object({ client_id: z.string(), client_secret: z.string().optional(), ...WARNINGS }),
    terms: {
      takes: "ID [--grant-types G]… [--scope S] [--any-other-metadata V] [--secret-stdin]",
      stdin: { "secret-stdin": "client_secret" },
      note: SETTINGS_NOTE,
    },
    run: add,
  }),
  command({
    name: "client disable",
    does: "disables a client: its requests and tokens are rejected",
    access: "clients",
    effect: "ends",
    expects: true,
    subject: "client_id",
    input: ONE,
    output: SWITCHED,
    terms: { word: "ID" },
    run: (context) => switchTo(context, true),
  }),
  command({
    name: "client enable",
    does: "enables a client again",
    access: "clients",
    effect: "changes",
    expects: true,
    subject: "client_id",
    input: ONE,
    output: SWITCHED,
    terms: { word: "ID" },
    run: (context) => switchTo(context, false),
  }),
  CLIENT_UPDATE,
  CLIENT_USAGE,
  command({
    name: "client delete",
    does: "deletes a client with its tokens and UMA resources; an app is deleted with its things",
    access: "clients",
    effect: "deletes",
    expects: true,
    subject: "client_id",
    input: ONE,
    output: z.object({ client_id: z.string(), deleted: z.boolean() }),
    terms: { word: "ID" },
    run: remove,
  }),
  command({
    name: "client rotate-secret",
    does: "gives a client a new secret, shown once; the earlier ones expire at once or after the overlap",
    access: "clients",
    effect: "changes",
    expects: true,
    subject: "client_id",
    input: ROTATED,
    output: z.object({
      client_id: z.string(),
      client_secret: z.string().optional(),
      earlier_secrets_until: z.iso.datetime().optional(),
    }),
    terms: {
      takes: "ID [--overlap 24h] [--secret-stdin]",
      stdin: { "secret-stdin": "client_secret" },
      values: { overlap: "DURATION" },
    },
    run: rotateSecret,
  }),
];
