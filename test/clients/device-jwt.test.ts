import { generateKeyPairSync } from "node:crypto";
import t from "tap";
import { ecdsa, ed25519, hmac, jws, rsa } from "../support/assertions.js";
import { TestClock } from "../support/clock.js";
import { sql } from "../support/database.js";
import { decided } from "../support/decided.js";
import { deviceEntry, deviceJwt, NEW_KEYS, newJti, pemOf } from "../support/devices.js";
import { FLEET } from "../support/fleet.js";
import { startInstance, type Instance } from "../support/instance.js";
import { holds } from "../support/oracle.js";
import { statementsOf } from "../support/statements.js";

const ID = "test.device.01";
const KEY = NEW_KEYS.ES256();
const OTHER = NEW_KEYS.ES256();
const PROVISION = { devices: [deviceEntry(ID, KEY), deviceEntry("test.device.02", OTHER)] };

async function startWithDevices(t: Parameters<typeof startInstance>[0], options: object = {}): Promise<Instance> {
  const server = await startInstance(t, { provision: FLEET, clock: new TestClock(), ...options });
  await server.apply(PROVISION);
  return server;
}

const show = (server: Instance, client_secret: string, client_id = ID) =>
  server.post("/as/token", { client_id, client_secret });

t.test("a device signs with its registered key and the algorithm of that key's type", async (t) => {
  const server = await startWithDevices(t);
  for (const [alg, make] of Object.entries(NEW_KEYS)) {
    await t.test(alg, async (t) => {
      const key = make();
      const id = `device.${alg}`;
      await server.apply({ devices: [deviceEntry(id, key)] });
      t.equal((await show(server, deviceJwt(id, key), id)).status, 201);
      for (const other of Object.keys(NEW_KEYS).filter((one) => one !== alg)) {
        const seen = await show(server, deviceJwt(id, key, { header: { alg: other } }), id);
        t.equal(seen.status, 403, `and not by ${other}`);
      }
    });
  }
});

