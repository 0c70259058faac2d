import t from "tap";
import { coapClient } from "../support/coap.js";
import { TestClock } from "../support/clock.js";
import { deviceEntry, deviceJwt, NEW_KEYS } from "../support/devices.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";

const ID = "test.device.01";
const KEY = NEW_KEYS.ES256();
const ERROR_URI = "iot-idp.demo.apps.iothentix.com";
const ISSUER = "https://iot-idp.demo.apps.iothentix.com";

async function startWithDevice(t: Parameters<typeof startInstance>[0]) {
  const env = { ISSUER, IOTHENTIX_ERROR_URI: ERROR_URI, COAP_PORT: "0" };
  const server = await startInstance(t, { provision: FLEET, clock: new TestClock(), env });
  await server.apply({ devices: [deviceEntry(ID, KEY)] });
  return server;
}

t.test("the three documented exchanges work over CoAP", async (t) => {
  const server = await startWithDevice(t);
  const post = coapClient(t, server.coapPort);
  const taken = await post("/as/token", { body: { client_id: ID, client_secret: deviceJwt(ID, KEY) } });
  t.equal(taken.code, "2.01");
  t.equal(taken.format, "application/json");
  const renewed = await post("/as/renew/token", { body: { client_id: ID, token: taken.json.access_token } });
  t.equal(renewed.code, "2.01");
  const gateway = { client_id: "gateway", client_secret: SECRET };
  const seen = await post("/idp/introspect", { body: { token: renewed.json.access_token, ...gateway } });
  t.equal(seen.code, "2.01");
  t.match(seen.json, { active: true, sub: ID, iss: ISSUER });
});
