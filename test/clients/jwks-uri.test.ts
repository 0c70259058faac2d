import { generateKeyPairSync } from "node:crypto";
import type { RequestListener } from "node:http";
import t from "tap";
import { asserted, claimsOf, ecdsa, jws } from "../support/assertions.js";
import { TestClock } from "../support/clock.js";
import { decided } from "../support/decided.js";
import { startInstance } from "../support/instance.js";
import { startOwnHost } from "../support/own-host.js";

/** Clients with keys at their `jwks_uri`. test/outbound has the limits of the fetch. */

const UNAVAILABLE = "the keys of the client cannot be fetched";
const SIGNATURE = "the signature is not correct";

const pair = (kid: string) => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { kid, privateKey, jwk: { ...publicKey.export({ format: "jwk" }), kid } };
};
const first = pair("first");
const second = pair("second");

const host = await startOwnHost(t);

const publish =
  (...keys: readonly { jwk: object }[]): RequestListener =>
  (_request, response) =>
    response.setHeader("Content-Type", "application/json").end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));

const clock = new TestClock();
const client = {
  client_id: "remote",
  token_endpoint_auth_method: "private_key_jwt",
  jwks_uri: `${host.origin}/keys`,
  grant_types: ["client_credentials"],
  scope: "api1",
};
const provision = { clients: [client] };
const server = await startInstance(t, { provision, clock, env: { JWKS_URI_ALLOW_PRIVATE: "true" } });

async function ask(key: ReturnType<typeof pair>, kid = key.kid, at = server): Promise<string> {
  const claims = claimsOf("remote", at.core.issuer, clock.now());
  const text = jws({ alg: "ES256", kid }, claims, ecdsa(key.privateKey));
  const form = { grant_type: "client_credentials", ...asserted(text) };
  const { json } = await decided(() => at.post("/oauth2/token", form));
  return json.error_description ?? json.token_type;
}

t.test("its keys are fetched once, and again for a new key", async (t) => {
  host.answer = publish(first);
  t.strictSame(await Promise.all(Array.from({ length: 20 }, () => ask(first))), Array(20).fill("Bearer"));
  t.equal(host.asked, 1, "twenty requests, one fetch");

  host.answer = publish(first, second);
  t.equal(await ask(second), SIGNATURE, "not host.asked again so soon");
  clock.advance(31);
  t.equal(await ask(second), "Bearer");
  t.equal(host.asked, 2);

  host.answer = publish(second);
  clock.advance(599);
  t.equal(await ask(first), "Bearer", "believed for ten minutes");
  clock.advance(1);
  t.equal(await ask(first), SIGNATURE, "and no longer");
  t.equal(host.asked, 3);
});

t.test("JW-05 unknown kids cause no storm of fetches", async (t) => {
  clock.advance(31);
  host.asked = 0;
  const said = await Promise.all(Array.from({ length: 50 }, (_, index) => ask(first, `unknown-${index}`)));
  t.ok(said.every((one) => one === SIGNATURE));
  t.equal(host.asked, 1);
  t.equal(await ask(second), "Bearer", "and the known one is as good as before");
});

t.test("a host without keys authenticates no client, and is not called again for a while", async (t) => {
  const rows: readonly (readonly [string, RequestListener])[] = [
    ["an error", (_request, response) => response.writeHead(500).end()],
    ["a redirect", (_request, response) => response.writeHead(302, { Location: "/elsewhere" }).end()],
    ["a page", (_request, response) => response.end("<html>")],
    ["a cut connection", (request) => request.socket.destroy()],
  ];
  for (const [name, listener] of rows) {
    host.answer = listener;
    clock.advance(601);
    host.asked = 0;
    t.equal(await ask(second), UNAVAILABLE, name);
    host.answer = publish(second);
    t.equal(await ask(second), UNAVAILABLE, `${name}: not host.asked again so soon`);
    t.equal(host.asked, 1);
    clock.advance(31);
    t.equal(await ask(second), "Bearer", `${name}: and then it is`);
  }
});

t.test("private, short, slow and broken keys of a set do not count, but keys of other types do", async (t) => {
  const rsa = (bits: number, exponentBytes: number) => ({
    jwk: {
      kty: "RSA",
      n: Buffer.alloc(bits / 8, 0xff).toString("base64url"),
      e: Buffer.alloc(exponentBytes, 1).toString("base64url"),
    },
  });
  const point = Buffer.alloc(32, 7).toString("base64url");
  const broken = [
    { kty: "EC", crv: "P-256", x: point, y: point },
    { kty: "EC", crv: "P-256", x: point },
    { kty: "RSA" },
  ];
  const other = { kty: "EC", crv: "of tomorrow", x: point, y: point };
  const bad = [
    ...broken.map((jwk) => ({ jwk })),
    rsa(1_024, 3),
    rsa(2_048, 256),
    rsa(16_384, 3),
    { jwk: { kty: "oct", k: "c2VjcmV0" } },
  ];
  host.answer = publish(...bad, rsa(8_192, 3), { jwk: other }, second);
  clock.advance(601);
  const keys = await server.core.keySets.find(client.jwks_uri, () => true);
  t.match(keys, [{ kty: "RSA", e: "AQEB" }, other, { kid: "second" }]);
  t.equal(keys.length, 3);
});

t.test("it may not point at this machine without the setting for that", async (t) => {
  const strict = await startInstance(t, { provision, clock });
  host.asked = 0;
  t.equal(await ask(second, "second", strict), UNAVAILABLE);
  t.equal(host.asked, 0, "and no server was called");
});
