import { createHash, createHmac, pbkdf2Sync, scryptSync } from "node:crypto";
import argon2 from "argon2";
import bcrypt from "bcrypt";
import t from "tap";
import { Decoys } from "../../src/accounts/decoys.js";
import { readImportedHash } from "../../src/accounts/imported-hash/encodings.js";
import { MasterKey } from "../../src/keys/master-key.js";
import { replacePasswordHash } from "../../src/store/password-hashes.js";
import { setPassword } from "../../src/store/users.js";
import { sql } from "../support/database.js";
import { everythingIn } from "../support/dump.js";
import { FLEET } from "../support/fleet.js";
import { basic, startInstance, type Instance } from "../support/instance.js";
import { logIn } from "../support/tokens.js";

const PASSWORD = "correct horse ß";
const SALT = "saltsaltsalt";
const b64 = (bytes: Buffer) => bytes.toString("base64");
const bare = (bytes: Buffer) => b64(bytes).replaceAll("=", "");
const pbkdf2 = (hash: string, count = 1_000, length = 32) => pbkdf2Sync(PASSWORD, SALT, count, length, hash);
const scrypt = (N: number, r: number, p: number) => scryptSync(PASSWORD, SALT, 64, { N, r, p });
const cheap = { memoryCost: 1_024, timeCost: 2, parallelism: 1 };
const fast = (text: string) => bcrypt.hashSync(text, 4);

/** As Keycloak writes it into an exported realm. */
const keycloak = (credential: object, secret: object) => ({
  type: "password",
  secretData: JSON.stringify({ ...secret, additionalParameters: {} }),
  credentialData: JSON.stringify({ ...credential }),
});

function aspNet(function_: number, hash: string): string {
  const head = Buffer.alloc(13);
  head.writeUInt8(1, 0);
  [function_, 1_000, SALT.length].forEach((number, index) => head.writeUInt32BE(number, 1 + 4 * index));
  return b64(Buffer.concat([head, Buffer.from(SALT), pbkdf2(hash)]));
}

async function argon2OfKeycloak() {
  const salt = Buffer.from(SALT);
  const digest = await argon2.hash(PASSWORD, { ...cheap, salt, raw: true });
  const additionalParameters = {
    hashLength: ["32"],
    memory: ["1024"],
    type: ["id"],
    version: ["1.3"],
    parallelism: ["1"],
  };
  return keycloak(
    { hashIterations: 2, algorithm: "argon2", additionalParameters },
    { value: b64(digest), salt: b64(salt) },
  );
}

