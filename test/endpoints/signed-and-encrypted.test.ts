import { generateKeyPairSync } from "node:crypto";
import { compactDecrypt, createLocalJWKSet, jwtVerify, type JWTPayload } from "jose";
import t from "tap";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";

/** Responses as JWTs: introspection signed for a resource server, id_tokens and userinfo encrypted to a key of the client. */

const TYPE = "application/token-introspection+jwt";

const elliptic = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const signing = generateKeyPairSync("ec", { namedCurve: "P-256" });
const keys = [
  { ...signing.publicKey.export({ format: "jwk" }), kid: "signing", use: "sig" },
  { ...elliptic.publicKey.export({ format: "jwk" }), kid: "elliptic", use: "enc" },
  { ...rsa.publicKey.export({ format: "jwk" }), kid: "rsa", use: "enc" },
];
const person = {
  client_secret: SECRET,
  grant_types: ["password", "refresh_token"],
  scope: "openid email",
  jwks: { keys },
};

const server = await startInstance(t, {
  provision: {
    ...FLEET,
    clients: [
      ...FLEET.clients,
      {
        client_id: "reader",
        client_secret: SECRET,
        audiences: ["https://api1.example"],
        introspection_signed_response_alg: "ES256",
      },
      {
        ...person,
        client_id: "curves",
        id_token_encrypted_response_alg: "ECDH-ES",
        userinfo_encrypted_response_alg: "ECDH-ES+A256KW",
      },
      {
        ...person,
        client_id: "large",
        id_token_encrypted_response_alg: "RSA-OAEP-256",
        id_token_encrypted_response_enc: "A256GCM",
        userinfo_encrypted_response_alg: "RSA-OAEP-256",
        userinfo_signed_response_alg: "ES256",
      },
      { ...person, client_id: "keyless", jwks: { keys: [keys[0]] }, id_token_encrypted_response_alg: "ECDH-ES" },
      {
        ...person,
        client_id: "broken",
        jwks: { keys: [{ kty: "EC", crv: "P-256", x: "AQ", y: "AQ" }] },
        id_token_encrypted_response_alg: "ECDH-ES",
      },
    ],
  },
});
const { issuer } = server.core;
const now = () => new Date(server.core.clock.now());
const keySet = createLocalJWKSet((await server.send("/oauth2/jwks")).json);
const logIn = (client_id: string) =>
  server.post("/oauth2/token", { grant_type: "password", ...ALICE }, basic(client_id, SECRET));
const decoded = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

t.test("a resource server gets introspection as a JWT that is signed for it, if it asks for one", async (t) => {
  const form = { grant_type: "client_credentials", scope: "api1" };
  const { access_token: token } = (await server.post("/oauth2/token", form, basic("backend", SECRET))).json;
  const ask = (accept: string, client = "reader", text = token) =>
    server.post("/oauth2/introspect", { token: text }, { ...basic(client, SECRET), Accept: accept });
  const signed = await ask(TYPE);
  t.equal(signed.headers.get("content-type"), TYPE);
  const { payload, protectedHeader } = await jwtVerify(signed.text, keySet, {
    issuer,
    audience: "reader",
    currentDate: now(),
  });
  t.match(protectedHeader, { typ: "token-introspection+jwt", alg: "ES256" });
  t.strictSame(
    Object.keys(payload).sort(),
    ["aud", "iat", "iss", "token_introspection"],
    "it is no access token itself",
  );
  const plain = (await ask("application/json")).json;
  t.strictSame(payload.token_introspection, plain);
  t.equal(plain.active, true);
  for (const accept of ["*/*", "application/*", `${TYPE};q=0`]) t.equal((await ask(accept)).json.active, true, accept);
  t.equal((await ask(`text/html, ${TYPE};q=0.5`)).headers.get("content-type"), TYPE);

  const inactive = async (client: string, text: string): Promise<JWTPayload> =>
    (await jwtVerify((await ask(TYPE, client, text)).text, keySet, { issuer, audience: client, currentDate: now() }))
      .payload;
  t.strictSame((await inactive("reader", "garbage")).token_introspection, { active: false });
  t.strictSame((await inactive("gateway", "garbage")).token_introspection, { active: false });
  t.strictSame(
    (await inactive("header", token)).token_introspection,
    { active: false },
    "JE-05 a stranger learns nothing",
  );
  for (const headers of [{ Authorization: `Bearer ${signed.text}` }, {}]) {
    const reply = await server.post(
      "/oauth2/userinfo",
      "Authorization" in headers ? {} : { access_token: signed.text },
      headers,
    );
    t.equal(reply.status, 401, "JE-06 the response is not taken for a token");
  }
  t.equal((await ask(TYPE, "reader", signed.text)).status, 200);
  t.strictSame((await inactive("reader", signed.text)).token_introspection, { active: false });
});

t.test("id_token and userinfo are encrypted to the client's key for encryption", async (t) => {
  const curves = (await logIn("curves")).json;
  const nested = await compactDecrypt(curves.id_token, elliptic.privateKey);
  t.match(nested.protectedHeader, { alg: "ECDH-ES", enc: "A128CBC-HS256", cty: "JWT", kid: "elliptic" });
  const { payload } = await jwtVerify(decoded(nested.plaintext), keySet, {
    issuer,
    audience: "curves",
    currentDate: now(),
  });
  t.match(payload, { sub: "user-alice", at_hash: String });
  const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });
  const claims = await server.send("/oauth2/userinfo", bearer(curves.access_token));
  t.equal(claims.headers.get("content-type"), "application/jwt");
  const open = await compactDecrypt(claims.text, elliptic.privateKey);
  t.match(JSON.parse(decoded(open.plaintext)), { sub: "user-alice", email: "alice@example.com" });

  const large = (await logIn("large")).json;
  const other = await compactDecrypt(large.id_token, rsa.privateKey);
  t.match(other.protectedHeader, { alg: "RSA-OAEP-256", enc: "A256GCM", kid: "rsa" });
  const signed = await compactDecrypt(
    (await server.send("/oauth2/userinfo", bearer(large.access_token))).text,
    rsa.privateKey,
  );
  t.match(
    (await jwtVerify(decoded(signed.plaintext), keySet, { issuer, audience: "large", currentDate: now() })).payload,
    {
      sub: "user-alice",
    },
  );
});

t.test("JE-07 a client without a key for encryption gets no id_token in clear", async (t) => {
  for (const client_id of ["keyless", "broken"]) {
    const { status, json } = await logIn(client_id);
    t.strictSame([status, json.error, "id_token" in json], [401, "invalid_client", false], client_id);
  }
});

t.test("metadata announces both", async (t) => {
  const standard = (await server.send("/.well-known/openid-configuration")).json;
  t.strictSame(standard.introspection_signing_alg_values_supported, ["ES256", "RS256", "PS256", "EdDSA"]);
  t.ok(standard.id_token_encryption_alg_values_supported.includes("ECDH-ES"));
  t.ok(standard.userinfo_encryption_enc_values_supported.includes("A256GCM"));
  const sis = (await server.send("/simple-identity-server/.well-known/openid-configuration")).json;
  t.notOk("introspection_signing_alg_values_supported" in sis);
});
