import { join } from "node:path";
import t from "tap";
import { selfSigned } from "../support/certificate.js";
import { TestClock } from "../support/clock.js";
import { deviceEntry, deviceJwt, NEW_KEYS } from "../support/devices.js";
import { DtlsSocket } from "../support/dtls-socket.js";
import { FLEET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";

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
