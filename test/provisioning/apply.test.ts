import t from "tap";
import { systemClock } from "../../src/clock.js";
import { apply } from "../../src/provisioning/apply.js";
import { ProvisioningError } from "../../src/provisioning/raw-entry.js";
import { after } from "../support/clock.js";
import { sql } from "../support/database.js";
import { everythingIn, stateIn } from "../support/dump.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Instance } from "../support/instance.js";
import { until } from "../support/until.js";
import { readProvisioningFile } from "../support/provisioning-file.js";

/** Entries that nothing is wrong with, to vary. */
const client = (more: object = {}) => ({ client_id: "c1", client_secret: SECRET, ...more });
const user = (more: object = {}) => ({ sub: "u1", preferred_username: "carol", ...more });
const app = (more: object = {}) => ({ app_id: "a1", app_key: "k", client_id: "kii1", client_secret: SECRET, ...more });
const PSK = "correct horse battery staple";
const device = (more: object = {}) => ({ device_id: "d1", jwk: { kty: "EC", crv: "P-256", x: "x", y: "y" }, ...more });

const BCRYPT = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

/** What stands in a refused file before the fault; it must not be there afterwards. */
const NEWCOMER = { client_id: "newcomer", client_secret: SECRET };

const LONE = "\ud800";

/** 256 bytes of 2041 bits. */
const SHORT_MODULUS = Buffer.alloc(256, "\x01").toString("base64url");

