import { constants, generateKeyPairSync, randomUUID } from "node:crypto";
import t, { type Test } from "tap";
import {
  asserted,
  claimsOf,
  ecdsa,
  ed25519,
  encryptWithSecret,
  hmac,
  JWT_BEARER,
  jws,
  rsa,
  type Signer,
} from "../support/assertions.js";
import { CLOCK_TOLERANCE } from "../../src/clock.js";
import { after, TestClock } from "../support/clock.js";
import { decided } from "../support/decided.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Reply } from "../support/instance.js";
import { ASKED, ENDPOINTS, SIS, STANDARD, type Paths } from "../support/paths.js";
import { holds, nothingLeaked } from "../support/oracle.js";

/** Assertions of clients: attack rows B2 and B9, and the documented messages #12 to #19, at each endpoint of each dialect. */

const clock = new TestClock();

const issuer = "https://issuer.example";

const es = generateKeyPairSync("ec", { namedCurve: "P-256" });
const es384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const strange = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rs = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed = generateKeyPairSync("ed25519");
const publicJwk = ({ publicKey }: typeof es, more: object) => ({ ...publicKey.export({ format: "jwk" }), ...more });

const keys = {
  es: publicJwk(es, { kid: "es" }),
  es384: publicJwk(es384, { kid: "es384" }),
  rs: publicJwk(rs, { kid: "rs" }),
  ed: publicJwk(ed, { kid: "ed" }),
  strange: publicJwk(strange, { kid: "strange" }),
};

const service = { grant_types: ["client_credentials"], scope: "api1" };
const signing = { ...service, token_endpoint_auth_method: "private_key_jwt" };
const sharing = { ...service, token_endpoint_auth_method: "client_secret_jwt" };
const nested = { ...sharing, token_endpoint_auth_encryption_alg: "dir" };

const FILE = {
  ...FLEET,
  users: [],
  clients: [
    ...FLEET.clients,
    { ...signing, client_id: "signer", token_endpoint_auth_signing_alg: "ES256", jwks: { keys: [keys.es] } },
    { ...signing, client_id: "free", jwks: { keys: [keys.es, keys.es384, keys.rs, keys.ed] } },
    { ...signing, client_id: "stranger", jwks: { keys: [keys.strange] } },
    {
      ...signing,
      client_id: "nameless",
      jwks: { keys: [publicJwk(strange, {}), publicJwk(es, {}), publicJwk(es384, {})] },
    },
    { ...signing, client_id: "patient", assertion_lifetime: 3_600, jwks: { keys: [keys.es] } },
    {
      ...service,
      client_id: "either",
      client_secret: SECRET,
      token_endpoint_auth_methods: ["client_secret_jwt", "private_key_jwt"],
      jwks: { keys: [keys.es] },
    },
    { ...signing, client_id: "keyless" },
    { ...signing, client_id: "encrypting", jwks: { keys: [{ ...keys.es, use: "enc" }] } },
    { ...sharing, client_id: "sharer", client_secret: SECRET },
    { ...sharing, client_id: "sharer512", client_secret: SECRET, token_endpoint_auth_signing_alg: "HS512" },
    {
      ...sharing,
      client_id: "rotating",
      client_secrets: [{ value: "the old one", expires_at: after(clock, -1) }, { value: SECRET }],
    },
    { ...sharing, client_id: "secretless" },
    { ...nested, client_id: "nester", client_secret: SECRET },
    { ...nested, client_id: "nester512", client_secret: SECRET, token_endpoint_auth_encryption_enc: "A256CBC-HS512" },
    { ...nested, client_id: "nester384", client_secret: SECRET, token_endpoint_auth_encryption_enc: "A192CBC-HS384" },
    { ...nested, client_id: "nester-gcm", client_secret: SECRET, token_endpoint_auth_encryption_enc: "A256GCM" },
    { ...nested, client_id: "secretless-nester" },
  ],
};

const server = await startInstance(t, { provision: FILE, clock, env: { ISSUER: issuer } });

/** The documented messages that assertions are about, and the further ones. */
const SAYS = {
  unknown: "the client doesn't exist",
  12: (client_id: string) => `the client ${client_id} doesn't have a shared secret`,
  13: "the client assertion is not a JWE token",
  14: "the jwe token cannot be decrypted",
  15: "the client assertion is not a JWS token",
  16: "the JWS payload cannot be extracted",
  17: "the client id passed in JWT is not correct",
  18: "the audience passed in JWT is not correct",
  19: "the received JWT has expired",
  type: "the client assertion type is not supported",
  signature: "the signature is not correct",
  life: "the received JWT lives too long",
  early: "the received JWT is not valid yet",
  jti: "the received JWT has no jti that can be used",
  used: "the received JWT has been used before",
} as const;

