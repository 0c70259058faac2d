import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t, { type Test } from "tap";
import { knownBrowser, knownBrowserCookie } from "../../src/accounts/known-browser.js";
import { browserSessions } from "../../src/accounts/browser-session.js";
import { systemRandom } from "../../src/clock.js";
import { openBackupFile, writeBackupFile } from "../../src/admin/backup-file.js";
import { DpopNonces } from "../../src/clients/dpop-nonces.js";
import { devicePsks } from "../../src/clients/device-psk.js";
import { runCommandLine } from "../../src/command-line.js";
import type { Core } from "../../src/core.js";
import { MasterKey } from "../../src/keys/master-key.js";
import { BACKUP_FORMAT } from "../../src/store/backup.js";
import { readDeviceCode, userCodeOf, writeDeviceCode } from "../../src/tokens/device-code.js";
import { readTicket, writeTicket } from "../../src/tokens/permission-ticket.js";
import { readPersistedClaims, writePersistedClaims } from "../../src/tokens/persisted-claims.js";
import { asserted, claimsOf, hmac, jws } from "../support/assertions.js";
import { TestClock } from "../support/clock.js";
import { freshDatabase, sql } from "../support/database.js";
import { NEW_KEYS, deviceEntry, deviceJwt } from "../support/devices.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Instance, type InstanceOptions } from "../support/instance.js";
import { ROOT } from "../support/root.js";
import { MASTER_KEY as OLD } from "../support/run.js";
import { isActive, logIn, refresh } from "../support/tokens.js";
import { answerOf, Browser } from "../support/web.js";
import { authorize, BOB, exchange, WEB } from "../support/web-fleet.js";

/** A master key is replaced by another one while servers run (docs/decisions/0017). */

const clock = new TestClock();
const NEW = Buffer.alloc(32, 9).toString("base64url");
const NEXT = Buffer.alloc(32, 11).toString("base64url");
const ISSUER = "https://login.example";

const meter = NEW_KEYS.ES256();
const BCRYPT = "$2b$04$K./zvGeVZRjFcyZlwbl9GuFrEcgPr.HUT67p4abhvjlmLgPxVk1iG";
const FILE = {
  ...WEB,
  clients: [
    ...WEB.clients,
    {
      client_id: "sharer",
      client_secret: SECRET,
      token_endpoint_auth_method: "client_secret_jwt",
      grant_types: ["client_credentials"],
      scope: "api1",
    },
    { client_id: "moved", client_secret_hash: BCRYPT, grant_types: ["client_credentials"], scope: "api1" },
  ],
  users: [...WEB.users, { sub: "user-moved", preferred_username: "mover", password_hash: BCRYPT }],
  devices: [deviceEntry("meter", meter, { psk: SECRET })],
};

const MOVED = { username: "mover", password: "correct horse battery staple" };

const keysOf = (MASTER_KEY: string, ...previous: string[]) => ({
  MASTER_KEY,
  MASTER_KEY_PREVIOUS: previous.join(","),
  ISSUER,
});

async function start(t: Test, env: Record<string, string>, more: InstanceOptions): Promise<Instance> {
  return startInstance(t, { clock, env, ...more });
}

/** Values that one instance makes, by kind, and whether another accepts them. */
interface Kind {
  readonly make: (at: Instance) => Promise<string>;
  readonly works: (at: Instance, made: string) => Promise<boolean>;
}

const isOk = async (reply: Promise<{ readonly status: number }>) => (await reply).status === 200;
const asClient = (at: Instance, client_id: string, secret = SECRET) =>
  isOk(at.post("/oauth2/token", { grant_type: "client_credentials" }, basic(client_id, secret)));
const assertion = (jti: string) =>
  jws({ alg: "HS256" }, claimsOf("sharer", ISSUER, clock.now(), { jti }), hmac(SECRET));
const asSharer = (at: Instance, jti: string) =>
  isOk(at.post("/oauth2/token", asserted(assertion(jti), { grant_type: "client_credentials" })));
const asMeter = async (at: Instance, jwt: string) =>
  (await at.post("/as/token", { client_id: "meter", client_secret: jwt })).status === 201;
const sessions = ({ db, master, random }: Core) => browserSessions({ db, master, clock, random });

