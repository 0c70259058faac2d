import { join } from "node:path";
import t from "tap";
import { runCommandLine } from "../../src/command-line.js";
import { ALERT } from "../../src/dtls/alerts.js";
import { selfSigned } from "../support/certificate.js";
import { TestClock } from "../support/clock.js";
import { sql } from "../support/database.js";
import { deviceEntry, deviceJwt, NEW_KEYS } from "../support/devices.js";
import { DtlsSocket } from "../support/dtls-socket.js";
import { FLEET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { MASTER_KEY } from "../support/run.js";

const ID = "test.device.01";

t.test("devices get, renew and introspect their tokens over DTLS, with GCM and with CCM-8", async (t) => {
  const { cert, key } = selfSigned("localhost");
  const folder = t.testdir({ "cert.pem": cert, "key.pem": key });
  const env = { COAPS_PORT: "0", COAPS_CERT: join(folder, "cert.pem"), COAPS_KEY: join(folder, "key.pem") };
  const server = await startInstance(t, { provision: FLEET, clock: new TestClock(), env });
  const device = NEW_KEYS.ES256();
  await server.apply({ devices: [deviceEntry(ID, device)] });
  for (const suite of ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM8"]) {
    const socket = await DtlsSocket.connect(server.coapsPort!, { suites: [suite] });
    t.teardown(() => socket.close());
    const ask = async (path: string, form: Readonly<Record<string, string>>) => {
      const { code, payload } = await socket.post(path, form);
      t.equal(code, "2.01", `${suite} ${path}`);
      return JSON.parse(String(payload)) as Record<string, unknown>;
    };
    const jwt = deviceJwt(ID, device);
    const first = await ask("/as/token", { client_id: ID, client_secret: jwt });
    const second = await ask("/as/renew/token", { client_id: ID, token: String(first.access_token) });
    t.match(await ask("/idp/introspect", { token: String(second.access_token) }), { active: true, sub: ID });
    t.equal((await socket.post("/as/token", { client_id: ID, client_secret: jwt })).code, "4.03", "a jti works once");
  }
});

t.test("a device secures its session with its PSK, which one apply replaces and another removes", async (t) => {
  const { cert, key } = selfSigned("localhost");
  const folder = t.testdir({ "cert.pem": cert, "key.pem": key });
  const clock = new TestClock();
  const env = { COAPS_PORT: "0", COAPS_CERT: join(folder, "cert.pem"), COAPS_KEY: join(folder, "key.pem") };
  const server = await startInstance(t, { provision: FLEET, clock, env });
  const device = NEW_KEYS.ES256();
  const other = NEW_KEYS.ES256();
  const [key1, key2] = ["correct horse battery staple", Buffer.from("00ff".repeat(8), "hex")];
  const connect = async (identity: string, key: string | Buffer) => {
    const socket = await DtlsSocket.connect(server.coapsPort!, { psk: { identity, key } });
    t.teardown(() => socket.close());
    return socket;
  };
  const REFUSED = `alert ${ALERT.decryptError}`;
  const TABLE: readonly (readonly [string, object, string, string | Buffer, string])[] = [
    ["its device_id and its key", { psk: key1 }, ID, key1, "a session"],
    ["another key", { psk: key1 }, ID, `${key1}r`, REFUSED],
    ["an unknown identity", { psk: key1 }, "test.device.02", key1, REFUSED],
    ["an identity that is no text", { psk: key1 }, "\0", key1, REFUSED],
    ["its identity", { psk: key1, psk_identity: "größe" }, "größe", key1, "a session"],
    ["its device_id beside another identity", { psk: key1, psk_identity: "größe" }, ID, key1, REFUSED],
    ["a disabled device", { psk: key1, disabled: true }, ID, key1, REFUSED],
    ["a replaced key", { psk: `0x${key2.toString("hex")}` }, ID, key1, REFUSED],
    ["the new key", { psk: `0x${key2.toString("hex")}` }, ID, key2, "a session"],
    ["a removed key", {}, ID, key2, REFUSED],
  ];
  for (const [what, entry, identity, key, outcome] of TABLE) {
    await server.apply({ devices: [deviceEntry(ID, device, entry)] });
    t.equal((await connect(identity, key)).outcome, outcome, what);
  }

  await t.test("the session does not say who asks in it: each device proves itself by its JWT", async (t) => {
    await server.apply({ devices: [deviceEntry(ID, device, { psk: key1 }), deviceEntry("behind.it", other)] });
    const session = await connect(ID, key1);
    const take = async (client_id: string, client_secret: string) =>
      (await session.post("/as/token", { client_id, client_secret })).code;
    t.equal(await take(ID, deviceJwt(ID, device)), "2.01");
    t.equal(await take("behind.it", deviceJwt("behind.it", other)), "2.01");
    t.equal(await take(ID, "a.b.c"), "4.03");
  });

  await t.test("the key is stored sealed, is not shown, and leaves with its device", async (t) => {
    const cli = (...line: string[]) =>
      runCommandLine(line, async () => "", { DATABASE_URL: server.database, MASTER_KEY }, clock);
    for (const format of [[], ["--json"]]) t.notMatch(await cli("client", "show", ID, ...format), /psk|correct horse/);
    const rows = await sql(server.database, "SELECT device_id, sealed FROM device_psks");
    t.match(rows, [{ device_id: ID }]);
    t.notOk((rows[0] as { sealed: Buffer }).sealed.includes(key1));
    t.notMatch(JSON.stringify(server.log), /correct horse/);
    await cli("client", "delete", ID);
    t.strictSame(await sql(server.database, "SELECT device_id FROM device_psks"), []);
    t.equal((await connect(ID, key1)).outcome, REFUSED);
  });

  await t.test("a store that does not answer ends the handshake, and one line says so", async (t) => {
    await sql(server.database, "ALTER TABLE device_psks RENAME TO away");
    t.equal((await connect(ID, key1)).outcome, `alert ${ALERT.internalError}`);
    t.ok(server.log.some(({ msg }) => String(msg).startsWith("the PSK of a device could not be looked up")));
  });
});
