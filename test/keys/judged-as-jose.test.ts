import { constants, createHmac, createPrivateKey, createPublicKey, sign, type KeyObject } from "node:crypto";
import { createLocalJWKSet, errors, jwtVerify, type JWK } from "jose";
import t from "tap";
import { readCompact } from "../../src/keys/compact.js";
import { toJose, toOpenssl } from "../../src/keys/ecdsa.js";
import { MasterKey } from "../../src/keys/master-key.js";
import { KeyRing } from "../../src/keys/ring.js";
import { SIGNING_ALGORITHMS } from "../../src/keys/signing-key.js";
import { closeDb, openDb } from "../../src/store/open.js";
import { allKeys } from "../../src/store/signing-keys.js";
import { TestClock } from "../support/clock.js";
import { freshDatabase } from "../support/database.js";
import { OF_ALL, OF_ECDSA, SPELLINGS } from "./forgeries.js";

/** This server verifies its own JWTs by itself. It judges each of them as jose does. */

const db = openDb(await freshDatabase(t));
t.teardown(() => closeDb(db));
const clock = new TestClock();
const master = new MasterKey(Buffer.alloc(32, 1));
const ring = await KeyRing.open(db, master, clock);

/** The keys that sign now, as no attacker has them: what is wrong with these JWTs is not their signature. */
async function signingKeys() {
  const current = ring.describe().filter(({ state }) => state === "current");
  const rows = (await allKeys(db)).filter(({ kid }) => current.some((one) => one.kid === kid));
  return new Map(
    rows.map(({ kid, alg, sealed_private }) => {
      const jwk = JSON.parse(master.open("signing-key", sealed_private)!.toString("utf8")) as JWK;
      return [alg, { kid, key: createPrivateKey({ key: jwk, format: "jwk" }) }];
    }),
  );
}

const base64url = (part: unknown) =>
  (Buffer.isBuffer(part) ? part : Buffer.from(typeof part === "string" ? part : JSON.stringify(part))).toString(
    "base64url",
  );

/** What an algorithm tells OpenSSL besides the key. */
const HOW: Readonly<Record<string, object>> = {
  ES256: { dsaEncoding: "ieee-p1363" },
  PS256: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
};

/** A JWT with a signature that is right for `alg`, under any header. */
function signed(alg: string, key: KeyObject, header: unknown, payload: unknown): string {
  const text = `${base64url(header)}.${base64url(payload)}`;
  const signature = sign(alg === "EdDSA" ? null : "sha256", Buffer.from(text), { key, ...HOW[alg] });
  return `${text}.${base64url(signature)}`;
}

interface Judgement {
  readonly claims?: object;
  readonly verdict: "genuine" | "expired" | "refused";
}

/** What jose says of a text in strict compact form. */
async function judgeByJose(text: string): Promise<Judgement> {
  if (readCompact(text) === undefined) return { verdict: "refused" };
  try {
    const { payload } = await jwtVerify(text, createLocalJWKSet({ keys: [...ring.jwks.keys] }), {
      typ: "at+jwt",
      algorithms: [...SIGNING_ALGORITHMS],
      currentDate: new Date(clock.now()),
    });
    return { verdict: "genuine", claims: payload };
  } catch (error) {
    if (error instanceof errors.JWTExpired) return { verdict: "expired", claims: error.payload };
    if (error instanceof errors.JOSEError) return { verdict: "refused" };
    throw error;
  }
}

async function judge(text: string): Promise<Judgement> {
  const jwt = await ring.verify(text, "at+jwt");
  if (jwt === undefined) return { verdict: "refused" };
  return { verdict: jwt.expired ? "expired" : "genuine", claims: jwt.claims };
}