/** What is wrong with a file, the file, and what is said of it. */
const REFUSED: readonly (readonly [fault: string, file: object, message: string | RegExp])[] = [
  ["an unknown section", { client: [] }, "client: there is no such key"],
  ["a section that is no list", { clients: {} }, /^clients: /],
  ["a file that is no object", [], /^the file: /],
  [
    "an unknown key of a client",
    { clients: [NEWCOMER, client({ secret: "s" })] },
    "clients[1].secret: there is no such key",
  ],
  ["an unknown key of a device", { devices: [device({ alg: "ES256" })] }, "devices[0].alg: there is no such key"],
  [
    "a PSK with 15 bytes",
    { devices: [device({ psk: "x".repeat(15) })] },
    /^devices\[0\]\.psk: must have 16 to 64 bytes/,
  ],
  [
    "a PSK with 65 bytes",
    { devices: [device({ psk: "x".repeat(65) })] },
    /^devices\[0\]\.psk: must have 16 to 64 bytes/,
  ],
  ["a PSK with 15 bytes in digits", { devices: [device({ psk: `0x${"ab".repeat(15)}` })] }, /^devices\[0\]\.psk: must/],
  [
    "a long identity of a PSK",
    { devices: [device({ psk: PSK, psk_identity: "ö".repeat(65) })] },
    /^devices\[0\]\.psk_identity: must have at most 128 bytes/,
  ],
  [
    "an unknown key further in",
    { clients: [client({ client_secret: undefined, client_secrets: [{ value: "v", until: 1 }] })] },
    "clients[0].client_secrets[0].until: there is no such key",
  ],
  [
    "a number written as text",
    { clients: [client({ access_token_lifetime: "600" })] },
    /^clients\[0\]\.access_token_lifetime: /,
  ],
  ["a yes that is no boolean", { users: [user({ email_verified: "yes" })] }, /^users\[0\]\.email_verified: /],
  [
    "a lifetime of nothing",
    { clients: [client({ access_token_lifetime: 0 })] },
    /^clients\[0\]\.access_token_lifetime: /,
  ],
  [
    "an unknown authentication method",
    { clients: [client({ token_endpoint_auth_method: "basic" })] },
    /^clients\[0\]\.token_endpoint_auth_method: /,
  ],
  [
    "an unknown grant type",
    { clients: [client({ grant_types: ["password", "implicit"] })] },
    /^clients\[0\]\.grant_types\[1\]: /,
  ],
  ["a client without an id", { clients: [{ client_secret: SECRET }] }, /^clients\[0\]\.client_id: /],
  [
    "both spellings of a secret",
    { clients: [client({ client_secrets: [{ value: SECRET }] })] },
    /^clients\[0\]\.client_secrets: must not stand beside client_secret/,
  ],
  [
    "no credential beside one",
    { clients: [client({ token_endpoint_auth_methods: ["client_secret_post", "none"] })] },
    /^clients\[0\]\.token_endpoint_auth_methods: must not have none beside another method$/,
  ],
  [
    "a method that the list of methods lacks",
    {
      clients: [
        client({
          token_endpoint_auth_method: "client_secret_basic",
          token_endpoint_auth_methods: ["client_secret_post"],
        }),
      ],
    },
    /^clients\[0\]\.token_endpoint_auth_method: must be one of token_endpoint_auth_methods$/,
  ],
  [
    "assertions that live for two days",
    { clients: [client({ assertion_lifetime: 172_800 })] },
    /^clients\[0\]\.assertion_lifetime: /,
  ],
  [
    "a wildcard in a redirect URI",
    { clients: [client({ redirect_uris: ["https://a.example/", "https://*.example/"] })] },
    "clients[0].redirect_uris[1]: must not have a wildcard",
  ],
  [
    "an encryption without its algorithm",
    { clients: [client({ token_endpoint_auth_encryption_enc: "A128GCM" })] },
    /^clients\[0\]\.token_endpoint_auth_encryption_enc: needs token_endpoint_auth_encryption_alg/,
  ],
  [
    "an RSA key whose first bits are none",
    { clients: [client({ jwks: { keys: [{ kty: "RSA", n: SHORT_MODULUS, e: "AQAB" }] } })] },
    /^clients\[0\]\.jwks\.keys\[0\]: must be an RSA key of at least 2048 bits/,
  ],
  [
    "a private key",
    { devices: [device({ jwk: { kty: "EC", crv: "P-256", x: "x", y: "y", d: "d" } })] },
    "devices[0].jwk: must be a public key",
  ],
  [
    "a claim about tokens",
    { users: [user({ aud: "x" })] },
    "users[0].aud: is a claim about tokens, not about a person",
  ],
  ["a client twice", { clients: [NEWCOMER, client(), client({ client_name: "other" })] }, "clients[2]: repeats c1"],
  [
    "a thing twice",
    { apps: [app()], things: [1, 2].map(() => ({ app_id: "a1", vendor_thing_id: "t", password: "p" })) },
    "things[1]: repeats a1/t",
  ],
  ...["passwordHash", "password_salt", "passwd", "client_secret", "secretAnswer", "pin_hash", "credentials"].map(
    (key) =>
      [
        `a claim that is named like a secret: ${key}`,
        { users: [user({ [key]: "x" })] },
        `users[0].${key}: is no claim`,
      ] as const,
  ),
  ...["emial", "email-verified", "emailVerified", "Roles", "prefered_username", "phone_numbre", "disable"].map(
    (key) =>
      [`a key that is misspelt: ${key}`, { users: [user({ [key]: "x" })] }, `users[0].${key}: is no claim`] as const,
  ),
  [
    "a scope that releases what is named like a secret",
    { scopes: [{ name: "s", claims: ["password_hash"] }] },
    "scopes[0].claims[0]: is no claim",
  ],
  [
    "a hash by something that every object has",
    { users: [user({ password_hash: { algorithm: "constructor", hashIterations: 1, value: "AAAA", salt: "AAAA" } })] },
    "users[0].password_hash: is no hash",
  ],
  [
    "a hash of no kind",
    { users: [user({ password_hash: "5f4dcc3b5aa765d61d8327deb882cf99" })] },
    "users[0].password_hash: is no hash",
  ],
  [
    "a hash that would take minutes",
    { users: [user({ password_hash: BCRYPT.replace("$04$", "$20$") })] },
    "users[0].password_hash: the cost is 20, at most 14 is accepted",
  ],
  [
    "a hash in the place of a password",
    { users: [user({ password: BCRYPT })] },
    "users[0].password: is a hash: give it as password_hash",
  ],
  [
    "a hash of another kind there",
    { users: [user({ password: `$6$salt$${"a".repeat(86)}` })] },
    "users[0].password: is a hash",
  ],
  [
    "a password beside its hash",
    { users: [user({ password: "p", password_hash: BCRYPT })] },
    /^users\[0\]\.password_hash: must not/,
  ],
  [
    "a hash in the place of a secret",
    { clients: [client({ client_secret: BCRYPT })] },
    "clients[0].client_secret: is a hash",
  ],
  ["a hash in the place of an app's key", { apps: [app({ app_key: BCRYPT })] }, "apps[0].app_key: is a hash"],
  [
    "a secret beside its hash",
    { clients: [client({ client_secret_hash: BCRYPT })] },
    /^clients\[0\]\.client_secret_hash: must not/,
  ],
  [
    "the hash of a secret that is needed itself",
    {
      clients: [
        client({
          client_secret: undefined,
          client_secret_hash: BCRYPT,
          token_endpoint_auth_method: "client_secret_jwt",
        }),
      ],
    },
    /^clients\[0\]\.client_secret_hash: is of no use to client_secret_jwt/,
  ],
  [
    "the hash of a secret by another function",
    { clients: [client({ client_secret: undefined, client_secret_hash: "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0" })] },
    "clients[0].client_secret_hash: is no hash by bcrypt, pbkdf2",
  ],
  [
    "a login name that looks like an email address",
    { users: [user({ preferred_username: "carol@example.com" })] },
    "users[0].preferred_username: looks like an email address",
  ],
  [
    "a login name that looks like a phone number",
    { users: [user({ preferred_username: "+49 30 1234567" })] },
    "users[0].preferred_username: looks like a phone number",
  ],
  [
    "a phone number that is none",
    { users: [user({ phone_number: "030 123456" })] },
    /^users\[0\]\.phone_number: must be a valid number in international form/,
  ],
  [
    "an impossible phone number",
    { users: [user({ phone_number: "+49 30 123456 ext. 5" })] },
    /^users\[0\]\.phone_number: must be a valid number/,
  ],
  [
    "an email with an invisible letter",
    { users: [user({ email: "ca\u00adrol@example.com" })] },
    "users[0].email: must be an email address",
  ],
  [
    "a login name that is an unverified email",
    { users: [user({ preferred_username: "carol@example.com", email: "carol@example.com" })] },
    "users[0].preferred_username: looks like an email address",
  ],
  [
    "a verified phone number in another spelling",
    { users: [user({ phone_number: "0049 (0)30 123456", phone_number_verified: true })] },
    /^users\[0\] \(u1\): .*belongs, or belonged, to another account$/,
  ],
  [
    "a login name that is the sub of another user",
    { users: [user({ preferred_username: "USER-alice" })] },
    /^users\[0\] \(u1\): .*belongs, or belonged, to another account$/,
  ],
  [
    "two people whose login names only look different",
    { clients: [NEWCOMER], users: [user(), user({ sub: "u2", preferred_username: "ＣＡＲＯＬ" })] },
    /^users\[1\] \(u2\): its sub, login name, verified email or verified phone number belongs, or belonged, to another account$/,
  ],
  [
    "two people with one verified email",
    {
      users: [
        user({ email: "c@example.com", email_verified: true }),
        user({ sub: "u2", preferred_username: "dave", email: "C@Example.com", email_verified: true }),
      ],
    },
    /^users\[1\] \(u2\): /,
  ],
  [
    "a login name of a user in the database",
    { clients: [NEWCOMER], users: [user({ preferred_username: "ALICE" })] },
    /^users\[0\] \(u1\): .*belongs, or belonged, to another account$/,
  ],
  [
    "a verified phone number of a user in the database",
    { users: [user({ phone_number: "+49 (30) 123-456", phone_number_verified: true })] },
    /^users\[0\] \(u1\): .*belongs, or belonged, to another account$/,
  ],
  [
    "a client_id that is the sub of a user in the file",
    { clients: [client({ client_id: "u1" })], users: [user()] },
    /^users\[0\] \(u1\): /,
  ],
  [
    "a client_id that is the sub of a user in the database",
    { clients: [NEWCOMER, client({ client_id: "user-alice" })] },
    "clients[1] (user-alice): its client_id is in use by a user, a device or an app",
  ],
  [
    "a device_id that is a client_id",
    { devices: [device({ device_id: "backend" })] },
    "devices[0] (backend): its device_id is in use by a client or a user, or its psk_identity by another device",
  ],
  [
    "a psk_identity that another device has",
    { devices: [device({ psk: PSK }), device({ device_id: "d2", psk: PSK, psk_identity: "d1" })] },
    "devices[1] (d2): its device_id is in use by a client or a user, or its psk_identity by another device",
  ],
  [
    "a thing without its app",
    { clients: [NEWCOMER], things: [{ app_id: "nowhere", vendor_thing_id: "t", password: "p" }] },
    "things[0] (nowhere/t): there is no app of that app_id",
  ],
  [
    "an app whose client_id another app has",
    { apps: [app(), app({ app_id: "a2" })] },
    /^apps\[1\] \(a2\): its app_id or client_id is in use/,
  ],
  ["an app that a client is", { apps: [app({ app_id: "backend" })] }, /^apps\[0\] \(backend\): its app_id/],
  ["an administrator that a client is", { apps: [app({ client_id: "backend" })] }, /^apps\[0\] \(a1\): its app_id/],
  ["an app that is its own administrator", { apps: [app({ client_id: "a1" })] }, /^apps\[0\]\.client_id: /],
  [
    "U+0000 in a name",
    { clients: [client({ client_name: "a\0b" })] },
    "clients[0].client_name: must be well-formed text without U+0000",
  ],
  ["U+0000 in an id", { users: [user({ sub: "a\0b" })] }, "users[0].sub: must be well-formed text without U+0000"],
  ["U+0000 deep in a claim", { users: [user({ address: { street: ["a", "b\0"] } })] }, /^users\[0\]\.address/],
  [
    "U+0000 in the name of a claim",
    { users: [user({ "nick\0name": "c" })] },
    "users[0].nick\ufffdname: the name must be well-formed text without U+0000",
  ],
  [
    "U+0000 in the name of a key's member",
    { devices: [device({ jwk: { kty: "EC", "a\0": 1 } })] },
    /^devices\[0\]\.jwk\.a\ufffd: /,
  ],
  [
    "half a character",
    { clients: [client({ client_name: `a${LONE}` })] },
    "clients[0].client_name: must be well-formed text without U+0000",
  ],
  [
    "half a character in a password",
    { users: [user({ password: `${LONE}a` })] },
    "users[0].password: must be well-formed text without U+0000",
  ],
  ["half a character in the name of a claim", { users: [user({ [LONE]: "c" })] }, /^users\[0\]\.\ufffd: /],
  ["a key of several lines", { "one\ntwo\u2028three": [] }, "one\ufffdtwo\ufffdthree: there is no such key"],
];

