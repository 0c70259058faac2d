// Prints an assertion of a client, good for one request within a minute (RFC 7523, OpenID Connect Core section 9):
//   node docs/example-assertion.mjs CLIENT_ID ISSUER --key FILE.pem             private_key_jwt
//   node docs/example-assertion.mjs CLIENT_ID ISSUER --secret SECRET            client_secret_jwt
//   node docs/example-assertion.mjs CLIENT_ID ISSUER --secret SECRET --encrypt  client_secret_jwt, nested in a JWE
//   node docs/example-assertion.mjs ISSUER OUR_ISSUER --key FILE.pem --subject SUB   an issuer's assertion about a user
// and the public key that is registered for the first of them:
//   node docs/example-assertion.mjs --jwk FILE.pem
import { createHash, createPrivateKey, createPublicKey, createSecretKey, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { CompactEncrypt, SignJWT } from "jose";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    key: { type: "string" },
    secret: { type: "string" },
    encrypt: { type: "boolean" },
    jwk: { type: "string" },
    subject: { type: "string" },
  },
});

if (values.jwk) {
  console.log(JSON.stringify(createPublicKey(readFileSync(values.jwk)).export({ format: "jwk" })));
} else {
  const [client, issuer] = positionals;
  const secret = Buffer.from(values.secret ?? "");
  const key = values.key ? createPrivateKey(readFileSync(values.key)) : createSecretKey(secret);
  const signed = await new SignJWT()
    .setProtectedHeader({ alg: values.key ? "ES256" : "HS256" })
    .setIssuer(client)
    .setSubject(values.subject ?? client)
    .setAudience(issuer)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime("1 minute")
    .sign(key);
  // The content key is the SHA-256 of the secret (OpenID Connect Core section 10.2).
  const contentKey = createHash("sha256").update(secret).digest();
  const nest = (text) =>
    new CompactEncrypt(Buffer.from(text))
      .setProtectedHeader({ alg: "dir", enc: "A128CBC-HS256", cty: "JWT" })
      .encrypt(contentKey);
  console.log(values.encrypt ? await nest(signed) : signed);
}
