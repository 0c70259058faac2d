import { generateKeyPairSync } from "node:crypto";
import t from "tap";
import { CLOCK_TOLERANCE } from "../../src/clock.js";
import { readTlsFiles, validityProblem } from "../../src/http/tls-files.js";
import { MasterKey } from "../../src/keys/master-key.js";
import { KeyRing } from "../../src/keys/ring.js";
import { closeDb, openDb } from "../../src/store/open.js";
import { asserted, claimsOf, ecdsa, hmac, jws } from "../support/assertions.js";
import { selfSigned } from "../support/certificate.js";
import { after, TestClock } from "../support/clock.js";
import { freshDatabase, sql } from "../support/database.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { startInstance, type Form } from "../support/instance.js";
import { APP, MAXIMUM, ofApp, postJson, VENDORS } from "../support/vendors.js";

/**
 * Each comparison of our clock with an instant that another machine named: just inside the tolerance, and just outside it
 * (row CK-01, FAPI 2.0 section 5.3.2.1).
 */

const clock = new TestClock();
const issuer = "https://issuer.example";
const key = generateKeyPairSync("ec", { namedCurve: "P-256" });

const service = { grant_types: ["client_credentials"], scope: "api1" };

const server = await startInstance(t, {
  provision: {
    ...VENDORS,
    clients: [
      ...VENDORS.clients,
      {
        ...service,
        client_id: "signer",
        token_endpoint_auth_method: "private_key_jwt",
        jwks: { keys: [key.publicKey.export({ format: "jwk" })] },
      },
      { ...service, client_id: "sharer", token_endpoint_auth_method: "client_secret_jwt", client_secret: SECRET },
    ],
  },
  clock,
  env: { ISSUER: issuer, TRUST_PROXY: "127.0.0.1" },
});

const seconds = () => clock.now() / 1000;
const token = async (form: Form, headers = {}) => {
  const { status, json } = await server.post("/oauth2/token", { grant_type: "client_credentials", ...form }, headers);
  return status === 200 ? "accepted" : (json.error_description as string);
};
const signed = (claims: object) =>
  token(asserted(jws({ alg: "ES256" }, claimsOf("signer", issuer, clock.now(), claims), ecdsa(key.privateKey))));
const shared = (claims: object) =>
  token(asserted(jws({ alg: "HS256" }, claimsOf("sharer", issuer, clock.now(), claims), hmac(SECRET))));

/** Registers a certificate and returns the answer to its client. */
async function shown(from: Date, to: Date): Promise<string> {
  const { der } = selfSigned("a client", { from, to });
  const registered = { kty: "EC", crv: "P-256", x: "x", y: "y", x5c: [der.toString("base64")] };
  const method = { token_endpoint_auth_method: "self_signed_tls_client_auth", jwks: { keys: [registered] } };
  await server.apply({ clients: [{ ...service, ...method, client_id: "shower" }] });
  return token({ client_id: "shower" }, { "Client-Cert": `:${der.toString("base64")}:` });
}

const EARLY = "the received JWT is not valid yet";
const EXPIRED = "the received JWT has expired";
const LONG = "the received JWT lives too long";
const TLS = "the client cannot be authenticated with TLS";

interface Row {
  readonly name: string;
  /** Runs it with a clock that differs from ours by so many seconds: ahead, or behind if negative. */
  readonly attempt: (skew: number) => Promise<string>;
  /** The clock that is too far ahead, or too far behind, is refused so. */
  readonly ahead?: string;
  readonly behind?: string;
}

const ROWS: readonly Row[] = [
  {
    name: "an assertion that lives the longest it may",
    attempt: (skew) => signed({ iat: seconds() + skew, exp: seconds() + skew + 300 }),
    ahead: LONG,
  },
  {
    name: "an assertion that lives the longest it may and does not say when it was made",
    attempt: (skew) => signed({ iat: undefined, exp: seconds() + skew + 300 }),
    ahead: LONG,
  },
  {
    name: "the time at which an assertion was made",
    attempt: (skew) => signed({ iat: seconds() + skew, exp: seconds() + skew + 60 }),
    ahead: EARLY,
  },
  {
    name: "the time from which an assertion is valid",
    attempt: (skew) => signed({ iat: undefined, nbf: seconds() + skew }),
    ahead: EARLY,
  },
  {
    name: "the expiry of an assertion",
    attempt: (skew) => signed({ iat: undefined, exp: seconds() + skew }),
    behind: EXPIRED,
  },
  {
    name: "an assertion with a shared secret",
    attempt: (skew) => shared({ iat: seconds() + skew, nbf: seconds() + skew, exp: seconds() + skew + 300 }),
    ahead: LONG,
  },
  {
    name: "an assertion with a shared secret that ends the second it is made",
    attempt: (skew) => shared({ iat: seconds() + skew, exp: seconds() + skew }),
    ahead: EARLY,
    behind: EXPIRED,
  },
  {
    name: "the begin of a certificate",
    attempt: (skew) => shown(after(clock, skew), after(clock, 3_600)),
    ahead: TLS,
  },
  {
    name: "the end of a certificate",
    attempt: (skew) => shown(after(clock, -3_600), after(clock, skew)),
    behind: TLS,
  },
  {
    name: "the longest life of a token that an app asks for",
    attempt: async (skew) => {
      const { json } = await postJson(
        server,
        "/api/oauth2/token",
        { ...ALICE, expiresAt: clock.now() + (MAXIMUM + skew) * 1000 },
        ofApp(APP),
      );
      if (json.access_token === undefined) return json.error_description;
      t.equal(json.expires_in, MAXIMUM + Math.min(skew, 0), "it lives no longer than the app's maximum");
      return "accepted";
    },
    ahead: "expiresAt is beyond the maximum of the app",
  },
];

