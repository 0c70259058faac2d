import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { Passwords } from "../../src/accounts/passwords.js";
import { systemRandom } from "../../src/clock.js";
import { MasterKey } from "../../src/keys/master-key.js";
import { apply } from "../../src/provisioning/apply.js";
import { ProvisioningError } from "../../src/provisioning/raw-entry.js";
import { SECTIONS, type Section } from "../../src/provisioning/schema.js";
import { closeDb, openDb } from "../../src/store/open.js";
import { freshDatabase } from "../support/database.js";
import { readProvisioningFile } from "../support/provisioning-file.js";
import { HASHING } from "../support/run.js";

/** What an operator reads of a provisioning file that holds rubbish, wherever it stands. */

const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });

/** Of "correct horse battery staple". */
const BCRYPT = "$2b$04$K./zvGeVZRjFcyZlwbl9GuFrEcgPr.HUT67p4abhvjlmLgPxVk1iG";

/** One sound entry of each section, with every key that it can have (some of them exclude each other: ALONE). */
const SOUND: Readonly<Record<Section, Readonly<Record<string, unknown>>>> = {
  scopes: {
    name: "api",
    description: "An API",
    audience: "https://api.example",
    claims: ["role"],
    access_token_signing_alg: "RS256",
    access_token_typ: "JWT",
  },
  clients: {
    client_id: "backend",
    client_name: "Backend",
    client_secret: "correct-horse-battery",
    client_secret_hash: BCRYPT,
    client_secrets: [{ value: "correct-horse-battery", expires_at: "2031-01-01T00:00:00Z" }],
    token_endpoint_auth_method: "client_secret_jwt",
    token_endpoint_auth_methods: ["client_secret_jwt"],
    token_endpoint_auth_signing_alg: "HS256",
    token_endpoint_auth_encryption_alg: "dir",
    token_endpoint_auth_encryption_enc: "A128GCM",
    assertion_lifetime: 600,
    grant_types: ["client_credentials"],
    response_types: ["token"],
    redirect_uris: ["https://app.example/callback"],
    claims_redirect_uris: ["https://app.example/claims"],
    post_logout_redirect_uris: ["https://app.example/"],
    web_origins: ["https://app.example"],
    backchannel_logout_uri: "https://app.example/logout",
    backchannel_logout_session_required: true,
    frontchannel_logout_uri: "https://app.example/logout",
    frontchannel_logout_session_required: true,
    scope: "api openid",
    audiences: ["https://api.example"],
    jwks: { keys: [jwk] },
    jwks_uri: "https://app.example/jwks",
    tls_client_auth_subject_dn: "CN=backend",
    tls_client_auth_san_dns: "backend.example",
    tls_client_auth_san_uri: "https://backend.example",
    tls_client_auth_san_ip: "192.0.2.1",
    tls_client_auth_san_email: "backend@example.com",
    tls_client_certificate_thumbprint: "A".repeat(43),
    tls_client_certificate_bound_access_tokens: false,
    dpop_bound_access_tokens: false,
    token_exchange: [
      { kind: "delegation", subject_clients: ["app"], subject_audiences: ["a"], scopes: ["api"], audiences: ["b"] },
    ],
    access_token_lifetime: 600,
    access_token_format: "jwt",
    access_token_signing_alg: "ES256",
    access_token_typ: "at+jwt",
    refresh_token_lifetime: 600,
    refresh_token_absolute_lifetime: 600,
    refresh_token_rotation: true,
    id_token_signed_response_alg: "RS256",
    authorization_signed_response_alg: "ES256",
    introspection_signed_response_alg: "ES256",
    id_token_encrypted_response_alg: "ECDH-ES",
    id_token_encrypted_response_enc: "A256GCM",
    userinfo_encrypted_response_alg: "RSA-OAEP-256",
    userinfo_encrypted_response_enc: "A128GCM",
    id_token_claims: "scope",
    subject_type: "public",
    sector_identifier_uri: "https://app.example/sector",
    userinfo_signed_response_alg: "ES256",
    require_pkce: true,
    require_pushed_authorization_requests: true,
    require_signed_request_object: true,
    request_object_signing_alg: "ES256",
    consent: "explicit",
    profile: "fapi2",
    dialects: ["oauth2"],
    disabled: false,
  },
  issuers: {
    issuer: "https://issuer.example",
    jwks: { keys: [jwk] },
    jwks_uri: "https://issuer.example/jwks",
    clients: ["backend"],
    scopes: ["api"],
    subject_claim: "email",
    subject_is: "identifier",
    subjects: ["alice@example.com"],
    claims: { email_verified: true },
    assertion_lifetime: 600,
    disabled: false,
  },
  users: {
    sub: "u-1",
    preferred_username: "alice",
    password: "correct-horse-battery",
    password_hash: BCRYPT,
    email: "alice@example.com",
    email_verified: true,
    phone_number: "+4930123456",
    phone_number_verified: true,
    roles: ["user"],
    disabled: false,
    may_act: { sub: "u-2" },
    address: { locality: "Berlin", lines: ["Line 1"] },
  },
  devices: {
    device_id: "device.1",
    jwk,
    scope: "api",
    max_renewals: 3,
    psk: "correct-horse-battery",
    psk_identity: "meter",
    disabled: false,
  },
  apps: {
    app_id: "app",
    app_key: "correct-horse-battery",
    client_id: "administrator",
    client_secret: "correct-horse-battery",
    default_token_lifetime: 600,
    max_token_lifetime: 600,
    refresh_tokens: false,
    user_registration: false,
    thing_registration: false,
    user_lookup: false,
    disabled: false,
  },
  things: { app_id: "app", vendor_thing_id: "thing", password: "correct-horse-battery", disabled: false },
};