interface Row {
  readonly id: string;
  readonly name: string;
  readonly form: (dialect: Paths) => Form | Promise<Form>;
  readonly headers?: Record<string, string>;
  readonly expect: string | { readonly status: 400; readonly says: string };
}

const KNOWN = "known";
const now = () => clock.now();
const seconds = () => Math.floor(now() / 1000);

/** The assertion of the client `signer`, with the differences of a row. */
const signed =
  (claims: object = {}, header: object = {}, signer: Signer = ecdsa(es.privateKey), client_id = "signer") =>
  () =>
    asserted(jws({ alg: "ES256", kid: "es", ...header }, claimsOf(client_id, issuer, now(), claims), signer));

/** The same by a client that shares a secret. */
const shared =
  (client_id: string, claims: object = {}, alg = "HS256", signer = hmac(SECRET)) =>
  () =>
    asserted(jws({ alg }, claimsOf(client_id, issuer, now(), claims), signer));

/** A JWS in a JWE, both made with the client's secret. */
const enclosed =
  (
    client_id: string,
    { claims = {}, enc = "A128CBC-HS256", secret = SECRET, header = {}, signer = hmac(SECRET) } = {},
  ) =>
  async () => {
    const inner = jws({ alg: "HS256" }, claimsOf(client_id, issuer, now(), claims), signer);
    return asserted(await encryptWithSecret(inner, secret, enc, header), { client_id });
  };

const enclosing =
  (text: string, client_id = "nester") =>
  async () =>
    asserted(await encryptWithSecret(text, SECRET), { client_id });

const broken = (text: string, client_id: string) => () => asserted(text, { client_id });

/** A signature that is altered after it was made. */
const altered = (alter: (signature: Buffer) => Buffer, key = es) =>
  signed({}, {}, (data) => alter(ecdsa(key.privateKey)(data)));

const zero = Buffer.alloc(32);
const PEM = es.publicKey.export({ format: "pem", type: "spki" }) as string;
const RSA_PEM = rs.publicKey.export({ format: "pem", type: "spki" }) as string;
const RSA_PKCS1 = rs.publicKey.export({ format: "pem", type: "pkcs1" }) as string;
const RSA_DER = rs.publicKey.export({ format: "der", type: "spki" });

