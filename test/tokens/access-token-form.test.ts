import { createRemoteJWKSet, jwtVerify } from "jose";
import t from "tap";
import { SIGNING_ALGORITHMS } from "../../src/keys/signing-key.js";
import { readClaimToken } from "../../src/tokens/id-token.js";
import { FLEET, SECRET, ALICE } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { isActive, kidOf, logIn } from "../support/tokens.js";
import { until } from "../support/until.js";

const TYPES = ["at+jwt", "JWT"] as const;
const nameOf = (alg: string, typ: string) => `${alg}.${typ === "JWT" ? "jwt" : "at"}`;
const FORMS = SIGNING_ALGORITHMS.flatMap((alg) => TYPES.map((typ) => ({ alg, typ, scope: nameOf(alg, typ) })));

const FILE = {
  ...FLEET,
  scopes: [
    ...FLEET.scopes,
    ...FORMS.map(({ alg, typ, scope }) => ({
      name: scope,
      audience: `https://${scope}.example`,
      access_token_signing_alg: alg,
      access_token_typ: typ,
    })),
    { name: "ES256.at.too", audience: "https://es256.at.too.example", access_token_signing_alg: "ES256" },
    { name: "torn.1", audience: "https://torn.example", access_token_signing_alg: "RS256" },
    { name: "torn.2", audience: "https://torn.example", access_token_signing_alg: "ES256" },
  ],
  clients: [
    ...FLEET.clients,
    {
      client_id: "service",
      client_secret: SECRET,
      grant_types: ["client_credentials"],
      scope: ["plain", "api1", "ES256.at.too", "torn.1", "torn.2", ...FORMS.map(({ scope }) => scope)].join(" "),
    },
    {
      client_id: "older",
      client_secret: SECRET,
      grant_types: ["client_credentials", "password"],
      scope: "openid plain api1 ES256.at",
      access_token_signing_alg: "RS256",
      access_token_typ: "JWT",
    },
    {
      client_id: "opaque",
      client_secret: SECRET,
      grant_types: ["client_credentials"],
      scope: "RS256.at ES256.at",
      access_token_format: "opaque",
    },
  ],
};

t.test("a resource server chooses the signature and the media type of its access tokens", async (t) => {
  const one = await startInstance(t, { provision: FILE });
  const other = await startInstance(t, { database: one.database, env: { ISSUER: one.core.issuer } });
  const ask = (client_id: string, scope: string, on = one) =>
    on.post("/oauth2/token", { grant_type: "client_credentials", scope }, basic(client_id, SECRET));
  const verify = async (token: string, typ: string) => {
    const kid = kidOf(token);
    const isKnown = async () => other.core.ring.jwks.keys.some((key) => key.kid === kid);
    await until("the other instance has heard of the key", isKnown);
    const keys = createRemoteJWKSet(new URL("/oauth2/jwks", other.url));
    return jwtVerify(token, keys, { typ, currentDate: new Date(one.core.clock.now()) });
  };

  t.test("two instances that use an algorithm for the first time at once make one key of it", async (t) => {
    const replies = await Promise.all([one, other, one, other].map((on) => ask("service", nameOf("EdDSA", "JWT"), on)));
    const kids = await Promise.all(
      replies.map(async ({ json }) => (await verify(json.access_token, "JWT")).protectedHeader.kid),
    );
    t.equal(new Set(kids).size, 1);
    t.equal(one.core.ring.jwks.keys.filter(({ alg }) => alg === "EdDSA").length, 2, "the current key and the next one");
  });

  for (const { alg, typ, scope } of FORMS) {
    t.test(`${alg} and ${typ}`, async (t) => {
      const { json } = await ask("service", scope);
      const { protectedHeader, payload } = await verify(json.access_token, typ);
      t.match(protectedHeader, { alg, typ });
      t.equal(payload.aud, `https://${scope}.example`);
      t.ok(await isActive(other, json.access_token));
    });
  }

  t.test("the client's settings count where the audience says nothing", async (t) => {
    for (const scope of ["plain", "api1"]) {
      const { json } = await ask("older", scope);
      t.match((await verify(json.access_token, "JWT")).protectedHeader, { alg: "RS256" });
      const { json: standard } = await ask("service", scope);
      t.match((await verify(standard.access_token, "at+jwt")).protectedHeader, { alg: "ES256" });
    }
    const { json } = await ask("older", "ES256.at");
    t.match((await verify(json.access_token, "at+jwt")).protectedHeader, { alg: "ES256" });
  });

  t.test("a token for audiences that agree is issued, and one for others is refused", async (t) => {
    t.equal((await ask("service", "ES256.at ES256.at.too api1 plain")).status, 200);
    for (const scope of ["RS256.at ES256.at", "ES256.at ES256.jwt", "api1 PS256.at", "torn.1"]) {
      t.match(await ask("service", scope), {
        status: 400,
        json: {
          error: "invalid_scope",
          error_description: "no access token suits all resource servers of these scopes",
        },
      });
    }
    t.equal((await ask("opaque", "RS256.at ES256.at")).status, 200, "an opaque token has no signature");
  });

  t.test("keys of every algorithm in use are rotated", async (t) => {
    t.same((await one.core.ring.rotate()).map(({ alg }) => alg).sort(), [...SIGNING_ALGORITHMS].sort());
  });

  t.test("an access token of the media type JWT is no id_token", async (t) => {
    const { json } = await logIn(one, { client_id: "older", scope: "openid plain", ...ALICE }, basic("older", SECRET));
    const read = (text: string) => readClaimToken(one.core, text, "older");
    t.match(await read(json.id_token), { sub: "user-alice" });
    t.equal(await read(json.access_token), undefined);
    t.notOk(await isActive(one, json.id_token), "nor the other way round");
  });
});