/** The key that everybody knows, taken for a shared secret (RFC 8725 section 2.1). */
function hmacWithPublicKey(header: object, claims: object, key: KeyObject): string {
  const secret = createPublicKey(key).export({ type: "spki", format: "pem" });
  const text = `${base64url({ ...header, alg: "HS256" })}.${base64url(claims)}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

// The first signature of an algorithm makes its keys.
for (const alg of SIGNING_ALGORITHMS) await ring.sign(alg, "at+jwt", {});
const keys = await signingKeys();
const seconds = Math.floor(clock.now() / 1000);
const next = ring.describe().find(({ state, alg }) => state === "next" && alg === "ES256")!;

for (const alg of SIGNING_ALGORITHMS) {
  const { kid, key } = keys.get(alg)!;
  const header = { alg, typ: "at+jwt", kid };
  const claims = { iss: "https://issuer.example", sub: "user-alice", iat: seconds, exp: seconds + 600 };
  const other = alg === "ES256" ? "RS256" : "ES256";
  const genuine = (await ring.sign(alg, "at+jwt", claims)).text;
  const genuineParts = genuine.split(".") as [string, string, string];
  const bytes = Buffer.from(genuineParts[2], "base64url");
  const text = genuineParts.slice(0, 2).join(".");

  const headers: Readonly<Record<string, unknown>> = {
    "the right one": header,
    "its members in another order": { kid, typ: "at+jwt", alg },
    "a member that says nothing": { ...header, b64: false, jwk: keys.get(other), x5u: "https://evil.example" },
    "the whole media type": { ...header, typ: "application/at+jwt" },
    capitals: { ...header, typ: "AT+JWT" },
    "another type": { ...header, typ: "JWT" },
    "a type that is no text": { ...header, typ: ["at+jwt"] },
    "no type": { alg, kid },
    "no key": { alg, typ: "at+jwt" },
    "an unknown key": { ...header, kid: "unknown" },
    "a key that is no text": { ...header, kid: [kid] },
    "the key of the other algorithm": { ...header, kid: keys.get(other)!.kid },
    "a key that does not sign yet": { ...header, kid: next.kid },
    "the other algorithm": { ...header, alg: other },
    "no algorithm": { typ: "at+jwt", kid },
    "the algorithm none": { ...header, alg: "none" },
    "an algorithm in small letters": { ...header, alg: alg.toLowerCase() },
    "an algorithm that is no text": { ...header, alg: [alg] },
    "a stronger algorithm": { ...header, alg: alg.replace("256", "512") },
    "an unknown extension": { ...header, crit: ["exp"], exp: seconds + 600 },
    "an unencoded payload": { ...header, crit: ["b64"], b64: false },
    "no extension at all": { ...header, crit: [] },
    "an extension that is no list": { ...header, crit: "exp" },
    "an extension that is null": { ...header, crit: null },
    "an array": [header],
    "a text": '"header"',
    null: "null",
    "no JSON": "{alg",
    "two values": JSON.stringify(header) + "{}",
    "a member twice": `{"alg":"none",${JSON.stringify(header).slice(1)}`,
    "bytes that are no UTF-8": Buffer.concat([
      Buffer.from('{"\xff":1,', "latin1"),
      Buffer.from(JSON.stringify(header).slice(1)),
    ]),
    "a byte order mark before it": `\ufeff${JSON.stringify(header)}`,
    "a prototype": `{"__proto__":{"crit":["exp"]},${JSON.stringify(header).slice(1)}`,
  };
  t.test(`a header of ${alg}`, async (t) => {
    for (const [what, one] of Object.entries(headers)) {
      const token = signed(alg, key, one, claims);
      t.strictSame(await judge(token), await judgeByJose(token), what);
    }
  });

  const payloads: Readonly<Record<string, unknown>> = {
    "the right one": claims,
    nothing: {},
    "a time that is over": { ...claims, exp: seconds - 1 },
    "a time that is over now": { ...claims, exp: seconds },
    "a time that is nearly over": { ...claims, exp: seconds + 0.5 },
    "an end that is no number": { ...claims, exp: String(seconds + 600) },
    "an end that is null": { ...claims, exp: null },
    "an end beyond every number": `{"exp":1e999}`,
    "a beginning to come": { ...claims, nbf: seconds + 1 },
    "a beginning to come and an end that is over": { nbf: seconds + 1, exp: seconds - 1 },
    "a beginning that has come": { ...claims, nbf: seconds },
    "a beginning that is no number": { ...claims, nbf: "0" },
    "a beginning that is null": { ...claims, nbf: null },
    "a time of issue that is no number": { ...claims, iat: true },
    "a time of issue that is null": { ...claims, iat: null },
    "a time of issue to come": { ...claims, iat: seconds + 600 },
    "an array": [claims],
    "a text": '"claims"',
    null: "null",
    "a number": "1",
    empty: "",
    "no JSON": "{iss",
    "bytes that are no UTF-8": Buffer.from('{"sub":"\xff"}', "latin1"),
    "a byte order mark before it": `\ufeff${JSON.stringify(claims)}`,
    "a prototype": '{"__proto__":{"exp":1}}',
    "a claim twice": '{"exp":1,"exp":9999999999}',
  };
  t.test(`claims under ${alg}`, async (t) => {
    for (const [what, one] of Object.entries(payloads)) {
      const token = signed(alg, key, header, one);
      t.strictSame(await judge(token), await judgeByJose(token), what);
    }
  });

  const signatures: readonly (readonly [string, string])[] = [
    ["the right one", genuine],
    ...[...OF_ALL, ...(alg === "ES256" ? OF_ECDSA : [])].map(
      ([what, forge]) => [what, `${text}.${base64url(forge(bytes, text))}`] as const,
    ),
    ["an HMAC with the public key", hmacWithPublicKey(header, claims, key)],
    ...SPELLINGS.map(([what, spell]) => [what, spell(genuine)] as const),
    ["the claims of another", [genuineParts[0], base64url({ ...claims, sub: "user-bob" }), genuineParts[2]].join(".")],
    ["a dot before it", `.${genuine}`],
    ["only two parts", text],
    ["nothing", ""],
    ["dots", ".."],
  ];
  t.test(`a signature of ${alg}`, async (t) => {
    for (const [what, token] of signatures) {
      t.strictSame(await judge(token), await judgeByJose(token), what);
    }
    t.equal((await judge(genuine)).verdict, "genuine");
  });
}

t.test("a signature whose halves begin with zeros, or with a set bit, has its one form in both systems", async (t) => {
  for (const r of ["00", "01", "7f", "80", "ff", "007f", "0080"])
    for (const s of ["00", "01", "7f", "80", "ff", "007f", "0080"]) {
      const signature = Buffer.concat([r, s].map((begin) => Buffer.from(begin.padEnd(64, "5"), "hex")));
      t.strictSame(toJose(toOpenssl(signature)!), signature, `${r} ${s}`);
    }
  const small = Buffer.from("01".padStart(64, "0") + "ff".padStart(64, "0"), "hex");
  t.equal(toOpenssl(small)!.toString("hex"), "30070201010202" + "00ff");
  t.strictSame(toJose(toOpenssl(small)!), small);

  const beginsWithZero = async (at: number): Promise<string> => {
    for (;;) {
      const { text } = await ring.sign("ES256", "at+jwt", {});
      if (Buffer.from(text.split(".")[2]!, "base64url")[at] === 0) return text;
    }
  };
  for (const at of [0, 32]) {
    const text = await beginsWithZero(at);
    t.strictSame(await judge(text), { verdict: "genuine", claims: {} });
    t.strictSame(await judgeByJose(text), { verdict: "genuine", claims: {} });
  }
});

t.test("a JWT that was verified before is judged again", async (t) => {
  const exp = Math.floor(clock.now() / 1000) + 10;
  const { text, kid } = await ring.sign("ES256", "at+jwt", { exp });
  const verdict = async (one: string) => (await judge(one)).verdict;
  for (let time = 0; time < 2; time += 1) t.equal(await verdict(text), "genuine");

  const bytes = Buffer.from(text.split(".")[2]!, "base64url");
  const signed = text.slice(0, text.lastIndexOf("."));
  for (const [what, forge] of [...OF_ALL, ...OF_ECDSA])
    t.equal(await verdict(`${signed}.${base64url(forge(bytes, signed))}`), "refused", what);
  for (const [what, spell] of SPELLINGS) if (spell(text) !== text) t.equal(await verdict(spell(text)), "refused", what);
  t.equal(await ring.verify(text, "JWT"), undefined, "as another type");

  clock.advance(10);
  t.equal(await verdict(text), "expired", "its time is over");
  await ring.rotate(true);
  t.notOk(ring.jwks.keys.some((key) => key.kid === kid));
  t.equal(await verdict(text), "refused", "its key has leaked");
});