const ROWS: readonly Row[] = [
  // Correct assertions.
  { id: "RFC 7523 3", name: "signed with the registered key", form: signed(), expect: KNOWN },
  { id: "RFC 7523 3", name: "meant for a list of one", form: signed({ aud: [issuer] }), expect: KNOWN },
  {
    id: "RFC 7523 3",
    name: "meant for the token endpoint",
    form: ({ token }) => signed({ aud: issuer + token })(),
    expect: KNOWN,
  },
  {
    id: "RFC 7523 3",
    name: "meant for both",
    form: ({ token }) => signed({ aud: [issuer, issuer + token] })(),
    expect: KNOWN,
  },
  { id: "RFC 7523 3", name: "without iat", form: signed({ iat: undefined }), expect: KNOWN },
  { id: "RFC 7523 3", name: "with a type", form: signed({}, { typ: "JWT" }), expect: KNOWN },
  { id: "RFC 7523 3", name: "living five minutes", form: () => signed({ exp: seconds() + 300 })(), expect: KNOWN },
  {
    id: "RFC 7523 3",
    name: "by a clock that is ahead",
    form: () => signed({ iat: seconds() + CLOCK_TOLERANCE })(),
    expect: KNOWN,
  },
  {
    id: "RFC 7523 3",
    name: "naming the client in the body too",
    form: () => ({ ...signed()(), client_id: "signer" }),
    expect: KNOWN,
  },
  ...(
    [
      ["ES256", "es", ecdsa(es.privateKey)],
      ["ES384", "es384", ecdsa(es384.privateKey, "sha384")],
      ["RS256", "rs", rsa(rs.privateKey)],
      ["PS256", "rs", rsa(rs.privateKey, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })],
      ["EdDSA", "ed", ed25519(ed.privateKey)],
      ["Ed25519", "ed", ed25519(ed.privateKey)],
    ] as const
  ).map(([alg, kid, signer]) => ({
    id: "RFC 7518 3.1",
    name: `${alg} by a client registered for none in particular`,
    form: signed({}, { alg, kid }, signer, "free"),
    expect: KNOWN,
  })),
  {
    id: "RFC 7515 4.1.4",
    name: "naming no key where several fit",
    form: signed({}, { kid: undefined }, ecdsa(es.privateKey), "nameless"),
    expect: KNOWN,
  },
  { id: "OIDC 9", name: "signed with the secret", form: shared("sharer"), expect: KNOWN },
  {
    id: "OIDC 9",
    name: "signed with the secret, HS384",
    form: shared("sharer", {}, "HS384", hmac(SECRET, "sha384")),
    expect: KNOWN,
  },
  {
    id: "OIDC 9",
    name: "signed with the secret, HS512",
    form: shared("sharer512", {}, "HS512", hmac(SECRET, "sha512")),
    expect: KNOWN,
  },
  { id: "OIDC 9", name: "signed with the second of two secrets", form: shared("rotating"), expect: KNOWN },
  { id: "OIDC 10.2", name: "encrypted, A128CBC-HS256", form: enclosed("nester"), expect: KNOWN },
  { id: "OIDC 10.2", name: "A192CBC-HS384", form: enclosed("nester384", { enc: "A192CBC-HS384" }), expect: KNOWN },
  { id: "OIDC 10.2", name: "A256CBC-HS512", form: enclosed("nester512", { enc: "A256CBC-HS512" }), expect: KNOWN },
  { id: "OIDC 10.2", name: "A256GCM", form: enclosed("nester-gcm", { enc: "A256GCM" }), expect: KNOWN },

  // The documented situations.
  { id: "#12", name: "no secret to verify with", form: shared("secretless"), expect: SAYS[12]("secretless") },
  {
    id: "#12",
    name: "no secret to decrypt with",
    form: enclosed("secretless-nester"),
    expect: SAYS[12]("secretless-nester"),
  },
  ...["not a token", "a.b.c", "a.b.c.d", "a.b.c.d.e.f"].map((text) => ({
    id: "#13",
    name: JSON.stringify(text),
    form: broken(text, "nester"),
    expect: SAYS[13],
  })),
  { id: "#13", name: "signed only", form: () => ({ ...shared("nester")(), client_id: "nester" }), expect: SAYS[13] },
  { id: "#13", name: "nothing", form: () => ({ client_id: "nester" }), expect: SAYS[13] },
  { id: "#14", name: "five parts of nothing", form: broken("a.b.c.d.e", "nester"), expect: SAYS[14] },
  { id: "#14", name: "another secret", form: enclosed("nester", { secret: "another secret" }), expect: SAYS[14] },
  { id: "#14", name: "another enc", form: enclosed("nester", { enc: "A256CBC-HS512" }), expect: SAYS[14] },
  { id: "JE-02", name: "compressed", form: enclosed("nester", { header: { zip: "DEF" } }), expect: SAYS[14] },
  {
    id: "JE-01",
    name: "a key wrapped by a costly password",
    form: () => {
      const header = { alg: "PBES2-HS256+A128KW", enc: "A128CBC-HS256", p2c: 1_000_000_000, p2s: "AAAAAAAAAAA" };
      const first = Buffer.from(JSON.stringify(header)).toString("base64url");
      return asserted(`${first}.AAAA.AAAA.AAAA.AAAA`, { client_id: "nester" });
    },
    expect: SAYS[14],
  },
  {
    id: "JE-04",
    name: "a short tag",
    form: async () => {
      const parts = (await enclosed("nester-gcm", { enc: "A256GCM" })()).client_assertion!.split(".");
      return asserted(
        [...parts.slice(0, 4), Buffer.from(parts[4]!, "base64url").subarray(0, 4).toString("base64url")].join("."),
        {
          client_id: "nester-gcm",
        },
      );
    },
    expect: SAYS[14],
  },
  ...["not a token", "a.b", "a.b.c.d", "a.b.c.d.e", "..", "...."]
    .filter((text) => text.split(".").length !== 3)
    .map((text) => ({ id: "#15", name: JSON.stringify(text), form: broken(text, "signer"), expect: SAYS[15] })),
  { id: "#15", name: "nothing", form: () => ({ client_id: "signer" }), expect: SAYS[15] },
  { id: "#15", name: "nothing, by who shares a secret", form: () => ({ client_id: "sharer" }), expect: SAYS[15] },
  { id: "#15", name: "encrypted where it is not registered", form: enclosed("sharer"), expect: SAYS[15] },
  { id: "#15", name: "inside: no JWS", form: enclosing("not a token"), expect: SAYS[15] },
  { id: "#15", name: "inside: a JWE", form: enclosing("a.b.c.d.e"), expect: SAYS[15] },
  { id: "#16", name: "three parts of nothing", form: broken("a.b.c", "signer"), expect: SAYS[16] },
  { id: "#16", name: "three empty parts", form: broken("..", "signer"), expect: SAYS[16] },
  ...["no JSON", '"a text"', "[]", "null", "1", "{"].map((payload) => ({
    id: "#16",
    name: `a payload that is ${payload}`,
    form: () => asserted(jws({ alg: "ES256", kid: "es" }, payload, ecdsa(es.privateKey)), { client_id: "signer" }),
    expect: SAYS[16],
  })),
  { id: "#16", name: "inside: three parts of nothing", form: enclosing("a.b.c"), expect: SAYS[16] },
  {
    id: "#16",
    name: "inside: another secret",
    form: enclosed("nester", { signer: hmac("another") }),
    expect: SAYS[16],
  },
  {
    id: "#16",
    name: "inside: no signature",
    form: () => enclosing(jws({ alg: "none" }, claimsOf("nester", issuer, now()), () => Buffer.alloc(0)))(),
    expect: SAYS[16],
  },
  {
    id: "#16",
    name: "inside: HS512",
    form: () => enclosing(jws({ alg: "HS512" }, claimsOf("nester", issuer, now()), hmac(SECRET, "sha512")))(),
    expect: SAYS[16],
  },
  { id: "AS-04 #17", name: "no sub", form: signed({ sub: undefined }), expect: SAYS[17] },
  { id: "AS-05 #17", name: "another sub", form: signed({ sub: "stranger" }), expect: SAYS[17] },
  {
    id: "AS-04 #17",
    name: "no iss",
    form: () => ({ ...signed({ iss: undefined })(), client_id: "signer" }),
    expect: SAYS[17],
  },
  ...["\0", "\ufffd", "\ud800"].flatMap((broken) =>
    [
      ...[{ iss: `signer${broken}` }, { sub: `signer${broken}` }, { aud: issuer + broken }, { aud: [issuer, broken] }],
      ...[
        { jti: `x${broken}` },
        { nbf: broken },
        { custom: broken },
        { [`custom${broken}`]: 1 },
        { a: [{ b: broken }] },
      ],
    ].map((claims) => ({
      id: "PA-17 #16",
      name: `a text that the store could not hold: ${JSON.stringify(claims)}`,
      form: signed(claims),
      expect: SAYS[16],
    })),
  ),
  ...[{ kid: "es\0" }, { typ: "JWT\0" }, { custom: "\0" }].map((header) => ({
    id: "PA-17 #16",
    name: `the same in the header: ${JSON.stringify(header)}`,
    form: signed({}, header),
    expect: SAYS[16],
  })),
  {
    id: "PA-17 #16",
    name: "the same in a JWE",
    form: enclosed("nester", { claims: { custom: "\0" } }),
    expect: SAYS[16],
  },
  {
    id: "PA-06 #16",
    name: "claims nested without end",
    form: () => {
      const text = `{"iss":"stranger","x":${"[".repeat(5_000)}${"]".repeat(5_000)}}`;
      return asserted(jws({ alg: "ES256", kid: "es" }, text, ecdsa(es.privateKey)), { client_id: "signer" });
    },
    expect: SAYS[16],
  },
  ...["iss", "sub", "aud", "exp", "jti", "custom"].flatMap((name) =>
    [`"${name}"`, `"\\u${name.charCodeAt(0).toString(16).padStart(4, "0")}${name.slice(1)}"`].map((again) => ({
      id: "PA-05 #16",
      name: `the claim ${name} twice, again as ${again}`,
      form: () => {
        const claims = JSON.stringify(claimsOf("signer", issuer, now(), { custom: 1 }));
        const { [name]: value } = JSON.parse(claims) as Record<string, unknown>;
        const text = `{${again}:${JSON.stringify(value)},${claims.slice(1)}`;
        return asserted(jws({ alg: "ES256", kid: "es" }, text, ecdsa(es.privateKey)), { client_id: "signer" });
      },
      expect: SAYS[16],
    })),
  ),
  {
    id: "PA-05 #16",
    name: "an iss twice, by who does not name itself",
    form: () => {
      const text = `{"iss":"backend",${JSON.stringify(claimsOf("signer", issuer, now())).slice(1)}`;
      return asserted(jws({ alg: "ES256", kid: "es" }, text, ecdsa(es.privateKey)));
    },
    expect: SAYS[16],
  },
  {
    id: "PA-05 #16",
    name: "the kid twice in the header",
    form: () => {
      const text = '{"kid":"other","alg":"ES256","kid":"es"}';
      return asserted(jws(text, claimsOf("signer", issuer, now()), ecdsa(es.privateKey)), { client_id: "signer" });
    },
    expect: SAYS[16],
  },
  {
    id: "AS-05 #17",
    name: "another client in the body",
    form: () => ({ ...signed()(), client_id: "stranger" }),
    expect: SAYS[17],
  },
  {
    id: "AS-05 #17",
    name: "inside: another client",
    form: enclosed("nester", { claims: { iss: "signer" } }),
    expect: SAYS[17],
  },
  {
    id: "JW-17 #16",
    name: "inherited claims",
    form: () => {
      const { iss: _iss, ...claims } = claimsOf("signer", issuer, now()) as Record<string, unknown>;
      const text = JSON.stringify(claims).replace("{", '{"__proto__":{"iss":"signer"},');
      return asserted(jws({ alg: "ES256", kid: "es" }, text, ecdsa(es.privateKey)), { client_id: "signer" });
    },
    expect: SAYS[16],
  },
  ...[
    undefined,
    null,
    "",
    [],
    {},
    42,
    issuer.slice(0, -1),
    `${issuer}/`,
    issuer.toUpperCase(),
    `${issuer}.evil.example`,
    `https://evil.example/?${issuer}`,
    [issuer, "https://evil.example"],
    [issuer, null],
    [[issuer]],
    `${issuer}/oauth2/introspect`,
    `${issuer}/token/revoke`,
    "signer",
  ].map((aud) => ({
    id: "JW-11 #18",
    name: `an audience that is ${JSON.stringify(aud) ?? "missing"}`,
    form: signed({ aud }),
    expect: SAYS[18],
  })),
  {
    id: "JW-11 #18",
    name: "the other dialect's token endpoint",
    form: (dialect) => signed({ aud: issuer + (dialect === SIS ? STANDARD : SIS).token })(),
    expect: SAYS[18],
  },
  ...[undefined, null, "2100000000", {}, 0, -1].map((exp) => ({
    id: "AS-04 JW-10 #19",
    name: `an expiry that is ${JSON.stringify(exp) ?? "missing"}`,
    form: signed({ exp }),
    expect: SAYS[19],
  })),
  { id: "#19", name: "expired", form: () => signed({ exp: seconds() - CLOCK_TOLERANCE })(), expect: SAYS[19] },
  {
    id: "#19",
    name: "inside: expired",
    form: () => enclosed("nester", { claims: { exp: seconds() - CLOCK_TOLERANCE } })(),
    expect: SAYS[19],
  },

  // Refusals that the vendor's page does not document.
  { id: "AS-06", name: "living 301 seconds", form: () => signed({ exp: seconds() + 301 })(), expect: SAYS.life },
  { id: "AS-06", name: "living ten years", form: () => signed({ exp: seconds() + 315_360_000 })(), expect: SAYS.life },
  { id: "JW-10", name: "living for ever", form: signed({ exp: 1e300 }), expect: SAYS.life },
  { id: "AS-06", name: "made an hour ago", form: () => signed({ iat: seconds() - 3_600 })(), expect: SAYS.life },
  {
    id: "AS-06",
    name: "living an hour, as its client may",
    form: () => signed({ exp: seconds() + 3_600, iat: seconds() }, {}, ecdsa(es.privateKey), "patient")(),
    expect: KNOWN,
  },
  {
    id: "AS-06",
    name: "living a second longer than its client may",
    form: () => signed({ exp: seconds() + 3_601, iat: seconds() }, {}, ecdsa(es.privateKey), "patient")(),
    expect: SAYS.life,
  },
  {
    id: "RFC 7591 2",
    name: "of a client with two kinds of assertions, by its key",
    form: () => signed({}, {}, ecdsa(es.privateKey), "either")(),
    expect: KNOWN,
  },
  { id: "RFC 7591 2", name: "the same client, by its secret", form: shared("either"), expect: KNOWN },
  {
    id: "AS-02",
    name: "the same client, its public key taken for a secret",
    form: shared("either", {}, "HS256", hmac(JSON.stringify(keys.es))),
    expect: SAYS.signature,
  },
  { id: "AS-06", name: "valid later", form: () => signed({ nbf: seconds() + 60 })(), expect: SAYS.early },
  {
    id: "JW-10",
    name: "made later",
    form: () => signed({ iat: seconds() + CLOCK_TOLERANCE + 1 })(),
    expect: SAYS.early,
  },
  { id: "JW-10", name: "made at a text", form: signed({ iat: "now" }), expect: SAYS.early },
  ...[undefined, null, "", 42, {}, ["x"], "j".repeat(1_025)].map((jti) => ({
    id: "AS-04 AS-11",
    name: `a jti that is ${JSON.stringify(jti)?.slice(0, 20) ?? "missing"}`,
    form: signed({ jti }),
    expect: SAYS.jti,
  })),
  {
    id: "AS-07",
    name: "another client's key",
    form: signed({}, {}, ecdsa(strange.privateKey)),
    expect: SAYS.signature,
  },
  {
    id: "AS-07",
    name: "another client's key and its name",
    form: signed({}, { kid: "strange" }, ecdsa(strange.privateKey)),
    expect: SAYS.signature,
  },
  { id: "AS-07", name: "a client without keys", form: signed({}, {}, undefined, "keyless"), expect: SAYS.signature },
  {
    id: "RFC 7517 4.2",
    name: "a key for encryption",
    form: signed({}, {}, undefined, "encrypting"),
    expect: SAYS.signature,
  },
  ...["none", "None", "NONE", "nOnE", "", "HS256", "ES384", "RS256", "ES256K", "__proto__"].map((alg) => ({
    id: "AS-09 JW-01",
    name: `the algorithm ${JSON.stringify(alg)} and no signature`,
    form: signed({}, { alg }, () => Buffer.alloc(0)),
    expect: SAYS.signature,
  })),
  ...[undefined, null, ["ES256"], 42].map((alg) => ({
    id: "JW-01",
    name: `an algorithm that is ${JSON.stringify(alg) ?? "missing"}`,
    form: () => ({ ...signed({}, { alg })(), client_id: "signer" }),
    expect: SAYS[16],
  })),
  ...(
    [
      ["PEM", PEM],
      ["PEM without its last line break", PEM.trim()],
      ["JWK", JSON.stringify(keys.es)],
      ["DER", es.publicKey.export({ format: "der", type: "spki" })],
    ] as const
  ).map(([form, key]) => ({
    id: "JW-02",
    name: `HMAC with the public key as ${form}`,
    form: signed({}, { alg: "HS256" }, hmac(key)),
    expect: SAYS.signature,
  })),
  ...(
    [
      ["PEM", RSA_PEM],
      ["PKCS #1", RSA_PKCS1],
      ["DER", RSA_DER],
      ["JWK", JSON.stringify(keys.rs)],
    ] as const
  ).map(([form, key]) => ({
    id: "JW-02",
    name: `HMAC with the public RSA key as ${form}, of a client that may use any algorithm`,
    form: signed({}, { alg: "HS256", kid: "rs" }, hmac(key), "free"),
    expect: SAYS.signature,
  })),
  {
    id: "JW-04",
    name: "HMAC with an empty key",
    form: shared("sharer", {}, "HS256", hmac("")),
    expect: SAYS.signature,
  },
  {
    id: "JW-04",
    name: "HMAC with a secret whose time is over",
    form: shared("rotating", {}, "HS256", hmac("the old one")),
    expect: SAYS.signature,
  },
  {
    id: "AS-09",
    name: "an algorithm of the method that the client is not registered for",
    form: shared("sharer512"),
    expect: SAYS.signature,
  },
  {
    id: "JW-02",
    name: "a key pair's signature where a secret is registered",
    form: shared("sharer", {}, "ES256", ecdsa(es.privateKey)),
    expect: SAYS.signature,
  },
  ...["../../dev/null", "' or 1=1--", "", "es ", "ES", "k".repeat(4_000)].map((kid) => ({
    id: "JW-05",
    name: `a kid that is ${JSON.stringify(kid).slice(0, 20)}`,
    form: signed({}, { kid }),
    expect: SAYS.signature,
  })),
  {
    id: "JW-05",
    name: "a kid that is no text",
    form: () => ({ ...signed({}, { kid: 1 })(), client_id: "signer" }),
    expect: SAYS[16],
  },
  ...(
    [
      ["jwk", keys.strange],
      ["jku", "https://evil.example/jwks"],
      ["x5u", "https://evil.example/cert"],
    ] as const
  ).map(([name, value]) => ({
    id: "JW-06",
    name: `bringing its own key by ${name}`,
    form: signed({}, { kid: "strange", [name]: value }, ecdsa(strange.privateKey)),
    expect: SAYS.signature,
  })),
  {
    id: "JW-07",
    name: "an extension that must be understood",
    form: () => ({ ...signed({}, { crit: ["exp"], exp: 1 })(), client_id: "signer" }),
    expect: SAYS[16],
  },
  {
    id: "JW-07",
    name: "a payload that is not encoded",
    form: () => ({ ...signed({}, { crit: ["b64"], b64: false })(), client_id: "signer" }),
    expect: SAYS[16],
  },
  ...["at+jwt", "logout+jwt", "dpop+jwt", 42].map((typ) => ({
    id: "JW-09",
    name: `a token of the type ${JSON.stringify(typ)}`,
    form: signed({}, { typ }),
    expect: SAYS.signature,
  })),
  { id: "JW-16", name: "r = 0", form: altered((s) => Buffer.concat([zero, s.subarray(32)])), expect: SAYS.signature },
  {
    id: "JW-16",
    name: "s = 0",
    form: altered((s) => Buffer.concat([s.subarray(0, 32), zero])),
    expect: SAYS.signature,
  },
  { id: "JW-16", name: "r = s = 0", form: altered(() => Buffer.alloc(64)), expect: SAYS.signature },
  { id: "JW-16", name: "truncated", form: altered((s) => s.subarray(0, 63)), expect: SAYS.signature },
  { id: "JW-16", name: "too long", form: altered((s) => Buffer.concat([s, Buffer.alloc(1)])), expect: SAYS.signature },
  { id: "JW-16", name: "DER", form: signed({}, {}, ecdsa(es.privateKey, "sha256", "der")), expect: SAYS.signature },
  {
    id: "JW-15",
    name: "trailing bits that are set",
    form: () => {
      const { client_assertion: text = "" } = signed()();
      const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
      const last = alphabet[alphabet.indexOf(text.at(-1)!) | 1]!;
      return asserted(text.slice(0, -1) + last, { client_id: "signer" });
    },
    expect: SAYS[16],
  },
  ...["=", "\n", " ", "=="].map((more) => ({
    id: "JW-15",
    name: `${JSON.stringify(more)} at its end`,
    form: () => ({ ...asserted(signed()().client_assertion! + more), client_id: "signer" }),
    expect: SAYS[16],
  })),

  // Who else it might be.
  {
    id: "CA-01",
    name: "a type and no assertion",
    form: () => ({ client_assertion_type: JWT_BEARER }),
    expect: SAYS.unknown,
  },
  { id: "CA-12", name: "an unknown client", form: signed({}, {}, undefined, "nobody"), expect: SAYS.unknown },
  { id: "CA-12", name: "an unreadable one that names no client", form: () => asserted("a.b.c"), expect: SAYS.unknown },
  {
    id: "AS-10",
    name: "no type",
    form: () => ({ ...signed()(), client_assertion_type: undefined }),
    expect: SAYS.type,
  },
  {
    id: "AS-10",
    name: "another type",
    form: () => ({ ...signed()(), client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:saml2-bearer" }),
    expect: SAYS.type,
  },
  {
    id: "CA-06",
    name: "a secret instead",
    form: () => ({ client_id: "sharer", client_secret: SECRET }),
    expect: SAYS[15],
  },
  {
    id: "CA-06",
    name: "a secret in the header instead",
    form: () => ({}),
    headers: basic("signer", SECRET),
    expect: SAYS[15],
  },
  {
    id: "CA-06",
    name: "an assertion where a secret is registered",
    form: shared("backend"),
    expect: "the client cannot be authenticated with secret basic",
  },
  { id: "CA-07", name: "an assertion of a public client", form: shared("mobile"), expect: SAYS.signature },
  {
    id: "CA-04",
    name: "an assertion and a secret in the header",
    form: signed(),
    headers: basic("backend", SECRET),
    expect: { status: 400, says: "more than one client authentication method was used" },
  },
  {
    id: "CA-04",
    name: "an assertion and a secret in the body",
    form: () => ({ ...signed()(), client_secret: SECRET }),
    expect: { status: 400, says: "more than one client authentication method was used" },
  },
  {
    id: "JW-14",
    name: "20,000 characters",
    form: () => signed({ more: "x".repeat(20_000) })(),
    expect: { status: 400, says: "the parameter client_assertion is malformed" },
  },
];

for (const dialect of [STANDARD, SIS]) {
  for (const endpoint of ENDPOINTS) {
    t.test(`an assertion is checked at ${dialect[endpoint]}`, async (t) => {
      // One check serves all endpoints. The documented refusals are tested at each, the others at the token endpoint.
      const rows = ROWS.filter(({ id }) => endpoint === "token" || /#|^RFC|^OIDC/.test(id));
      for (const { id, name, form, headers = {}, expect } of rows) {
        const body = { ...ASKED[endpoint], ...(await form(dialect)) };
        const reply = await server.post(dialect[endpoint], body, headers);
        const seen = outcome(dialect, endpoint, reply);
        const wanted = typeof expect === "string" ? expect : expect.says;
        t.strictSame(seen.says, wanted, `${id} ${name}`);
        if (wanted !== KNOWN) {
          const standard = typeof expect === "string" ? 401 : expect.status;
          t.equal(reply.status, dialect === SIS ? 400 : standard, `${id} ${name}: its status`);
          t.equal(
            reply.json.error,
            standard === 401 ? "invalid_client" : "invalid_request",
            `${id} ${name}: its error`,
          );
        }
      }
      await holds(t, server, await server.post(dialect[endpoint], { ...ASKED[endpoint], ...signed()() }));
    });
  }
}

/** The message of the refusal, or that the client is authenticated. The endpoint decides about an unknown token. */
function outcome(dialect: Paths, endpoint: (typeof ENDPOINTS)[number], { status, json }: Reply): { says: string } {
  const passed = status === 200 || (dialect === SIS && endpoint !== "token" && json?.error === "invalid_token");
  return { says: passed ? KNOWN : json?.error_description };
}

const grant = { grant_type: "client_credentials", scope: "api1" };

t.test("AS-01 an assertion works once, on every instance and across a restart", async (t) => {
  const other = await startInstance(t, { database: server.database, clock, env: { ISSUER: issuer } });
  const text = signed()();
  const replies = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      decided(() => (index % 2 ? server : other).post("/oauth2/token", { ...grant, ...text })),
    ),
  );
  t.strictSame(replies.filter(({ status }) => status === 200).length, 1, "one of fifty in parallel");
  t.ok(replies.every(({ status, json }) => status === 200 || json.error_description === SAYS.used));

  await other.stop();
  const restarted = await startInstance(t, { database: server.database, clock, env: { ISSUER: issuer } });
  t.equal((await restarted.post("/oauth2/token", { ...grant, ...text })).json.error_description, SAYS.used);
  t.equal(
    (await restarted.post("/introspect", { token: "x", ...text })).json.error_description,
    SAYS.used,
    "nor elsewhere",
  );
});