t.test("an invalid file is refused in one line with the path of the fault, and changes nothing", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const before = await stateIn(server.database);

  for (const [fault, file, message] of REFUSED) {
    t.match(await refusalOf(server, JSON.stringify(file)), message, fault);
  }

  await t.test("the message never quotes a file that is not JSON, because it may be a secret", async (t) => {
    for (const text of [
      '{"clients":[{"client_secret": marker-secret}]}',
      "marker-secret",
      '{"a":"marker-secret',
      "",
      "{",
    ]) {
      const message = await refusalOf(server, text);
      t.match(message, /^it is not JSON/);
      t.notMatch(message, /marker|secret/);
    }
  });

  await t.test("the message never quotes a refused value", async (t) => {
    const marker = "marker-secret";
    const files = [
      { clients: [client({ token_endpoint_auth_method: marker })] },
      { clients: [client({ client_secret: [marker] })] },
      { users: [user({ password: `${marker}\0` })] },
      { users: [user({ email: marker })] },
    ];
    for (const file of files) t.notMatch(await refusalOf(server, JSON.stringify(file)), marker);
  });
  t.strictSame(await stateIn(server.database), before);
});

t.test("an entry that has not changed since it was applied is not written again", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const { database } = server;
  await sql(database, "UPDATE clients SET disabled = true WHERE client_id = 'poster'");
  await sql(database, "UPDATE client_secrets SET hash = '\\x00' WHERE client_id = 'backend'");
  await sql(database, "UPDATE users SET password_hash = 'changed at run time' WHERE sub = 'user-bob'");
  const before = await stateIn(database);

  await server.apply(FLEET);
  t.strictSame(await stateIn(database), before, "so what was changed at run time stays");

  const reordered = {
    ...FLEET,
    clients: FLEET.clients.map((one) => Object.fromEntries(Object.entries(one).reverse())).reverse(),
  };
  await server.apply(reordered);
  t.strictSame(await stateIn(database), before, "in any order of its keys and entries");
});

