import { identifiersOf } from "../accounts/identifiers.js";
import type { Passwords } from "../accounts/passwords.js";
import type { Random } from "../clock.js";
import { sealPsk } from "../clients/device-psk.js";
import { UNSET_COLUMNS } from "../clients/defaults.js";
import { secretStorage } from "../clients/methods.js";
import { storedSecret, storedSecretHash } from "../clients/stored-secret.js";
import type { MasterKey } from "../keys/master-key.js";
import { refuseClientsOfApps, reserveApp, saveApp, saveThings, type App, type ThingToSave } from "../store/apps.js";
import { createClient, saveClients, type ClientToSave, type NewClient } from "../store/clients.js";
import { saveDevicePsks, type DevicePskToSave } from "../store/device-psks.js";
import type { Transaction, Tx } from "../store/open.js";
import { saveScopes } from "../store/provisioned.js";
import type { DeclaredScope } from "../store/scopes.js";
import { saveTrustedIssuers, type TrustedIssuer } from "../store/trusted-issuers.js";
import { createUser, removePasswords, saveUsers, type UserToSave } from "../store/users.js";
import type { Entry } from "./read.js";
import {
  SECTIONS,
  type ProvisionedApp,
  type ProvisionedClient,
  type ProvisionedDevice,
  type ProvisionedUser,
  type ProvisioningFile,
  type Section,
} from "./schema.js";

/** The parts that turn secrets in clear into their stored form. */
export interface Vault {
  readonly master: MasterKey;
  readonly passwords: Passwords;
  readonly random: Random;
  /** Whether a client can present a certificate at all; true by default. */
  readonly takesCertificates?: boolean | undefined;
  /** Whether documents of clients may be fetched from loopback and private addresses; false by default. */
  readonly allowsPrivateFetches?: boolean | undefined;
}

type Write = (tx: Tx) => Promise<void>;

/** Writes an entry whose passwords are hashed and whose secrets have their stored form. */
interface Rows {
  readonly scopes: DeclaredScope;
  readonly clients: ClientToSave;
  readonly issuers: TrustedIssuer;
  readonly users: UserToSave & { readonly removesPassword: boolean };
  readonly devices: DeviceToSave;
  readonly apps: { readonly app: App; readonly clients: readonly ClientToSave[] };
  readonly things: ThingToSave;
}

interface DeviceToSave {
  readonly device: ClientToSave;
  readonly psk: DevicePskToSave | undefined;
}

/** A prepared entry. */
export interface Prepared<S extends Section = Section> {
  readonly entry: Entry<S>;
  readonly digest: string;
  readonly row: Rows[S];
}

/** Prepares the row of an entry, by section. Hashing takes time, so this happens before a transaction begins. */
const ROWS: {
  readonly [S in Section]: (vault: Vault, value: ProvisioningFile[S][number]) => Rows[S] | Promise<Rows[S]>;
} = {
  scopes: (_vault, { name, description = null, audience = null, claims = [], ...form }) => {
    const { access_token_signing_alg = null, access_token_typ = null } = form;
    return { name, description, audience, claims, access_token_signing_alg, access_token_typ };
  },
  clients: ({ master }, value) => clientRow(master, value),
  issuers: (_vault, { jwks = null, jwks_uri = null, subjects = null, ...one }) => ({
    ...one,
    jwks,
    jwks_uri,
    subjects,
  }),
  users: ({ passwords }, value) => userRow(passwords, value),
  devices: ({ master }, value) => deviceRow(master, value),
  apps: ({ master }, value) => appRow(master, value),
  things: async ({ passwords, random }, { password, ...thing }) => ({
    ...thing,
    password_hash: password === undefined ? null : await passwords.hash(password),
    sub: `th.${random(16).toString("hex")}`,
  }),
};

/** Prepares an entry, which may take time. */
export async function prepare(vault: Vault, entry: Entry, digest: string): Promise<Prepared> {
  const rowOf = ROWS[entry.section] as (vault: Vault, value: unknown) => Rows[Section] | Promise<Rows[Section]>;
  return { entry, digest, row: await rowOf(vault, entry.value) };
}

/** How the rows of each section are written, in the order in which one refers to another. */
const WRITERS: { readonly [S in Section]: (tx: Transaction, rows: readonly Rows[S][]) => Promise<void> } = {
  scopes: saveScopes,
  clients: async (tx, rows) => {
    await refuseClientsOfApps(
      tx,
      rows.map(({ client }) => client.client_id),
    );
    await saveClients(tx, rows);
  },
  issuers: saveTrustedIssuers,
  users: async (tx, rows) => {
    await saveUsers(tx, rows);
    await removePasswords(
      tx,
      rows.flatMap(({ user, removesPassword }) => (removesPassword ? user.sub : [])),
    );
  },
  devices: async (tx, rows) => {
    const devices = rows.map(({ device }) => device);
    await saveClients(tx, devices);
    const ids = devices.map(({ client }) => client.client_id);
    await saveDevicePsks(
      tx,
      ids,
      rows.flatMap(({ psk }) => psk ?? []),
    );
  },
  apps: async (tx, rows) => {
    for (const { app, clients } of rows) {
      await reserveApp(tx, app);
      await saveClients(tx, clients);
      await saveApp(tx, app);
    }
  },
  things: saveThings,
};

