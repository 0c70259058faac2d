import { systemClock, systemRandom } from "../../src/clock.js";
import { buildCore } from "../../src/core.js";
import { MasterKey } from "../../src/keys/master-key.js";
import { apply } from "../../src/provisioning/apply.js";
import { NO_CHANGE_FEED } from "../../src/store/listen.js";
import { migrate } from "../../src/store/migrate.js";
import { closeDb, openDb } from "../../src/store/open.js";
import { deviceEntry, NEW_KEYS } from "../support/devices.js";
import { HASHING, MASTER_KEY } from "../support/run.js";

/** Who takes part: clients of every kind, people, devices, an app. */

export const SECRET = "a-secret-of-the-fleet-that-is-tried-with-faults";
export const PASSWORD = "a password of everybody";
export const CALLBACK = "https://app.example/cb";
export const ISSUER = "https://login.example";
export const APP = { app_id: "faults-app", app_key: "faults-key", client_id: "faults-admin", client_secret: SECRET };
export const PERSONS = 400;
export const DEVICES = 200;
export const DEVICE_KEY = NEW_KEYS.ES256();
export const ASSERTION_KEY = NEW_KEYS.ES256();

/** Longer than a run, and longer than any clock is wrong. */
const LONG = 7 * 86_400;
/** Shorter than clocks are wrong. */
export const SHORT = 600;

const forPeople = {
  grant_types: ["password", "refresh_token"],
  scope: "openid profile api1",
  access_token_lifetime: LONG,
};

export const CLIENTS = [
  { client_id: "mobile", token_endpoint_auth_method: "none", ...forPeople },
  { client_id: "brief", client_secret: SECRET, ...forPeople, access_token_lifetime: SHORT },
  { client_id: "sealed", client_secret: SECRET, ...forPeople, access_token_format: "opaque" },
  { client_id: "steady", client_secret: SECRET, ...forPeople, refresh_token_rotation: false },
  { client_id: "campaign", client_secret: SECRET, ...forPeople },
  {
    client_id: "web",
    client_secret: SECRET,
    ...forPeople,
    grant_types: ["authorization_code", "refresh_token"],
    redirect_uris: [CALLBACK],
    consent: "implicit",
  },
  {
    client_id: "spa",
    token_endpoint_auth_method: "none",
    ...forPeople,
    grant_types: ["authorization_code", "refresh_token"],
    redirect_uris: [CALLBACK],
  },
  {
    client_id: "backend",
    client_secret: SECRET,
    grant_types: ["client_credentials"],
    scope: "api1",
    access_token_lifetime: LONG,
  },
  {
    client_id: "vault",
    client_secret: SECRET,
    grant_types: ["client_credentials"],
    scope: "api1",
    access_token_format: "opaque",
    access_token_lifetime: SHORT,
  },
  {
    client_id: "signer",
    token_endpoint_auth_method: "private_key_jwt",
    grant_types: ["client_credentials"],
    scope: "api1",
    jwks: { keys: [ASSERTION_KEY.publicKey.export({ format: "jwk" })] },
    access_token_lifetime: LONG,
  },
  {
    client_id: "eagle",
    client_secret: SECRET,
    grant_types: ["client_credentials"],
    scope: "api1",
    access_token_lifetime: LONG,
  },
  { client_id: "gateway", client_secret: SECRET, scope: "jeton:introspect" },
  { client_id: "admin", client_secret: SECRET, grant_types: ["client_credentials"], scope: "jeton:admin" },
  {
    client_id: "photos",
    client_secret: SECRET,
    grant_types: ["client_credentials"],
    scope: "uma_protection",
    access_token_lifetime: LONG,
  },
  { client_id: "printer", client_secret: SECRET, grant_types: ["uma_ticket"], scope: "view" },
  { client_id: "rotated", client_secret: SECRET, grant_types: ["client_credentials"], scope: "api1" },
];

/** Clients that the operator disables and whose secrets it rotates. */
const OPERATED = ["campaign", "rotated"];

/** The provisioning file. @param round makes the entries differ from those of another round, as a changed file does */
export function provisioningFile(round = 0): object {
  return {
    scopes: [{ name: "api1", audience: "https://api1.example", description: `round ${round}` }],
    // What the operator changes at run time stays as it is, because its entry does.
    clients: CLIENTS.map((client) =>
      OPERATED.includes(client.client_id) ? client : { ...client, client_name: `${client.client_id}, round ${round}` },
    ),
    apps: [{ ...APP, default_token_lifetime: LONG, max_token_lifetime: LONG, refresh_tokens: true }],
  };
}

const people = Array.from({ length: PERSONS }, (_, index) => ({
  sub: subOf(index),
  preferred_username: `person${index}`,
  password: PASSWORD,
}));
const devices = Array.from({ length: DEVICES }, (_, index) =>
  deviceEntry(deviceOf(index), DEVICE_KEY, { scope: "tenant.demo refresh.token", max_renewals: 1_000 }),
);

export function subOf(index: number): string {
  return `user-${index}`;
}

export function deviceOf(index: number): string {
  return `device.${index}`;
}

/**
 * Migrates and fills the database before the first server starts. The hashes of the passwords are as cheap as argon2id
 * can be; each carries its own cost, so a server verifies them as it would any other.
 */
export async function fillDatabase(url: string): Promise<void> {
  await migrate(url);
  const db = openDb(url);
  try {
    const master = new MasterKey(Buffer.from(MASTER_KEY, "base64url"));
    const parts = { issuer: ISSUER, db, feed: NO_CHANGE_FEED, master, clock: systemClock, random: systemRandom };
    const core = await buildCore({ ...parts, hashing: HASHING });
    await apply(db, core, JSON.stringify({ ...provisioningFile(), users: people, devices }));
  } finally {
    await closeDb(db);
  }
}