t.test("an entry that changed is written completely, and no other entry is", async (t) => {
  const full = client({
    client_name: "One",
    jwks: { keys: [{ kty: "EC", crv: "P-256", x: "x", y: "y" }] },
    grant_types: ["client_credentials"],
    tls_client_auth_subject_dn: "CN=one",
    access_token_lifetime: 60,
    scope: "api1",
  });
  const carol = user({
    password: "carol's password",
    email: "carol@example.com",
    email_verified: true,
    nickname: "C",
    roles: ["editor"],
  });
  const file = { scopes: [{ name: "api1", audience: "https://a.example" }], clients: [full, NEWCOMER], users: [carol] };
  const server = await startInstance(t, { provision: file });
  const { database } = server;
  const row = async (table: string, id: string) =>
    (await sql(database, `SELECT to_jsonb(t) AS row FROM ${table} t WHERE ${id}`))[0]?.row;
  await sql(database, "UPDATE clients SET disabled = true");

  await server.apply({ scopes: [{ name: "api1" }], clients: [client(), NEWCOMER], users: [user()] });

  t.match(
    await row("clients", "client_id = 'c1'"),
    {
      client_name: null,
      jwks: null,
      grant_types: [],
      tls_client_auth_subject_dn: null,
      access_token_lifetime: 600,
      scope: [],
      disabled: false,
    },
    "what it leaves out goes back to its default, what was changed at run time too",
  );
  t.match(await row("clients", "client_id = 'newcomer'"), { disabled: true }, "its neighbour is not touched");
  t.match(await row("scopes", "name = 'api1'"), { audience: null });
  t.match(await row("users", "sub = 'u1'"), {
    password_hash: /^\$argon2id\$/,
    email: null,
    email_verified: false,
    claims: {},
    roles: [],
  });
  t.strictSame(
    await sql(database, "SELECT value FROM user_identifiers"),
    [{ value: "carol" }],
    "no user logs in with a former address",
  );

  await server.apply({ users: [user({ password: null })] });
  t.match(
    await row("users", "sub = 'u1'"),
    { password_hash: null },
    "null takes a password away, where its absence does not",
  );

  await server.apply({});
  t.equal((await sql(database, "SELECT client_id FROM clients")).length, 2, "what is absent is not deleted");
});