/** Keys of which an entry has one only: beside the first of each, unless it is another one that is looked at. */
const ALONE = [
  ["client_secret", "client_secrets", "client_secret_hash"],
  ["password", "password_hash"],
  ["jwks", "jwks_uri"],
];

/** Texts that stop readers of texts, and texts that look like something else. */
const TEXTS = [
  ...["", " ", "\u0000", "\ud800", "\u2028", "line\nbreak", "app.example", "//", "https://", "http://[", "https://a b"],
  ...["javascript:alert(1)", "data:,x", "%", "%zz", "*", "#", "null", "__proto__", "constructor", "NaN", "1e999"],
  ...[
    "+",
    "@",
    "a@",
    "-1",
    "0x10",
    "2031-13-45T99:00:00Z",
    "\u202e\ufeff",
    "\ufffe",
    "CN=",
    "=,=",
    "☃",
    "x".repeat(5_000),
  ],
] as const;
const NUMBERS = [0, -0, -1, 0.5, 1e21, 1e308, 5e-324, 2 ** 31, 2 ** 53, -(2 ** 63)] as const;

const rubbish: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...TEXTS),
  fc.constantFrom<unknown>(...NUMBERS, null, true, false, [], {}, [[]], [null], [{}], { keys: {} }, { keys: [null] }),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.jsonValue({ maxDepth: 3 }),
  fc.array(fc.constantFrom<unknown>(...TEXTS, ...NUMBERS), { maxLength: 3 }),
  fc.record({
    kty: fc.constantFrom("RSA", "EC", "OKP", "oct", ""),
    n: fc.constantFrom<unknown>(...TEXTS, 5),
    e: fc.jsonValue(),
  }),
);

type Path = readonly (string | number)[];

/** Every place of a value below this one, itself too. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([name, part]) =>
      placesIn(part, [...path, Array.isArray(value) ? Number(name) : name]),
    ),
  ];
}

/** A copy with another value in one place. */
function withValue(whole: unknown, [name, ...rest]: Path, value: unknown): unknown {
  if (name === undefined) return value;
  const copy = (Array.isArray(whole) ? [...whole] : { ...(whole as object) }) as Record<string | number, unknown>;
  copy[name] = withValue(copy[name], rest, value);
  return copy;
}

/** The sound entry without what may not stand beside the key that is looked at. */
function entryFor(section: Section, key: string | number | undefined): object {
  const left = ALONE.flatMap((group) =>
    group.filter((name) => name !== (group.includes(String(key)) ? key : group[0])),
  );
  // A hash is no secret to check a MAC with.
  const method =
    key === "client_secret_hash"
      ? { token_endpoint_auth_method: "client_secret_basic", token_endpoint_auth_methods: [], ...NO_ENCRYPTION }
      : {};
  // A profile forbids many of these values.
  const { profile, ...others } = SOUND[section] as { profile?: string };
  if (key === "profile") return { client_id: "bank", profile, token_endpoint_auth_method: "private_key_jwt" };
  const entry = { ...others, ...(section === "clients" ? method : {}) };
  return Object.fromEntries(
    Object.entries(entry).filter(([name, value]) => !left.includes(name) && value !== undefined),
  );
}

const NO_ENCRYPTION = { token_endpoint_auth_encryption_alg: undefined, token_endpoint_auth_encryption_enc: undefined };