t.test("AS-02 an assertion is remembered until it has expired by itself", async (t) => {
  const text = signed({ exp: seconds() + 300 })();
  t.equal((await server.post("/oauth2/token", { ...grant, ...text })).status, 200);
  clock.advance(299 + CLOCK_TOLERANCE);
  t.equal((await server.post("/oauth2/token", { ...grant, ...text })).json.error_description, SAYS.used);
  clock.advance(1);
  t.equal((await server.post("/oauth2/token", { ...grant, ...text })).json.error_description, SAYS[19]);
});

t.test("a jti belongs to one client, and a refused one is not used up", async (t) => {
  const jti = randomUUID();
  const twice = async (form: Form) => (await server.post("/oauth2/token", { ...grant, ...form })).status;
  t.equal(await twice(signed({ jti })()), 200);
  t.equal(await twice(shared("sharer", { jti })()), 200);
  const fresh = randomUUID();
  t.equal(await twice(signed({ jti: fresh, aud: "https://elsewhere.example" })()), 401);
  t.equal(await twice(signed({ jti: fresh })()), 200);
});

t.test("LG-01 the log has the refused client and the reason, and no assertion or secret", async (t) => {
  const { client_assertion: text } = signed({}, {}, ecdsa(strange.privateKey))();
  await server.post("/oauth2/token", { ...grant, ...asserted(text!) });
  const [line] = server.log.slice(-1);
  t.match(line, { client_id: "signer", client_auth: "private_key_jwt", refused_with: "assertion_signature_wrong" });
  nothingLeaked(t, server, [text, text!.split(".")[2], SECRET]);
});

t.test("AS-12 a weak key is refused when it is registered", async (t: Test) => {
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
  const client = { ...signing, client_id: "weak", jwks: { keys: [weak] } };
  await t.rejects(server.apply({ clients: [client] }), { message: /clients\[0\]\.jwks\.keys\[0\].*2048 bits/ });
});