t.test("a newly provisioned secret replaces the earlier one", async (t) => {
  const file = (secret: object) => ({
    clients: [{ client_id: "c1", grant_types: ["client_credentials"], scope: "api1", ...secret }],
  });
  const server = await startInstance(t, { provision: file({ client_secret: "one" }) });
  const ask = async (secret: string) =>
    (await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("c1", secret))).status;
  t.equal(await ask("one"), 200);
  const past = after(systemClock, -1).toISOString();
  await server.apply(
    file({ client_secrets: [{ value: "two" }, { value: "three" }, { value: "four", expires_at: past }] }),
  );
  await until("the first secret is refused", async () => (await ask("one")) === 401);
  t.strictSame(await Promise.all(["two", "three", "four"].map(ask)), [200, 200, 401]);
});

t.test("a client that is provisioned without its secret keeps the secret", async (t) => {
  const file = (more: object) => ({
    clients: [{ client_id: "c1", grant_types: ["client_credentials"], scope: "openid", ...more }],
  });
  const server = await startInstance(t, { provision: file({ client_secret: SECRET }) });
  const { core } = server;
  const ask = async () =>
    (await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("c1", SECRET))).status;
  const warningsOf = async (more: object) => (await apply(core.db, core, JSON.stringify(file(more)))).warnings;
  t.strictSame(await warningsOf({ client_name: "Renamed" }), []);
  t.match(await sql(server.database, "SELECT client_name FROM clients"), [{ client_name: "Renamed" }]);
  t.equal(await ask(), 200);

  t.match(await warningsOf({ token_endpoint_auth_method: "client_secret_jwt" }), [
    /has no secret to authenticate with$/,
  ]);
  t.strictSame(await warningsOf({}), [], "a method that can use the secret again");
  t.match(
    await warningsOf({ client_secrets: [] }),
    [/has no secret to authenticate with$/],
    "an empty list takes it away",
  );
  await until("the secret is refused", async () => (await ask()) === 401);

  await warningsOf({ client_secret: SECRET });
  await warningsOf({ token_endpoint_auth_method: "none" });
  t.match(await warningsOf({}), [/has no secret/], "so does a method that has none");
});

t.test("two users may swap their login names and emails", async (t) => {
  const people = (carol: string, dave: string) => ({
    users: [
      user({
        preferred_username: carol,
        password: "carol's password",
        email: `${carol}@example.com`,
        email_verified: true,
      }),
      user({
        sub: "u2",
        preferred_username: dave,
        password: "dave's password",
        email: `${dave}@example.com`,
        email_verified: true,
      }),
    ],
  });
  const server = await startInstance(t, { provision: { clients: FLEET.clients, ...people("carol", "dave") } });
  await server.apply(people("dave", "carol"));
  for (const username of ["dave", "dave@example.com"]) {
    const { json } = await server.post("/oauth2/token", {
      grant_type: "password",
      client_id: "mobile",
      username,
      password: "carol's password",
    });
    t.ok(json.access_token, username);
  }
});