t.test("a JWT with any deviation is refused", async (t) => {
  const server = await startWithDevices(t);
  const good = () => deviceJwt(ID, KEY);
  const [head, body, signature] = good().split(".") as [string, string, string];
  const padded = Buffer.from(signature, "base64url").toString("base64");
  const der = ecdsa(KEY.privateKey, "sha256", "der");
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
  const pem = KEY.publicKey.export({ type: "spki", format: "pem" }).toString();
  const signed = (header: unknown, claims: unknown) => jws(header, claims, KEY.sign);
  const header = { alg: "ES256", typ: "JWT", kid: ID };
  const claims = () => ({ sub: ID, jti: newJti() });

  const CASES: Readonly<Record<string, string>> = {
    "JW-01 alg none": `${Buffer.from(JSON.stringify({ ...header, alg: "none" })).toString("base64url")}.${body}.`,
    "JW-01 alg NONE": deviceJwt(ID, KEY, { header: { alg: "NONE" } }),
    "JW-01 no alg": deviceJwt(ID, KEY, { header: { alg: undefined } }),
    "JW-01 alg as a list": deviceJwt(ID, KEY, { header: { alg: ["ES256"] } }),
    "JW-02 HS256 with the public key as secret": deviceJwt(ID, KEY, { header: { alg: "HS256" }, signer: hmac(pem) }),
    "AS-07 another device's key": deviceJwt(ID, OTHER),
    "an unknown key": deviceJwt(ID, NEW_KEYS.ES256()),
    "another type of key": deviceJwt(ID, KEY, {
      header: { alg: "EdDSA" },
      signer: ed25519(generateKeyPairSync("ed25519").privateKey),
    }),
    "a short RSA key": deviceJwt(ID, KEY, { header: { alg: "RS256" }, signer: rsa(small) }),
    "JW-05 a kid of another device": deviceJwt(ID, KEY, { header: { kid: "test.device.02" } }),
    "JW-05 a kid that is a path": deviceJwt(ID, KEY, { header: { kid: "../../dev/null" } }),
    "no kid": deviceJwt(ID, KEY, { header: { kid: undefined } }),
    "a sub of another device": deviceJwt(ID, KEY, { claims: { sub: "test.device.02" } }),
    "an unknown device": deviceJwt("test.device.03", KEY),
    "JW-09 another typ": deviceJwt(ID, KEY, { header: { typ: "at+jwt" } }),
    "JW-09 no typ": deviceJwt(ID, KEY, { header: { typ: undefined } }),
    "a typ in lower case": deviceJwt(ID, KEY, { header: { typ: "jwt" } }),
    "JW-06 its own key in the header": deviceJwt(ID, OTHER, {
      header: { jwk: OTHER.publicKey.export({ format: "jwk" }) },
    }),
    "JW-07 crit": deviceJwt(ID, KEY, { header: { crit: ["x"], x: 1 } }),
    "JW-07 b64": deviceJwt(ID, KEY, { header: { b64: false } }),
    "a claim more: iss": deviceJwt(ID, KEY, { claims: { iss: ID } }),
    "a claim more: exp": deviceJwt(ID, KEY, { claims: { exp: 4102444800 } }),
    "a claim more: a key to update to": deviceJwt(ID, KEY, { claims: { public_key: pemOf(OTHER) } }),
    "JW-17 __proto__": signed(header, `{"sub":"${ID}","jti":"${newJti()}","__proto__":{"x":1}}`),
    "no jti": deviceJwt(ID, KEY, { claims: { jti: undefined } }),
    "an empty jti": deviceJwt(ID, KEY, { claims: { jti: "" } }),
    "a jti that is a number": deviceJwt(ID, KEY, { claims: { jti: 1 } }),
    "AS-11 a huge jti": deviceJwt(ID, KEY, { claims: { jti: "A".repeat(5_000) } }),
    "AS-11 a jti that is an object": deviceJwt(ID, KEY, { claims: { jti: {} } }),
    "claims that are a list": signed(header, [claims()]),
    "claims that are no JSON": signed(header, "nothing"),
    "a header that is no JSON": signed("nothing", claims()),
    "JW-16 a DER signature": deviceJwt(ID, KEY, { signer: der }),
    "JW-16 a signature of zeros": deviceJwt(ID, KEY, { signer: () => Buffer.alloc(64) }),
    "JW-16 a signature cut short": deviceJwt(ID, KEY, { signer: (data) => KEY.sign(data).subarray(0, 63) }),
    "JW-15 a padded signature": `${head}.${body}.${padded}`,
    "JW-15 a space in it": `${head}.${body}. ${signature}`,
    "JW-15 another last character": `${good().slice(0, -1)}~`,
    "two parts": `${head}.${body}`,
    "four parts": `${good()}.x`,
    "claims of another JWT under this signature": `${head}.${good().split(".")[1]}.${signature}`,
  };
  for (const [name, client_secret] of Object.entries(CASES)) {
    await t.test(name, async (t) => {
      const id = name === "an unknown device" ? "test.device.03" : ID;
      const refused = await show(server, client_secret, id);
      t.equal(refused.status, 403);
      t.equal(refused.json.error, "FORBIDDEN");
      await holds(t, server, refused);
    });
  }
  await t.test("and none of them used anything up", async (t) => {
    t.strictSame(await sql(server.database, "SELECT * FROM device_jtis"), []);
    t.equal((await show(server, `${head}.${body}.${signature}`)).status, 201);
  });
  await t.test("a device id that the store cannot hold", async (t) => {
    const client_secret = deviceJwt("a\0b", KEY, { claims: { public_key: pemOf(OTHER) } });
    t.equal((await server.post("/device/update/pubkey", { client_secret, pop: "AAAA" })).status, 403);
  });
  await t.test("a body that names another device", async (t) => {
    t.equal((await show(server, good(), "test.device.02")).status, 403);
  });
});

t.test("AS-01 a JWT works once, for ever", async (t) => {
  const clock = new TestClock();
  const server = await startWithDevices(t, { clock });
  const second = await startInstance(t, { database: server.database, clock });

  await t.test("fifty at once on two instances: one", async (t) => {
    const jwt = deviceJwt(ID, KEY);
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, i) => decided(() => show([server, second][i % 2]!, jwt))),
    );
    t.strictSame(all.map(({ status }) => status).sort(), [201, ...Array.from({ length: 49 }, () => 403)]);
  });
  await t.test("after ten years, a sweep and a restart", async (t) => {
    const jwt = deviceJwt(ID, KEY);
    t.equal((await show(server, jwt)).status, 201);
    clock.advance(10 * 365 * 86_400);
    const { openSweep } = await import("../../src/store/sweep.js");
    await openSweep(server.core.db)(clock.statement());
    const later = await startInstance(t, { database: server.database, clock });
    t.equal((await show(later, jwt)).status, 403);
  });
  await t.test("signed again with the same jti: still the same", async (t) => {
    const claims = { jti: newJti() };
    t.equal((await show(server, deviceJwt(ID, KEY, { claims }))).status, 201);
    t.equal((await show(server, deviceJwt(ID, KEY, { claims }))).status, 403);
  });
  await t.test("the same jti of another device is another", async (t) => {
    const claims = { jti: newJti() };
    t.equal((await show(server, deviceJwt(ID, KEY, { claims }))).status, 201);
    const id = "test.device.02";
    t.equal((await show(server, deviceJwt(id, OTHER, { claims }), id)).status, 201);
  });
  await t.test("the store keeps sixteen bytes and no jti", async (t) => {
    const rows = await sql(server.database, "SELECT *, length(hash) AS bytes FROM device_jtis");
    t.ok(rows.length > 0);
    t.ok(rows.every(({ bytes, ...row }) => bytes === 16 && Object.keys(row).join() === "hash"));
  });
});

