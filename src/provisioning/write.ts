import { identifiersOf } from "../accounts/identifiers.js";
import type { Passwords } from "../accounts/passwords.js";
import type { Random } from "../clock.js";
import { storedSecret, storedSecretHash } from "../clients/secrets.js";
import type { MasterKey } from "../keys/master-key.js";
import { saveClient, type NewClient } from "../store/clients.js";
import type { Tx } from "../store/open.js";
import { refuseClientOfApp, reserveApp, saveApp, saveThing } from "../store/apps.js";
import { saveScope } from "../store/provisioned.js";
import { saveUser } from "../store/users.js";
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

/** What turns clear secrets into what may be stored. */
export interface Vault {
  readonly master: MasterKey;
  readonly passwords: Passwords;
  readonly random: Random;
  /** Whether a client can show a certificate at all; where nothing is said, it can. */
  readonly takesCertificates?: boolean;
}

type Write = (tx: Tx) => Promise<void>;

/**
 * How each section is written. Preparing (hashing a password takes its time) happens before the transaction begins, the
 * write that comes back inside it.
 */
const WRITERS: { readonly [S in Section]: (vault: Vault, value: ProvisioningFile[S][number]) => Promise<Write> } = {
  scopes:
    async (_vault, { name, description = null, audience = null, claims = [] }) =>
    (tx) =>
      saveScope(tx, { name, description, audience, claims }),
  clients: async ({ master }, value) => {
    const write = prepareClient(master, value);
    return async (tx) => {
      await refuseClientOfApp(tx, value.client_id);
      await write(tx);
    };
  },
  users: ({ passwords }, value) => prepareUser(passwords, value),
  devices: async (_vault, value) => prepareDevice(value),
  apps: async ({ master }, value) => prepareApp(master, value),
  things: async ({ passwords, random }, { password, ...thing }) => {
    const password_hash = await passwords.hash(password);
    const sub = `th.${random(16).toString("hex")}`;
    return (tx) => saveThing(tx, thing, password_hash, sub);
  },
};

/** Does everything that takes time, and returns what is left to do in a transaction. */
export function prepare(vault: Vault, { section, value }: Entry): Promise<Write> {
  return (WRITERS[section] as (vault: Vault, value: unknown) => Promise<Write>)(vault, value);
}

/**
 * A client as it is stored, everything the file leaves out at its default.
 * @param save writes it: over the one that is there, where nothing else is said
 */
export function prepareClient(master: MasterKey, value: ProvisionedClient, save = saveClient): Write {
  const { client_secret, client_secrets = [], client_secret_hash: hash, jwks, ...metadata } = value;
  const given = client_secret === undefined ? client_secrets : [{ value: client_secret, expires_at: undefined }];
  const secrets = [
    ...given.map((one) =>
      storedSecret(master, value, one.value, one.expires_at === undefined ? null : new Date(one.expires_at)),
    ),
    ...(hash === undefined ? [] : [storedSecretHash(master, hash)]),
  ];
  const client = { ...ABSENT, ...metadata, jwks: (jwks as object | undefined) ?? null } as NewClient;
  return (tx) => save(tx, client, secrets);
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

/** A device as it is stored: a client with one key (docs/decisions/0010). */
function prepareDevice({ device_id, jwk, scope, max_renewals, disabled }: ProvisionedDevice): Write {
  const own = { client_id: device_id, jwks: { keys: [jwk] }, scope, max_renewals: max_renewals ?? null, disabled };
  return (tx) => saveClient(tx, { ...ABSENT, ...DEVICE, ...own } as NewClient, []);
}

/** Columns that a client written anew must not keep from before. */
const ABSENT = {
  client_name: null,
  token_endpoint_auth_signing_alg: null,
  token_endpoint_auth_encryption_alg: null,
  token_endpoint_auth_encryption_enc: null,
  jwks_uri: null,
  tls_client_auth_subject_dn: null,
  tls_client_auth_san_dns: null,
  tls_client_auth_san_uri: null,
  tls_client_auth_san_ip: null,
  tls_client_auth_san_email: null,
  tls_client_certificate_thumbprint: null,
  userinfo_signed_response_alg: null,
  max_renewals: null,
} as const;

/**
 * An app as two clients of one dialect: itself, whose secret is the app key, and its administrator. Their tokens are
 * opaque, because they may live 68 years and a signed one keeps its key.
 */
function prepareApp(master: MasterKey, value: ProvisionedApp): Write {
  const { app_id, app_key, client_id, client_secret, refresh_tokens, ...app } = value;
  const client = (own: object) =>
    prepareClient(
      master,
      SECTIONS.clients.entry.parse({
        dialects: ["kii"],
        access_token_format: "opaque",
        access_token_lifetime: app.max_token_lifetime,
        refresh_token_lifetime: app.max_token_lifetime,
        refresh_token_absolute_lifetime: app.max_token_lifetime,
        ...own,
      }),
    );
  const grant_types = ["password", "client_credentials", ...(refresh_tokens ? ["refresh_token"] : [])];
  const itself = client({ client_id: app_id, client_secret: app_key, grant_types });
  const administrator = client({ client_id, client_secret, grant_types: ["client_credentials"] });
  return async (tx) => {
    await reserveApp(tx, { app_id, client_id });
    await itself(tx);
    await administrator(tx);
    await saveApp(tx, { app_id, client_id, ...app });
  };
}

/** A person as stored: what has no column of its own is a claim of that name. */
export async function prepareUser(passwords: Passwords, value: ProvisionedUser, save = saveUser): Promise<Write> {
  const { sub, preferred_username, password, password_hash, email = null, email_verified, ...others } = value;
  const { phone_number = null, phone_number_verified, roles, disabled, ...claims } = others;
  const imported = password_hash === undefined ? null : passwords.import(password_hash);
  const user = {
    sub,
    preferred_username,
    password_hash: password === undefined ? imported : await passwords.hash(password),
    email,
    email_verified,
    phone_number,
    phone_number_verified,
    roles,
    claims: claims as object,
    disabled,
  };
  return (tx) => save(tx, user, identifiersOf(user));
}