t.test("a device is stored as a client, an app as two clients, and a thing as an account", async (t) => {
  const server = await startInstance(t, {
    provision: {
      devices: [device({ scope: "a b", max_renewals: 10 })],
      apps: [
        app({ refresh_tokens: true, max_token_lifetime: 3600, default_token_lifetime: 60 }),
        app({ app_id: "a", client_id: "k2" }),
        app({ app_id: "a/b", client_id: "k3" }),
      ],
      things: [
        { app_id: "a1", vendor_thing_id: "t1", password: "thing's password" },
        { app_id: "a", vendor_thing_id: "b/c", password: "p" },
        { app_id: "a/b", vendor_thing_id: "c", password: "p" },
      ],
    },
  });
  const { database } = server;
  t.match(await sql(database, "SELECT * FROM clients WHERE token_endpoint_auth_method = 'device_jwt'"), [
    { client_id: "d1", jwks: { keys: [{ kty: "EC" }] }, scope: ["a", "b"], max_renewals: 10, disabled: false },
  ]);
  t.match(await sql(database, "SELECT * FROM apps WHERE app_id = 'a1'"), [
    {
      client_id: "kii1",
      user_registration: false,
      default_token_lifetime: 60,
      max_token_lifetime: 3600,
    },
  ]);
  const ofIts = "SELECT * FROM clients WHERE client_id IN ('a1', 'kii1') ORDER BY client_id";
  const alike = { dialects: ["kii"], access_token_format: "opaque", access_token_lifetime: 3600, disabled: false };
  t.match(await sql(database, ofIts), [
    { ...alike, client_id: "a1", grant_types: ["password", "client_credentials", "refresh_token"] },
    { ...alike, client_id: "kii1", grant_types: ["client_credentials"] },
  ]);
  const things = await sql(database, "SELECT * FROM things JOIN users USING (sub) ORDER BY app_id");
  t.match(things, [
    { app_id: "a", vendor_thing_id: "b/c" },
    { app_id: "a/b", vendor_thing_id: "c" },
    { app_id: "a1", vendor_thing_id: "t1", sub: /^th\.[0-9a-f]{32}$/, password_hash: /^\$argon2id\$/ },
  ]);

  await t.test("the clients section cannot overwrite the clients of an app", async (t) => {
    for (const client_id of ["a1", "kii1"]) {
      await t.rejects(server.apply({ clients: [client({ client_id })] }), { message: /is in use by .*an app/ });
    }
  });

  await t.test(
    "a thing keeps its sub when it is written again, and an app's administrator can be replaced",
    async (t) => {
      const again = { app_id: "a1", vendor_thing_id: "t1", password: "another password" };
      await server.apply({ apps: [app({ client_id: "kii9" })], things: [again] });
      const [thing] = await sql(database, "SELECT sub FROM things WHERE app_id = 'a1'");
      t.equal(thing!.sub, things[2]!.sub);
      t.match(await sql(database, "SELECT client_id FROM clients WHERE client_id LIKE 'kii%'"), [
        { client_id: "kii9" },
      ]);
    },
  );

  await t.test("deleting an app deletes its administrator and its things", async (t) => {
    await sql(database, "DELETE FROM clients WHERE client_id = 'a1'");
    t.strictSame(await sql(database, "SELECT 1 FROM clients WHERE client_id IN ('a1', 'kii9')"), []);
    t.strictSame(await sql(database, "SELECT 1 FROM users WHERE sub = $1", [things[2]!.sub]), []);
  });
});

t.test("a user's claims with any other name are stored", async (t) => {
  const claims = {
    role: "r",
    department: "d",
    mailbox: "m",
    nickname: "n",
    address: { locality: "l" },
    emails_sent: 3,
    "name#de": "x",
  };
  const server = await startInstance(t, { provision: { users: [user(claims)] } });
  t.strictSame((await sql(server.database, "SELECT claims FROM users"))[0]!.claims, claims);
});

t.test("no table has a secret or a password in clear", async (t) => {
  const marker = (name: string) => `marker-${name}-of-forty-characters-and-a-few-more`;
  const markers = ["basic", "listed", "jwt", "user", "key", "app", "thing"].map(marker);
  const [one, listed, jwt, person, key, secret, password] = markers;
  const server = await startInstance(t, {
    provision: {
      clients: [
        { client_id: "c1", client_secret: one },
        { client_id: "c2", client_secrets: [{ value: listed }] },
        { client_id: "c3", client_secret: jwt, token_endpoint_auth_method: "client_secret_jwt" },
      ],
      users: [user({ password: person })],
      apps: [app({ app_key: key, client_secret: secret })],
      things: [{ app_id: "a1", vendor_thing_id: "t1", password }],
    },
  });
  const stored = JSON.stringify(await everythingIn(server.database));
  for (const text of markers) {
    for (const encoding of ["utf8", "hex", "base64url"] as const) {
      t.notOk(stored.includes(Buffer.from(text).toString(encoding).slice(0, -3)), `${text} as ${encoding}`);
    }
  }
});