const KINDS: Readonly<Record<string, Kind>> = {
  "a refresh token": {
    make: async (at) => (await logIn(at, ALICE)).json.refresh_token,
    works: (at, refresh_token) => isOk(refresh(at, refresh_token)),
  },
  "a signed access token": { make: async (at) => (await logIn(at, ALICE)).json.access_token, works: isActive },
  "an opaque access token": {
    make: async (at) =>
      (await at.post("/oauth2/token", { grant_type: "password", scope: "api1", ...ALICE }, basic("kiosk", SECRET))).json
        .access_token,
    works: isActive,
  },
  "an authorization code": {
    make: async (at) => {
      const browser = new Browser(at);
      const page = await browser.open(authorize({ client_id: "trusted" }));
      return answerOf(await browser.submit(page, "login", { ...ALICE, action: "login" })).code!;
    },
    works: (at, code) => isOk(exchange(at, { code }, basic("trusted", SECRET))),
  },
  "a device code": {
    make: async ({ core }) => writeDeviceCode(core.master, "A".repeat(22)),
    works: async ({ core }, code) => readDeviceCode(core.master, code) !== undefined,
  },
  "a user code": {
    make: async ({ core }) => userCodeOf(core.master, "A".repeat(22)),
    works: async ({ core }, code) => userCodeOf(core.master, "A".repeat(22)) === code,
  },
  "a nonce for DPoP proofs": {
    make: async ({ core }) => new DpopNonces(core.master, clock).current(),
    works: async ({ core }, nonce) => new DpopNonces(core.master, clock).expiryOf(nonce) !== undefined,
  },
  "a permission ticket": {
    make: async ({ core }) => writeTicket(core.master, "A".repeat(22)),
    works: async ({ core }, ticket) => readTicket(core.master, ticket) !== undefined,
  },
  "a persisted claims token": {
    make: async ({ core }) => writePersistedClaims(core, { sub: "user-alice", user_epoch: 0, client_id: "web" }),
    works: async ({ core }, text) => readPersistedClaims(core, text, "web") !== undefined,
  },
  "a known browser": {
    make: async ({ core }) => knownBrowserCookie(core, systemRandom, "user-alice"),
    works: async ({ core }, cookie) => knownBrowser(core, cookie, "user-alice") !== undefined,
  },
  "the token of a form": {
    make: async ({ core }) => sessions(core).formToken("browser", "login"),
    works: async ({ core }, token) => sessions(core).checkFormToken("browser", "login", token),
  },
  "a browser session": {
    make: async ({ core }) => {
      const person = (await core.db.prisma.user.findUniqueOrThrow({ where: { sub: "user-alice" } })) as never;
      return (await sessions(core).logIn(person, ["pwd"], undefined)).cookie;
    },
    works: async ({ core }, cookie) => (await sessions(core).find(cookie)) !== undefined,
  },
  "a confirmation code": {
    make: async ({ core }) => core.codes.issue("bob@example.com", true),
    works: async ({ core }, code) => core.codes.redeem("bob@example.com", code),
  },
  "a password": { make: async () => "", works: async (at) => isOk(logIn(at, BOB)) },
  "a password whose hash was imported": { make: async () => "", works: async (at) => isOk(logIn(at, MOVED)) },
  "a client secret": { make: async () => "", works: (at) => asClient(at, "backend") },
  "a client secret whose hash was imported": {
    make: async () => "",
    works: (at) => asClient(at, "moved", MOVED.password),
  },
  "the PSK of a device": {
    make: async () => "",
    works: async ({ core }) => (await devicePsks(core)(Buffer.from("meter"))).equals(Buffer.from(SECRET)),
  },
  "a client secret that is needed in clear": { make: async () => randomUUID(), works: asSharer },
};

/** A database that was claimed by the old key, as the start of a server does it. */
async function oldDatabase(t: Test): Promise<string> {
  const database = await freshDatabase(t);
  const { fingerprint } = new MasterKey(Buffer.from(OLD, "base64url"));
  await sql(database, "INSERT INTO installation (id, master_key_fingerprint) VALUES (1, $1)", [fingerprint]);
  return database;
}

t.test("an instance accepts tokens made under the other key", async (t) => {
  const database = await oldDatabase(t);
  const before = await start(t, keysOf(OLD, NEW), { database, provision: FILE });
  const after = await start(t, keysOf(NEW, OLD), { database });
  for (const [name, { make, works }] of Object.entries(KINDS)) {
    t.ok(await works(after, await make(before)), `${name}, of the old key`);
    t.ok(await works(before, await make(after)), `${name}, of the new key`);
  }
});

