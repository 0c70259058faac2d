// Prints the JWT by which a device of the dialect iothentix authenticates, good for one request:
//   node docs/example-device.mjs DEVICE_ID FILE.pem
// and the public key that is registered for it:
//   node docs/example-device.mjs --jwk FILE.pem
import { createPrivateKey, createPublicKey, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { SignJWT } from "jose";

const [device, file] = process.argv.slice(2);
const pem = readFileSync(file);
if (device === "--jwk") {
  console.log(JSON.stringify(createPublicKey(pem).export({ format: "jwk" })));
} else {
  const jwt = new SignJWT({ sub: device, jti: randomUUID() });
  console.log(await jwt.setProtectedHeader({ alg: "ES256", typ: "JWT", kid: device }).sign(createPrivateKey(pem)));
}