/** What is said of a text: undefined where it is read. Fails on anything but one line. */
function saidOf(text: string): string | undefined {
  try {
    readProvisioningFile(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof ProvisioningError)) throw error;
    if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(error.message))
      throw new Error(`more than one line: ${JSON.stringify(error.message)}`);
    return error.message;
  }
}

t.test("the valid sample entries are accepted and have every key of the schema", async (t) => {
  for (const section of Object.keys(SECTIONS) as Section[]) {
    for (const key of Object.keys(SECTIONS[section].entry.shape)) {
      t.ok(key in SOUND[section], `${section}: ${key}`);
      t.equal(saidOf(JSON.stringify({ [section]: [entryFor(section, key)] })), undefined, `${section}: ${key}`);
    }
  }
});

t.test("random values at any path are accepted or refused in one line that names the path", async (t) => {
  for (const section of Object.keys(SECTIONS) as Section[]) {
    for (const path of placesIn(SOUND[section])) {
      t.equal(faultAt(section, path), undefined, [section, ...path].join("."));
    }
  }
});

/** What is wrong with how rubbish in this place is refused; undefined where nothing is. */
function faultAt(section: Section, path: Path): string | undefined {
  const entry = entryFor(section, path[0]);
  // Two entries may be compared, so the section alone may be named.
  const isNamed = (said: string) => said.startsWith(`${section}[0]`) || said.startsWith(`${section}:`);
  const { failed, counterexample, errorInstance } = fc.check(
    fc.property(rubbish, (value) => {
      const said = saidOf(JSON.stringify({ [section]: [withValue(entry, path, value)] }));
      return said === undefined || isNamed(said);
    }),
    { numRuns: 40, seed: 4 },
  );
  return failed ? `${JSON.stringify(counterexample)}: ${String(errorInstance)}` : undefined;
}

t.test("random sections, entries, keys and files are accepted or refused in one line", async (t) => {
  const whole = (value: unknown) => {
    const said = saidOf(JSON.stringify(value));
    return said === undefined || said.length > 0;
  };
  fc.assert(fc.property(rubbish, whole));
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(SECTIONS)),
      rubbish,
      fc.string({ unit: "binary", maxLength: 8 }),
      (section, value, key) =>
        [{ [section]: value }, { [section]: [value] }, { [key]: value }, { [section]: [{ [key]: value }] }].every(
          whole,
        ),
    ),
    { numRuns: 150, seed: 4 },
  );
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => (saidOf(text), true)));
  t.pass("each in one line");
});

t.test("excessive nesting is refused in one line", async (t) => {
  const deep = (depth: number) =>
    `{"users":[{"sub":"u-1","preferred_username":"alice","claim":${"[".repeat(depth)}${"]".repeat(depth)}}]}`;
  for (const depth of [40, 2_000, 100_000]) t.match(saidOf(deep(depth)), /nested/);
  t.match(saidOf("[".repeat(100_000)), /not JSON|nested|must be an object of lists/);
});

t.test("an entry that the schema accepts is written or refused in one line that names it", async (t) => {
  const database = await freshDatabase(t);
  const db = openDb(database);
  t.teardown(() => closeDb(db));
  const master = new MasterKey(Buffer.alloc(32, 7));
  const vault = { master, passwords: new Passwords(master, systemRandom, 1, HASHING), random: systemRandom };
  /** An entry with rubbish in one place, which the schema takes. */
  const taken = fc
    .constantFrom(...(Object.keys(SECTIONS) as Section[]))
    .chain((section) => fc.tuple(fc.constant(section), fc.constantFrom(...placesIn(SOUND[section])), rubbish))
    .map(([section, path, value]) => ({ section, entry: withValue(entryFor(section, path[0]), path, value) }))
    .filter(({ section, entry }) => saidOf(JSON.stringify({ [section]: [entry] })) === undefined);
  await fc.assert(
    fc.asyncProperty(taken, async ({ section, entry }) => {
      const said = await apply(
        db,
        vault,
        JSON.stringify({ apps: section === "things" ? [SOUND.apps] : [], [section]: [entry] }),
      ).then(
        () => `${section}[0]`,
        (error: unknown) => {
          if (!(error instanceof ProvisioningError)) throw error;
          return error.message;
        },
      );
      // What an earlier run wrote may have the id of the thing's app.
      return [section, ...(section === "things" ? ["apps"] : [])].some((one) => said.startsWith(`${one}[0]`));
    }),
    { numRuns: 40, seed: 4 },
  );
  t.pass("each written or named");
});