t.test("the master key is changed while servers run", async (t) => {
  const database = await oldDatabase(t);
  const old = await start(t, { MASTER_KEY: OLD, ISSUER }, { database, provision: FILE });
  const made = new Map<string, string>();
  for (const [name, { make }] of Object.entries(KINDS)) made.set(name, await make(old));
  const jti = randomUUID();
  t.ok(await asSharer(old, jti));
  const proof = deviceJwt("meter", meter);
  t.ok(await asMeter(old, proof));
  await old.stop();

  const rotate = async (env: Record<string, string>) => {
    const lines: string[] = [];
    const printed = await runCommandLine(
      ["master-key", "rotate", "--json"],
      async () => "",
      { DATABASE_URL: database, ...env },
      clock,
      (line) => lines.push(line),
    );
    return JSON.parse(printed) as Record<string, any>[];
  };
  const of = (rows: Record<string, any>[], kind: string) => rows.find((row) => row.kind === kind)!;

  await t.rejects(
    rotate({ MASTER_KEY: OLD }),
    /everything is sealed under this master key: set MASTER_KEY to a new key/,
  );
  await t.rejects(rotate({ MASTER_KEY: NEW }), /the master key is not the one this database was written under/);

  const now = await start(t, keysOf(NEW, OLD), { database });
  const first = await rotate(keysOf(NEW, OLD));
  t.equal(of(first, "signing keys").sealed_again, 4);
  t.equal(of(first, "client secrets").sealed_again, 1);
  t.equal(of(first, "imported client secrets").sealed_again, 1);
  t.equal(of(first, "imported passwords").sealed_again, 1);
  t.equal(of(first, "pre-shared keys of devices").sealed_again, 1);
  t.ok(of(first, "passwords").under_an_earlier_key > 0);
  t.ok(of(first, "hashed client secrets").under_an_earlier_key > 0);
  const needed = Date.parse(of(first, "earlier master keys").may_be_destroyed);
  t.ok(needed > clock.now() + 13 * 86_400_000, "the longest refresh token is waited for");

  t.test("earlier tokens still work", async (t) => {
    for (const [name, { works }] of Object.entries(KINDS)) t.ok(await works(now, made.get(name)!), name);
    t.notOk(await asSharer(now, jti), "an assertion that was used is still used");
    t.notOk(await asMeter(now, proof), "and so is a device's JWT");
    t.ok(await asMeter(now, deviceJwt("meter", meter)));
  });

  t.test("a provisioning file that was applied is not written again", async (t) => {
    await sql(database, "UPDATE clients SET disabled = true WHERE client_id = 'poster'");
    await now.apply(FILE);
    t.strictSame(await sql(database, "SELECT disabled FROM clients WHERE client_id = 'poster'"), [{ disabled: true }]);
  });

  t.test("used hashes are under the new key, and a second run seals nothing", async (t) => {
    const second = await rotate(keysOf(NEW, OLD));
    for (const kind of ["signing keys", "client secrets", "imported client secrets", "imported passwords"]) {
      t.equal(of(second, kind).sealed_again, 0, kind);
    }
    for (const kind of ["passwords", "hashed client secrets"]) {
      t.ok(of(second, kind).under_an_earlier_key < of(first, kind).under_an_earlier_key, kind);
    }
    t.equal(of(second, "earlier master keys").may_be_destroyed, of(first, "earlier master keys").may_be_destroyed);
  });

  t.test("without the old key renewed values work, and the old key opens nothing", async (t) => {
    await now.stop();
    const alone = await start(t, { MASTER_KEY: NEW, ISSUER }, { database });
    t.ok(await isOk(logIn(alone, BOB)), "a password that was used since");
    t.ok(await asClient(alone, "backend"), "a client secret that was used since");
    t.ok(await asSharer(alone, randomUUID()));
    t.ok(await KINDS["the PSK of a device"]!.works(alone, ""), "the PSK of a device");
    t.ok(await KINDS["a browser session"]!.works(alone, made.get("a browser session")!), "a browser session");
    t.notOk(await asMeter(alone, proof), "a device's JWT is used for ever");
    t.notOk(await asClient(alone, "poster"), "a client secret that was not");
    await t.rejects(rotate({ MASTER_KEY: OLD }), /the master key is not the one this database was written under/);
    await alone.stop();
  });

  t.test("it can be changed again", async (t) => {
    const third = await start(t, keysOf(NEXT, NEW, OLD), { database });
    const rows = await rotate(keysOf(NEXT, NEW, OLD));
    t.equal(of(rows, "signing keys").sealed_again, 4);
    t.ok(await isOk(logIn(third, ALICE)), "a password under the key before the last");
    t.notOk(await asMeter(third, proof));
  });
});