/** One hash of PASSWORD in each encoding. */
const HASHES: Readonly<Record<string, unknown>> = {
  "bcrypt 2b": fast(PASSWORD),
  "bcrypt 2a": fast(PASSWORD).replace("$2b$", "$2a$"),
  "bcrypt 2y": fast(PASSWORD).replace("$2b$", "$2y$"),
  "bcrypt of Django": `bcrypt$${fast(PASSWORD)}`,
  "bcrypt with SHA-256 of Django": `bcrypt_sha256$${fast(createHash("sha256").update(PASSWORD).digest("hex"))}`,
  "bcrypt of WordPress": `$wp${fast(createHmac("sha384", "wp-sha384").update(PASSWORD).digest("base64")).replace("$2b$", "$2y$")}`,
  argon2id: await argon2.hash(PASSWORD, cheap),
  argon2i: await argon2.hash(PASSWORD, { ...cheap, type: argon2.argon2i }),
  argon2d: await argon2.hash(PASSWORD, { ...cheap, type: argon2.argon2d }),
  "argon2 of Django": `argon2${await argon2.hash(PASSWORD, cheap)}`,
  "argon2 of Keycloak": await argon2OfKeycloak(),
  "scrypt in PHC form": `$scrypt$ln=10,r=8,p=1$${bare(Buffer.from(SALT))}$${bare(scrypt(1_024, 8, 1))}`,
  "scrypt of Django": `scrypt$1024$${SALT}$8$5$${b64(scrypt(1_024, 8, 5))}`,
  "scrypt of Werkzeug": `scrypt:1024:8:1$${SALT}$${scrypt(1_024, 8, 1).toString("hex")}`,
  "PBKDF2 with SHA-256 of Django": `pbkdf2_sha256$1000$${SALT}$${b64(pbkdf2("sha256"))}`,
  "PBKDF2 with SHA-1 of Django": `pbkdf2_sha1$1000$${SALT}$${b64(pbkdf2("sha1", 1_000, 20))}`,
  "PBKDF2 in PHC form": `$pbkdf2-sha512$i=1000,l=64$${bare(Buffer.from(SALT))}$${bare(pbkdf2("sha512", 1_000, 64))}`,
  "PBKDF2 of passlib": `$pbkdf2-sha256$1000$${bare(Buffer.from(SALT))}$${bare(pbkdf2("sha256")).replaceAll("+", ".")}`,
  "PBKDF2 of Werkzeug": `pbkdf2:sha256:1000$${SALT}$${pbkdf2("sha256").toString("hex")}`,
  "PBKDF2 with SHA-256 of Keycloak": keycloak(
    { hashIterations: 1_000, algorithm: "pbkdf2-sha256" },
    { value: b64(pbkdf2("sha256", 1_000, 64)), salt: b64(Buffer.from(SALT)) },
  ),
  "PBKDF2 with SHA-512 of Keycloak, as a text": JSON.stringify(
    keycloak(
      { hashIterations: 1_000, algorithm: "pbkdf2-sha512" },
      { value: b64(pbkdf2("sha512", 1_000, 64)), salt: b64(Buffer.from(SALT)) },
    ),
  ),
  "ASP.NET Identity 3 with SHA-1": aspNet(0, "sha1"),
  "ASP.NET Identity 3 with SHA-256": aspNet(1, "sha256"),
  "ASP.NET Identity 3 with SHA-512": aspNet(2, "sha512"),
};