t.test("a device has a limit of requests per hour over all instances", async (t) => {
  const clock = new TestClock();
  const server = await startWithDevices(t, { clock });
  const second = await startInstance(t, { database: server.database, clock });
  const used = deviceJwt(ID, KEY);
  t.equal((await show(server, used)).status, 201);

  await t.test("replays and foreign JWTs do not count", async (t) => {
    for (let i = 0; i < 5; i += 1) {
      t.equal((await show(server, used)).status, 403);
      t.equal((await show(server, deviceJwt(ID, OTHER))).status, 403);
    }
    const [row] = await sql(server.database, "SELECT count FROM tries");
    t.match(row, { count: 1 });
  });
  const fresh = Array.from({ length: 120 }, () => deviceJwt(ID, KEY));
  const all = await Promise.all(fresh.map((jwt, i) => decided(() => show([server, second][i % 2]!, jwt))));
  t.equal(all.filter(({ status }) => status === 201).length, 99);
  const slowed = all.filter(({ status }) => status === 429);
  t.match(slowed[0]!.json, { error: "TOO_MANY_REQUESTS", error_description: "Slow down" });
  // A request in the same moment as the last attempt does not see the wait yet.
  t.equal(Math.max(...slowed.map(({ headers }) => Number(headers.get("retry-after")))), 60);

  await t.test("a refused request succeeds later", async (t) => {
    const turnedAway = fresh[all.findIndex(({ status }) => status === 429)]!;
    clock.advance(61);
    t.equal((await show(server, turnedAway)).status, 201);
    t.equal((await show(server, deviceJwt(ID, KEY))).status, 429, "one in a minute");
  });
  await t.test("and has no access to other devices", async (t) => {
    t.equal((await show(server, deviceJwt("test.device.02", OTHER), "test.device.02")).status, 201);
  });
});

t.test("no entry makes a client of a device or a device of a client", async (t) => {
  const server = await startWithDevices(t);
  await t.rejects(server.apply({ clients: [{ client_id: ID, client_secret: "x" }] }), /in use/);
  await t.rejects(server.apply({ devices: [deviceEntry("backend", KEY)] }), /in use/);
  await t.rejects(server.apply({ devices: [deviceEntry("user-alice", KEY)] }), /in use/);
  const secp256k1 = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  await t.rejects(
    server.apply({ devices: [deviceEntry("d3", { ...KEY, ...secp256k1 })] }),
    /devices\[0\]\.jwk: must be a P-256, P-384, Ed25519 or RSA key/,
  );
  const method = { client_id: "sly", token_endpoint_auth_method: "device_jwt" };
  await t.rejects(server.apply({ clients: [method] }), /token_endpoint_auth_method/);
  t.equal((await show(server, deviceJwt(ID, KEY))).status, 201);
});

t.test("a token for a device runs four statements, and none where the JWT is malformed", async (t) => {
  const server = await startWithDevices(t);
  await show(server, deviceJwt(ID, KEY));
  const jwt = deviceJwt(ID, KEY);
  t.equal((await statementsOf(() => show(server, jwt))).length, 4, "the device, its secrets, a try, the jti");
  t.equal((await statementsOf(() => show(server, "a.b.c"))).length, 0);

  const { access_token: token } = (await show(server, deviceJwt(ID, KEY))).json;
  t.equal((await statementsOf(() => server.post("/idp/introspect", { token }))).length, 1, "a look at it one");
  const client_secret = deviceJwt(ID, KEY, { claims: { public_key: pemOf(OTHER) } });
  const update = () => server.post("/device/update/pubkey", { client_secret, pop: OTHER.prove(client_secret) });
  t.equal((await statementsOf(update)).length, 5, "and a new key one more");
});