t.test("a rotation that is stopped continues with the next run", async (t) => {
  const database = await oldDatabase(t);
  await (await start(t, { MASTER_KEY: OLD, ISSUER }, { database, provision: FILE })).stop();
  const server = await start(t, keysOf(NEW, OLD), { database });
  await sql(database, "ALTER TABLE users RENAME COLUMN password_hash TO away");
  const rotate = () =>
    runCommandLine(
      ["master-key", "rotate", "--json"],
      async () => "",
      { DATABASE_URL: database, ...keysOf(NEW, OLD) },
      clock,
    );
  await t.rejects(rotate(), /the command failed unexpectedly/);
  t.ok(await asSharer(server, randomUUID()), "half of it is sealed again, and is read");
  await sql(database, "ALTER TABLE users RENAME COLUMN away TO password_hash");
  const rows = JSON.parse(await rotate()) as Record<string, unknown>[];
  t.equal(rows.find(({ kind }) => kind === "signing keys")!.sealed_again, 0, "what was done is not done again");
  t.equal(rows.find(({ kind }) => kind === "imported passwords")!.sealed_again, 1);
});

t.test("an earlier backup is read with its key in MASTER_KEY_PREVIOUS, and not without", async (t) => {
  const file = join(t.testdir({}), "old.backup");
  const keyOf = (text: string) => Buffer.from(text, "base64url");
  const old = new MasterKey(keyOf(OLD));
  const header = JSON.stringify({ jeton_backup: BACKUP_FORMAT, master_key: old.fingerprint });
  async function* lines() {
    yield* [header, '{"row":1}'];
  }
  await writeBackupFile(file, lines(), old.derive("backup"), systemRandom);
  const opened = await openBackupFile(file, new MasterKey(keyOf(NEW), systemRandom, [keyOf(OLD)]));
  const read: string[] = [];
  for await (const line of opened.lines) read.push(line);
  t.strictSame(read, ['{"row":1}']);
  await t.rejects(
    openBackupFile(file, new MasterKey(keyOf(NEW))),
    /the master key is not the one this backup was written under/,
  );
});

/** What in this file shows that each purpose outlives a change of the key. */
const SHOWN_BY: Readonly<Record<string, string>> = {
  "signing-key": "a signed access token",
  "client-secret": "a client secret",
  "access-token": "an opaque access token",
  "refresh-token": "a refresh token",
  "authorization-code": "an authorization code",
  "dpop-nonce": "a nonce for DPoP proofs",
  "device-code": "a device code",
  "user-code": "a user code",
  assertion: "an assertion that was used is still used",
  "permission-ticket": "a permission ticket",
  "persisted-claims": "a persisted claims token",
  "device-jti": "a device's JWT is used for ever",
  "device-psk": "the PSK of a device",
  cookie: "a browser session",
  form: "the token of a form",
  password: "a password",
  "imported-hash": "a password whose hash was imported",
  decoy: "it decides how long a wrong password takes: nothing is stored",
  "confirmation-code": "a confirmation code",
  tries: "it is a lasting key as that of sessions",
  registration: "it is a lasting key as that of sessions",
  "pairwise-subject": "test/clients/pairwise.test.ts: the sub stays when the master key changes",
  console: "it is a lasting key as that of sessions: the client of the console keeps its secret",
  "known-browser": "a known browser",
  "admin-answer": "it lasts for a day: an administrator asks again",
  "audit-key": "test/audit/writers.test.ts: the log goes on under another master key",
  "admin-cursor": "an administrator begins the list again: nothing is stored",
  backup: "an earlier backup is read with its key in MASTER_KEY_PREVIOUS, and not without",
  "lasting-keys": "it can be changed again",
  "provisioned-entry": "a provisioning file that was applied is not written again",
};

t.test("every purpose of the master key is tested", async (t) => {
  const source = await readFile(join(ROOT, "src", "keys", "master-key.ts"), "utf8");
  const purposes = [...source.matchAll(/^  \| "([a-z-]+)" \/\//gm)].map(([, name]) => name!);
  t.ok(purposes.length > 15);
  t.strictSame(
    purposes.filter((name) => !(name in SHOWN_BY)),
    [],
  );
});

t.test("random bytes are handed out once", async (t) => {
  const taken = Array.from({ length: 2_000 }, (_, index) => systemRandom(index % 2 === 0 ? 16 : 12));
  t.equal(new Set(taken.map((bytes) => bytes.toString("hex"))).size, taken.length);
  t.notOk(taken.some((bytes) => bytes.equals(Buffer.alloc(bytes.length))));
  const first = systemRandom(16);
  const second = systemRandom(16);
  const before = second.toString("hex");
  first.fill(0);
  t.equal(second.toString("hex"), before, "and whoever writes over them changes no others");
  t.strictSame(
    [0, 1, 16, 17, 5_000].map((size) => systemRandom(size).length),
    [0, 1, 16, 17, 5_000],
  );
});