for (const { name, attempt, ahead = "accepted", behind = "accepted" } of ROWS) {
  t.test(name, async (t) => {
    t.equal(await attempt(CLOCK_TOLERANCE - 1), "accepted", "by a clock that is a little ahead");
    t.equal(await attempt(1 - CLOCK_TOLERANCE), "accepted", "by a clock that is a little behind");
    t.equal(await attempt(CLOCK_TOLERANCE + 1), ahead, "by a clock that is too far ahead");
    t.equal(await attempt(-1 - CLOCK_TOLERANCE), behind, "by a clock that is too far behind");
  });
}

t.test("a client that is five seconds ahead uses the longest allowed lifetime", async (t) => {
  t.equal(await signed({ iat: seconds() + 5, exp: seconds() + 305 }), "accepted");
});

t.test("the start of a renewed server certificate is by its issuer's clock", async (t) => {
  const refused = async (from: Date, to: Date) => {
    const { cert, key } = selfSigned("localhost", { from, to });
    const folder = t.testdir({ "cert.pem": cert, "key.pem": key });
    const material = await readTlsFiles({ cert: `${folder}/cert.pem`, key: `${folder}/key.pem` });
    return validityProblem(material, clock.now());
  };
  const [soon, later] = [after(clock, CLOCK_TOLERANCE - 1), after(clock, CLOCK_TOLERANCE + 1)];
  const [justNow, before] = [after(clock, 1 - CLOCK_TOLERANCE), after(clock, -1 - CLOCK_TOLERANCE)];
  t.equal(await refused(soon, after(clock, 3_600)), undefined);
  t.match(await refused(later, after(clock, 3_600)), /is not valid before/);
  t.equal(await refused(after(clock, -3_600), justNow), undefined);
  t.match(await refused(after(clock, -3_600), before), /has expired on/);
});

t.test("FAPI allows the tolerance", async (t) => {
  t.ok(CLOCK_TOLERANCE >= 10 && CLOCK_TOLERANCE <= 60);
});

t.test("between two times of the client's own clock there is no tolerance", async (t) => {
  t.equal(await signed({ iat: seconds(), exp: seconds() + 301 }), LONG);
  t.equal(await signed({ iat: seconds() - 10, exp: seconds() + 291 }), LONG);
});

t.test("an assertion works once for as long as it is valid", async (t) => {
  const life = 77;
  const believed = after(clock, life + CLOCK_TOLERANCE);
  const claims = claimsOf("signer", issuer, clock.now(), { exp: seconds() + life });
  const text = asserted(jws({ alg: "ES256" }, claims, ecdsa(key.privateKey)));
  t.equal(await token(text), "accepted");
  clock.advance(life + CLOCK_TOLERANCE - 1);
  t.equal(await token(text), "the received JWT has been used before");
  const kept = await sql(server.database, "SELECT FROM used_assertions WHERE expires_at = $1", [believed]);
  t.equal(kept.length, 1, "and the store keeps it for as long");
});

t.test("a signing key signs from the time that another instance gave it", async (t) => {
  const database = await freshDatabase(t);
  const db = openDb(database);
  t.teardown(() => closeDb(db));
  const master = new MasterKey(Buffer.alloc(32, 1));
  const ring = await KeyRing.open(db, master, clock);
  const before = (await ring.sign("ES256", "JWT", {})).kid;
  clock.advance(60);
  const [{ kid: now } = { kid: "" }] = await ring.rotate();
  t.not(now, before);
  const behind = (skew: number) => ({ now: () => clock.now() - skew * 1000, statement: () => after(clock, -skew) });
  const signer = async (skew: number) => {
    const other = await KeyRing.open(db, master, behind(skew));
    return (await other.sign("ES256", "JWT", {})).kid;
  };
  t.equal(await signer(CLOCK_TOLERANCE - 1), now, "by a clock that is a little behind");
  t.equal(await signer(CLOCK_TOLERANCE + 1), before, "by a clock that is too far behind");
});