t.test("two instances that apply one file at once both succeed, and only one writes the entries", async (t) => {
  const first = await startInstance(t);
  const second = await startInstance(t, { database: first.database });
  const applied = await Promise.all([first, second].map(({ core }) => apply(core.db, core, JSON.stringify(FLEET))));
  const entries = FLEET.scopes.length + FLEET.clients.length + FLEET.users.length;
  t.strictSame(
    applied.map(({ written }) => written).sort((a, b) => a - b),
    [0, entries],
  );
  for (const server of [first, second]) {
    t.equal(
      (await server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...ALICE })).status,
      200,
    );
  }
});

/** What a browser executes, or opens on the machine it runs on, and what only looks like a URI that may be registered. */
const NO_URIS = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  " javascript:alert(1)",
  "java\tscript:alert(1)",
  "\u0001javascript:alert(1)",
  "\u200bjavascript:alert(1)",
  "javascript://app.example/%0aalert(1)",
  "data:text/html,x",
  "vbscript:x",
  "file:///etc/passwd",
  "blob:https://app.example/x",
  "about:blank",
  "filesystem:https://app.example/x",
  "view-source:https://app.example/",
  "chrome://settings",
  "ms-settings:x",
  "ms-windows.store://x",
  "x-apple.systempreferences:com.apple.preference.security",
  "mailto:a@app.example",
  "tel:+4930123456",
  "ftp://app.example/",
  "ws://app.example/",
  "intent://app.example/#Intent;end",
  "urn:ietf:wg:oauth:2.0:oob",
  "myapp://callback",
  "app.example",
  "//app.example/",
  "https:app.example",
  "https:///app.example",
  "https:\\\\app.example",
  "https://app.example/a b",
  "https://",
  "",
] as const;

/** Every field of a client that holds a URI, as an entry has it. */
const URI_FIELDS: Readonly<Record<string, (uri: string) => object>> = {
  redirect_uris: (uri) => ({ redirect_uris: [uri] }),
  post_logout_redirect_uris: (uri) => ({ post_logout_redirect_uris: [uri] }),
  claims_redirect_uris: (uri) => ({ claims_redirect_uris: [uri] }),
  web_origins: (uri) => ({ web_origins: [uri] }),
  jwks_uri: (uri) => ({ jwks_uri: uri }),
};

/** These have the form of an origin, which is only compared: an app may have any scheme. */
const APP_ORIGINS = ["ms-windows.store://x", "myapp://callback"];