/** Hashes that other programs made, as their documentation and tests have them. */
const PUBLISHED: readonly (readonly [password: string, hash: string])[] = [
  ["U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
  ["password", "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ"],
  ["password", "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E"],
  ["test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"],
  ["my password", "AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M"],
  ["my password", "ANXrDknc7fGPpigibZXXZFMX4aoqz44JveK6jQuwY3eH/UyPhvr5xTPeGYEckLxz9A=="],
];

const stored = async ({ database }: Instance, sub: string): Promise<string> =>
  (await sql(database, "SELECT password_hash FROM users WHERE sub = $1", [sub]))[0]!.password_hash as string;

t.test("a login with an imported hash succeeds, and replaces it by a hash of ours", async (t) => {
  const named = [
    ...Object.entries(HASHES).map(([name, hash]) => ({ name, password: PASSWORD, hash })),
    ...PUBLISHED.map(([password, hash]) => ({ name: hash.slice(0, 12), password, hash })),
  ];
  const users = named.map(({ hash }, index) => ({
    sub: `p${index}`,
    preferred_username: `person-${index}`,
    password_hash: hash,
  }));
  const server = await startInstance(t, { provision: { clients: FLEET.clients, users } });

  const everything = JSON.stringify(await everythingIn(server.database));
  t.notMatch(everything, /\$2[aby]\$|pbkdf2|scrypt|secretData/, "none of them stands in the database");

  for (const [index, { name, password }] of named.entries()) {
    const before = await stored(server, `p${index}`);
    t.match(before, /^imported:[\w-]+$/, name);
    t.equal(
      (await logIn(server, { username: `person-${index}`, password: `${password}x` })).status,
      400,
      `${name}, a wrong password`,
    );
    t.equal(
      (await logIn(server, { username: `person-${index}`, password: password })).status,
      200,
      `${name}, the first time`,
    );
    t.match(await stored(server, `p${index}`), /^\$argon2id\$/, name);
  }
  t.equal((await logIn(server, { username: "person-0", password: PASSWORD })).status, 200, "the second time");

  t.test("a file that is applied again reverts nothing", async (t) => {
    await server.apply({ users });
    t.match(await stored(server, "p0"), /^\$argon2id\$/);
  });

  t.test("a disabled person stays out, and keeps the hash", async (t) => {
    await server.apply({ users: [{ ...users[0], disabled: true }] });
    t.equal((await logIn(server, { username: "person-0", password: PASSWORD })).status, 400);
    t.match(await stored(server, "p0"), /^imported:/);
  });

  t.test("the part of a password that bcrypt ignores never becomes significant", async (t) => {
    const long = "x".repeat(72);
    await server.apply({ users: [{ sub: "long", preferred_username: "long", password_hash: fast(`${long}yz`) }] });
    t.equal(
      (await logIn(server, { username: "long", password: `${long}typo` })).status,
      200,
      "as in the system before",
    );
    t.equal((await logIn(server, { username: "long", password: `${long}yz` })).status, 200);
    t.match(await stored(server, "long"), /^imported:/);
    t.equal((await logIn(server, { username: "long", password: long })).status, 200);
    t.match(await stored(server, "long"), /^\$argon2id\$/);
  });

  t.test("another form of the same characters is the same password", async (t) => {
    await server.apply({ users: [{ sub: "form", preferred_username: "form", password_hash: fast("caf\u00e9") }] });
    t.equal((await logIn(server, { username: "form", password: "cafe\u0301" })).status, 200);
    t.equal((await logIn(server, { username: "form", password: "caf\u00e9" })).status, 200);
  });
});

t.test("a password changed during a login stays changed, and the login ends", async (t) => {
  const users = [{ sub: "erin", preferred_username: "erin", password_hash: fast(PASSWORD) }];
  const server = await startInstance(t, { provision: { clients: FLEET.clients, users } });
  const { db, passwords } = server.core;
  const changed = await passwords.hash("another password");
  const renewed = passwords.renewed.bind(passwords);
  passwords.renewed = async (...given) => {
    const ours = await renewed(...given);
    await db.prisma.$transaction((tx) => setPassword(tx, "erin", changed));
    return ours;
  };
  const { json } = await logIn(server, { username: "erin", password: PASSWORD });
  t.equal(await stored(server, "erin"), changed);
  const refresh = { grant_type: "refresh_token", client_id: "mobile", refresh_token: json.refresh_token };
  t.equal((await server.post("/oauth2/token", refresh)).status, 400);
  t.equal((await logIn(server, { username: "erin", password: PASSWORD })).status, 400);
});

t.test("of several simultaneous first logins on two instances one replaces the hash, and all succeed", async (t) => {
  const users = [{ sub: "erin", preferred_username: "erin", password_hash: fast(PASSWORD) }];
  const first = await startInstance(t, { provision: { clients: FLEET.clients, users } });
  const second = await startInstance(t, { database: first.database });
  const before = await stored(first, "erin");
  const replies = await Promise.all(
    [first, first, second, second].map((one) => logIn(one, { username: "erin", password: PASSWORD })),
  );
  t.strictSame(
    replies.map(({ status }) => status),
    [200, 200, 200, 200],
  );
  t.notOk(await replacePasswordHash(first.core.db, "erin", before, "x"), "what was replaced is replaced once");
  t.match(await stored(first, "erin"), /^\$argon2id\$/);
});

t.test("a client with an imported secret authenticates, and then has a hash of ours", async (t) => {
  const client = { grant_types: ["client_credentials"], scope: "api1" };
  const hashes = [
    HASHES["bcrypt 2y"],
    HASHES["PBKDF2 with SHA-256 of Django"],
    HASHES["PBKDF2 with SHA-256 of Keycloak"],
  ];
  const clients = hashes.map((client_secret_hash, index) => ({
    ...client,
    client_id: `c${index}`,
    client_secret_hash,
  }));
  const server = await startInstance(t, { provision: { clients } });
  const ask = (client_id: string, secret: string) =>
    server.post("/oauth2/token", { grant_type: "client_credentials" }, basic(client_id, secret));
  const secretOf = async (client_id: string) =>
    (await sql(server.database, "SELECT hash, imported FROM client_secrets WHERE client_id = $1", [client_id]))[0]!;

  for (const { client_id } of clients) {
    t.match(await secretOf(client_id), { hash: null });
    t.equal((await ask(client_id, "wrong")).status, 401);
    const replies = await Promise.all([1, 2, 3].map(() => ask(client_id, PASSWORD)));
    t.strictSame(
      replies.map(({ status }) => status),
      [200, 200, 200],
      client_id,
    );
    t.match(await secretOf(client_id), { hash: Buffer, imported: null });
    t.equal((await ask(client_id, PASSWORD)).status, 200);
    t.equal((await ask(client_id, "wrong")).status, 401);
  }
});

t.test("an unknown name is checked against a hash whose price is as frequent among users", (t) => {
  const decoys = new Decoys(new MasterKey(Buffer.alloc(32, 7)));
  const price = (hash: string) => hash.slice(0, 1);
  const sample = (slow: number) =>
    Array.from({ length: 100 }, (_, index) => `${index < slow ? "s" : "f"}${index}`).reverse();
  const names = Array.from({ length: 2_000 }, (_, index) => `name ${index}`);
  t.equal(decoys.for("anybody"), undefined);

  decoys.learn(sample(30), price);
  const before = names.map((name) => price(decoys.for(name)!));
  const share = before.filter((one) => one === "s").length / names.length;
  t.ok(share > 0.25 && share < 0.35, `${share}`);
  decoys.learn(sample(20), price);
  const after = names.map((name) => price(decoys.for(name)!));
  t.ok(
    after.every((one, index) => one === before[index] || one === "f"),
    "a name changes its price at most as people do",
  );
  t.end();
});

t.test("a server knows the prices of the stored hashes from its start", async (t) => {
  const hash = fast(PASSWORD);
  const users = Array.from({ length: 20 }, (_, n) => ({
    sub: `p${n}`,
    preferred_username: `p-${n}`,
    password_hash: hash,
  }));
  const { core } = await startInstance(t, { provision: { users } });
  const compare: (text: string, hash: string) => Promise<boolean> = bcrypt.compare;
  let compared = 0;
  const count: typeof compare = async (text, hash) => {
    compared += 1;
    return compare(text, hash);
  };
  Object.assign(bcrypt, { compare: count });
  t.teardown(() => void Object.assign(bcrypt, { compare }));
  t.notOk(await core.passwords.verify(undefined, PASSWORD, "nobody"), "whose right password is not accepted");
  t.equal(compared, 1);
});

t.test("a hash that would take too long for a login is refused", (t) => {
  const digest = bare(Buffer.alloc(32, 1));
  const expensive: readonly string[] = [
    `$2b$15$${"a".repeat(53)}`,
    `$2b$03$${"a".repeat(53)}`,
    `$argon2id$v=19$m=262144,t=1,p=1$c29tZXNhbHQ$${digest}`,
    `$argon2id$v=19$m=131072,t=9,p=1$c29tZXNhbHQ$${digest}`,
    `$argon2id$v=19$m=65536,t=1,p=99$c29tZXNhbHQ$${digest}`,
    `$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHQ$${digest}`,
    `$scrypt$ln=18,r=8,p=1$c2FsdA$${digest}`,
    `$scrypt$ln=14,r=8,p=99$c2FsdA$${digest}`,
    `scrypt$1000$salt$8$1$${digest}`,
    `pbkdf2_sha256$99000000$salt$${digest}`,
    `pbkdf2_sha256$0$salt$${digest}`,
    `pbkdf2_sha256$1000$salt$${bare(Buffer.alloc(3, 1))}`,
    `$P$T${"a".repeat(30)}`,
  ];
  for (const hash of expensive) t.type(readImportedHash(hash)?.problem, "string", hash);
  t.end();
});
