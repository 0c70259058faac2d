import { generateKeyPairSync } from "node:crypto";
import t from "tap";
import { useDeviceJwt } from "../../src/store/devices.js";
import { TestClock } from "../support/clock.js";
import { decided } from "../support/decided.js";
import { deviceEntry, deviceJwt, NEW_KEYS, pemOf, type DeviceKey } from "../support/devices.js";
import { FLEET } from "../support/fleet.js";
import { startInstance, type Instance } from "../support/instance.js";

const ID = "test.device.01";
const PATH = "/device/update/pubkey";

const bring = (old: DeviceKey, next: DeviceKey, public_key = pemOf(next)) =>
  deviceJwt(ID, old, { claims: { public_key } });

t.test("a device replaces its key", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: FLEET, clock });
  const second = await startInstance(t, { database: server.database, clock });
  let key: DeviceKey = NEW_KEYS.ES256();
  await server.apply({ devices: [deviceEntry(ID, key)] });
  const update = (jwt: string, pop: string, on: Instance = server) => on.post(PATH, { client_secret: jwt, pop });
  const asks = async (one: DeviceKey, on: Instance = server) =>
    (await on.post("/as/token", { client_id: ID, client_secret: deviceJwt(ID, one) })).status;

  for (const [alg, make] of Object.entries(NEW_KEYS)) {
    await t.test(
      `a new ${alg} key is accepted, and the old key refused, on every instance with the next request`,
      async (t) => {
        const next = make();
        await asks(key, second);
        const jwt = bring(key, next);
        const seen = await update(jwt, next.prove(jwt));
        t.strictSame([seen.status, seen.text], [201, '{"Success":"Public key updated"}']);
        const both = [server, second];
        t.strictSame(await Promise.all(both.map((on) => asks(key, on))), [403, 403]);
        t.strictSame(await Promise.all(both.map((on) => asks(next, on))), [201, 201]);
        key = next;
      },
    );
  }
  await t.test("the JWT may be sent in the header or in a JSON body", async (t) => {
    const [one, two] = [NEW_KEYS.ES256(), NEW_KEYS.ES256()];
    const first = bring(key, one);
    t.equal((await server.post(PATH, { pop: one.prove(first) }, { Authorization: first })).status, 201);
    const then = bring(one, two);
    const body = JSON.stringify({ client_secret: then, pop: two.prove(then) });
    const headers = { "Content-Type": "application/json" };
    t.equal((await server.send(PATH, { method: "POST", body, headers })).status, 201);
    key = two;
  });

  const next = NEW_KEYS.ES256();
  const stranger = NEW_KEYS.ES256();
  const secret = next.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
  const k1 = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey;
  const pem = (one: typeof rsa) => one.export({ type: "spki", format: "pem" }).toString();
  type Case = readonly [string, () => readonly [jwt: string, pop: string], string];
  const proved = (jwt: string, by = next): readonly [string, string] => [jwt, by.prove(jwt)];
  const CASES: readonly Case[] = [
    ["a proof by the old key", () => proved(bring(key, next), key), "proof_of_possession_wrong"],
    ["a proof by an unrelated key", () => proved(bring(key, next), stranger), "proof_of_possession_wrong"],
    ["a proof over another JWT", () => [bring(key, next), next.prove(bring(key, next))], "proof_of_possession_wrong"],
    ["a proof that is not base64", () => [bring(key, next), "%%%"], "proof_of_possession_wrong"],
    [
      "a proof in base64url",
      () => {
        // One proof in a hundred is the same text in both.
        for (;;) {
          const [jwt, proof] = proved(bring(key, next));
          const other = Buffer.from(proof, "base64").toString("base64url");
          if (other !== proof) return [jwt, other];
        }
      },
      "proof_of_possession_wrong",
    ],
    [
      "a raw signature for a DER one",
      () => {
        const jwt = bring(key, next);
        return [jwt, next.sign(Buffer.from(jwt)).toString("base64")];
      },
      "proof_of_possession_wrong",
    ],
    ["a JWT by the new key", () => proved(bring(next, next)), "device_jwt_wrong"],
    ["a JWT without a key", () => proved(deviceJwt(ID, key)), "device_jwt_wrong"],
    ["a key that is no text", () => proved(deviceJwt(ID, key, { claims: { public_key: {} } })), "device_jwt_wrong"],
    ["an unreadable key", () => proved(bring(key, next, "none")), "device_key_unusable"],
    ["a private key", () => proved(bring(key, next, secret)), "device_key_unusable"],
    ["two keys", () => proved(bring(key, next, pemOf(next) + pemOf(next))), "device_key_unusable"],
    ["a key on an unsupported curve", () => proved(bring(key, next, pem(k1))), "device_key_unusable"],
    ["a short RSA key", () => proved(bring(key, next, pem(rsa))), "device_key_unusable"],
  ];
  for (const [name, make, because] of CASES) {
    await t.test(`${name} is refused, and the old key stays valid`, async (t) => {
      const seen = await update(...make());
      t.equal(seen.status, 403);
      t.equal(seen.json.error, "FORBIDDEN");
      t.match(
        server.log.findLast(({ type }) => type === "decision"),
        { refused_with: because },
      );
      t.equal(await asks(key), 201, "the old key goes on");
    });
  }
  await t.test("a JWT replaces the key once, and only the registered key may sign it", async (t) => {
    const one = NEW_KEYS.ES256();
    const jwt = bring(key, one);
    t.equal((await update(jwt, one.prove(jwt))).status, 201);
    t.equal((await update(jwt, one.prove(jwt))).status, 403);
    const late = bring(key, stranger);
    t.equal((await update(late, stranger.prove(late), second)).status, 403, "the old one brings no other");
    key = one;
  });
  await t.test("of twenty simultaneous replacements on two instances exactly one succeeds", async (t) => {
    const keys = Array.from({ length: 20 }, () => NEW_KEYS.ES256());
    const all = await Promise.all(
      keys.map((one, i) => {
        const jwt = bring(key, one);
        return decided(() => update(jwt, one.prove(jwt), [server, second][i % 2]));
      }),
    );
    t.equal(all.filter(({ status }) => status === 201).length, 1);
    key = keys[all.findIndex(({ status }) => status === 201)]!;
    t.equal(await asks(key), 201);
  });
  await t.test("a JWT is refused if its key is replaced during the verification", async (t) => {
    const jwks = (await server.core.registry.findUncached(ID))!.jwks;
    const before = { keys: [stranger.publicKey.export({ format: "jwk" })] };
    const hash = Buffer.alloc(16, 1);
    t.notOk(await useDeviceJwt(server.core.db, hash, { client_id: ID, jwks: before }));
    t.ok(await useDeviceJwt(server.core.db, hash, { client_id: ID, jwks }));
  });
  await t.test("applying an unchanged provisioning file again does not restore the old key", async (t) => {
    const first = NEW_KEYS.ES256();
    const file = { devices: [deviceEntry("d2", first)] };
    await server.apply(file);
    const after = NEW_KEYS.ES256();
    const client_secret = deviceJwt("d2", first, { claims: { public_key: pemOf(after) } });
    t.equal((await server.post(PATH, { client_secret, pop: after.prove(client_secret) })).status, 201);
    await server.apply(file);
    const jwt = deviceJwt("d2", after);
    t.equal((await server.post("/as/token", { client_id: "d2", client_secret: jwt })).status, 201);
  });
});