t.test("a URI that a browser executes or opens locally is refused in every field", async (t) => {
  const refused = (file: object) => {
    try {
      readProvisioningFile(JSON.stringify(file));
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };
  for (const uri of NO_URIS) {
    for (const [field, write] of Object.entries(URI_FIELDS)) {
      if (field === "web_origins" && APP_ORIGINS.includes(uri)) continue;
      const message = refused({ clients: [client(write(uri))] }) ?? "accepted";
      t.ok(message.startsWith(`clients[0].${field}`), `${field} ${JSON.stringify(uri)}: ${message}`);
    }
    if (!uri.includes(":")) continue;
    for (const claim of ["profile", "picture", "website"]) {
      t.match(refused({ users: [user({ [claim]: uri })] }), `users[0].${claim}: `, `${claim} ${JSON.stringify(uri)}`);
    }
  }
  for (const uri of [
    "https://app.example/cb?a=b",
    "HTTPS://app.example/cb",
    "http://127.0.0.1/cb",
    "http://[::1]:8080/",
  ]) {
    for (const field of ["redirect_uris", "post_logout_redirect_uris", "claims_redirect_uris", "jwks_uri"]) {
      t.equal(refused({ clients: [client(URI_FIELDS[field]!(uri))] }), undefined, `${field} ${uri}`);
    }
  }
  for (const uri of ["com.example.app:/cb", "com.example.app://cb", "Org.Example.App-2:cb"]) {
    t.equal(refused({ clients: [client({ redirect_uris: [uri] })] }), undefined, uri);
    t.match(
      refused({ clients: [client({ jwks_uri: uri })] }),
      /^clients\[0\]\.jwks_uri: must be an https or http/,
      uri,
    );
  }
  for (const origin of [
    "capacitor://localhost",
    "ionic://app.example",
    "tauri://localhost:1",
    "http://localhost:3000",
  ]) {
    t.equal(refused({ clients: [client({ web_origins: [origin] })] }), undefined, origin);
  }
  for (const text of [
    "com.example.app:/cb",
    "capacitor://localhost/",
    "ionic://",
    "Tauri://localhost",
    "http://a/b",
    "null",
    "*",
  ]) {
    t.match(refused({ clients: [client({ web_origins: [text] })] }), /^clients\[0\]\.web_origins\[0\]: /, text);
  }
  t.equal(
    refused({ users: [user({ website: "app.example", picture: "", profile: "https://app.example/me" })] }),
    undefined,
  );
});

t.test("an unwise entry is accepted with a warning that names the entry and no value", async (t) => {
  const { core } = await startInstance(t);
  const file = {
    clients: [
      { client_id: "short", client_secret: "marker" },
      { client_id: "keyless", token_endpoint_auth_method: "private_key_jwt" },
      {
        client_id: "app",
        token_endpoint_auth_method: "none",
        redirect_uris: ["http://localhost/marker"],
        grant_types: ["password"],
      },
    ],
    users: [user({ password: "password1" }), user({ sub: "u2", preferred_username: "dave", password: "marker" })],
  };
  const { warnings } = await apply(core.db, core, JSON.stringify(file));
  t.match(warnings, [
    /^clients\[0\] \(short\) has a secret shorter/,
    /^clients\[1\] \(keyless\) has no key in jwks/,
    /^clients\[2\] \(app\) may use the password grant/,
    /^clients\[2\] \(app\) has a redirect URI over plain http/,
    /^users\[0\] \(u1\) has one of the most common passwords/,
    /^users\[1\] \(u2\) has a password shorter/,
  ]);
  t.equal(warnings.length, 6);

  const scope = (name: string, more: object) => ({ name, audience: "https://api.example", ...more });
  const torn = {
    scopes: [scope("read", { access_token_signing_alg: "ES256" }), scope("write", { access_token_typ: "JWT" })],
  };
  t.strictSame((await apply(core.db, core, JSON.stringify(torn))).warnings, [], "each setting has one value");
  const other = { scopes: [scope("print", { access_token_signing_alg: "RS256" })] };
  t.strictSame((await apply(core.db, core, JSON.stringify(other))).warnings, [
    "the scopes of the audience https://api.example contradict each other: access_token_signing_alg is RS256 and ES256",
  ]);
  t.notMatch(warnings.join("\n"), /marker|password1/);
});

t.test("a client that can never authenticate is accepted with a warning", async (t) => {
  const { core } = await startInstance(t);
  const nested = { token_endpoint_auth_method: "client_secret_jwt", token_endpoint_auth_encryption_alg: "dir" };
  const byKey = { token_endpoint_auth_method: "private_key_jwt", client_secret: undefined };
  const byName = { token_endpoint_auth_method: "tls_client_auth", client_secret: undefined };
  const cases: readonly (readonly [metadata: object, warning: string | undefined])[] = [
    [{ ...nested, token_endpoint_auth_signing_alg: "HS512" }, "encrypts assertions that are not signed with HS256"],
    [{ ...nested, token_endpoint_auth_signing_alg: "HS256" }, undefined],
    [nested, undefined],
    [
      { ...byName, tls_client_auth_subject_dn: "billing" },
      "has a tls_client_auth_subject_dn that is no name (RFC 4514)",
    ],
    [{ ...byName, tls_client_auth_subject_dn: "CN=billing" }, undefined],
    [{ ...byName, tls_client_auth_san_ip: "10.0.0" }, "has a tls_client_auth_san_ip that is no IP address"],
    [{ ...byName, tls_client_auth_san_ip: "2001:db8::1" }, undefined],
    [{ ...byKey, jwks_uri: "HTTPS://keys.example/" }, undefined],
    [{ ...byKey, jwks: { keys: [] } }, "has no key in jwks and no jwks_uri"],
    [
      { ...byKey, jwks_uri: "https://keys.example/", client_secret: SECRET },
      "has a secret that its method does not use",
    ],
  ];
  const clients = cases.map(([metadata], index) => client({ client_id: `c${index}`, ...metadata }));
  const { warnings } = await apply(core.db, core, JSON.stringify({ clients }));
  t.strictSame(
    warnings,
    cases.flatMap(([, text], index) => (text === undefined ? [] : [`clients[${index}] (c${index}) ${text}`])),
  );
});

/** The one line with which a file is refused. */
async function refusalOf({ core }: Instance, text: string): Promise<string> {
  const error = await apply(core.db, core, text).then(
    () => new Error("it was not refused"),
    (error: Error) => error,
  );
  if (!(error instanceof ProvisioningError)) throw error;
  if (/[\n\r]/.test(error.message)) throw new Error(`more than one line: ${error.message}`);
  return error.message;
}