/** Writes entries in any order, by a few statements for each section. @throws Error that isConflict or isGone knows */
export async function writeRows(tx: Transaction, entries: readonly Prepared[]): Promise<void> {
  for (const section of Object.keys(WRITERS) as Section[]) {
    const rows = entries.filter(({ entry }) => entry.section === section).map(({ row }) => row);
    if (rows.length > 0)
      await (WRITERS[section] as (tx: Transaction, rows: readonly unknown[]) => Promise<void>)(tx, rows);
  }
}

/** A client as it is stored, everything the file leaves out at its default, but for its secrets: those it keeps. */
function clientRow(master: MasterKey, value: ProvisionedClient): ClientToSave {
  const { client_secret, client_secrets, client_secret_hash: hash, jwks, ...metadata } = value;
  const given = client_secret === undefined ? client_secrets : [{ value: client_secret, expires_at: undefined }];
  const secrets = given?.map((one) =>
    storedSecret(master, value, one.value, one.expires_at === undefined ? null : new Date(one.expires_at)),
  );
  const imported = hash === undefined ? undefined : [storedSecretHash(master, hash)];
  const none = secretStorage(value) === "none" ? [] : undefined;
  const client = { ...UNSET_COLUMNS, ...metadata, jwks: (jwks as object | undefined) ?? null } as NewClient;
  return { client, secrets: secrets ?? imported ?? none };
}

/** Writes a client, over an existing one. A server does so at its start, without the compiler of Prisma. */
export function prepareClientToSave(master: MasterKey, value: ProvisionedClient): (tx: Transaction) => Promise<void> {
  const row = clientRow(master, value);
  return (tx) => saveClients(tx, [row]);
}

/** Writes a new client. */
export function prepareClient(master: MasterKey, value: ProvisionedClient): Write {
  const { client, secrets = [] } = clientRow(master, value);
  return (tx) => createClient(tx, client, secrets);
}

/** What every device is as a client: it asks for itself, in its own dialect, for tokens that live as long as its page says. */
const DEVICE = {
  ...SECTIONS.clients.entry.parse({
    client_id: "device",
    grant_types: ["client_credentials"],
    dialects: ["iothentix"],
    access_token_format: "opaque",
    access_token_lifetime: 3_599,
  }),
  token_endpoint_auth_method: "device_jwt",
} as const;

/** A device as it is stored: a client with one key (docs/decisions/0010), and perhaps a PSK. */
function deviceRow(master: MasterKey, value: ProvisionedDevice): DeviceToSave {
  const { device_id, jwk, scope, max_renewals, psk, disabled } = value;
  const identity = identityOf(value);
  const own = { client_id: device_id, jwks: { keys: [jwk] }, scope, max_renewals: max_renewals ?? null, disabled };
  const sealed = psk === undefined ? undefined : sealPsk(master, psk);
  return {
    device: { client: { ...UNSET_COLUMNS, ...DEVICE, ...own } as NewClient, secrets: [] },
    psk: identity === undefined ? undefined : { device_id, identity: Buffer.from(identity), sealed },
  };
}

/** The name that a device sends with its PSK; undefined if it has none. */
export function identityOf({ device_id, psk, psk_identity }: ProvisionedDevice): string | undefined {
  return psk_identity ?? (psk === undefined ? undefined : device_id);
}

/**
 * An app as two clients of one dialect: itself, whose secret is the app key, and its administrator. Their tokens are
 * opaque, because they may live 68 years and a signed one keeps its key.
 */
function appRow(master: MasterKey, value: ProvisionedApp): Rows["apps"] {
  const { app_id, app_key, client_id, client_secret, refresh_tokens, disabled, ...app } = value;
  const client = (own: object) =>
    clientRow(
      master,
      SECTIONS.clients.entry.parse({
        dialects: ["kii"],
        token_endpoint_auth_method: "client_secret_basic",
        access_token_format: "opaque",
        access_token_lifetime: app.max_token_lifetime,
        refresh_token_lifetime: app.max_token_lifetime,
        refresh_token_absolute_lifetime: app.max_token_lifetime,
        disabled,
        ...own,
      }),
    );
  const grant_types = ["password", "client_credentials", ...(refresh_tokens ? ["refresh_token"] : [])];
  const itself = client({ client_id: app_id, client_secret: app_key, grant_types });
  const administrator = client({ client_id, client_secret, grant_types: ["client_credentials"] });
  return { app: { app_id, client_id, ...app }, clients: [itself, administrator] };
}

/** The columns of a person without a password: what has no column of its own is a claim of that name. */
export function userColumns(value: ProvisionedUser) {
  const { sub, preferred_username, password: _password, password_hash: _hash, email = null, ...others } = value;
  const { email_verified, phone_number = null, phone_number_verified, roles, disabled, ...claims } = others;
  const addresses = { email, email_verified, phone_number, phone_number_verified };
  return { sub, preferred_username, ...addresses, roles, claims: claims as object, disabled };
}

/** A person as stored. Without a password they keep theirs. */
async function userRow(passwords: Passwords, value: ProvisionedUser): Promise<Rows["users"]> {
  const { password, password_hash } = value;
  const imported = password_hash === undefined ? null : passwords.import(password_hash);
  const user = { ...userColumns(value), password_hash: password ? await passwords.hash(password) : imported };
  return { user, identifiers: identifiersOf(user), removesPassword: password === null };
}

/** Writes a new person. */
export async function prepareUser(passwords: Passwords, value: ProvisionedUser): Promise<Write> {
  const { user, identifiers } = await userRow(passwords, value);
  return (tx) => createUser(tx, user, identifiers);
}
