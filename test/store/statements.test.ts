import t from "tap";
import { asserted, claimsOf, hmac, jws } from "../support/assertions.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { statementsOf } from "../support/statements.js";
import { introspect, refresh } from "../support/tokens.js";

t.test("each warm endpoint runs the documented number of statements", async (t) => {
  const sharing = {
    client_id: "sharing",
    client_secret: SECRET,
    token_endpoint_auth_method: "client_secret_jwt",
    grant_types: ["client_credentials"],
    scope: "api1",
  };
  const server = await startInstance(t, { provision: { ...FLEET, clients: [...FLEET.clients, sharing] } });
  const backend = basic("backend", SECRET);
  const machine = () => server.post("/oauth2/token", { grant_type: "client_credentials" }, backend);
  const person = () => server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...ALICE });
  const revoke = (token: string) => server.post("/oauth2/revoke", { token }, basic("admin", SECRET));

  // Warm: every client and the scopes have been asked for once.
  const { access_token } = (await machine()).json;
  const first = (await person()).json;
  await introspect(server, access_token);
  await revoke("nothing");

  const count = async (work: () => Promise<unknown>) => (await statementsOf(work)).length;

  t.test("client_credentials runs no statement", async (t) => {
    t.equal(await count(machine), 0);
  });
  t.test("client_credentials with an opaque token runs no statement", async (t) => {
    await server.apply({ clients: [{ ...FLEET.clients[0], access_token_format: "opaque" }] });
    await machine();
    const sent = await statementsOf(async () => t.match((await machine()).json.access_token, /^jat_/));
    t.equal(sent.length, 0);
  });
  t.test("client_credentials with an assertion runs one statement, which stores its jti", async (t) => {
    const claims = () => claimsOf("sharing", server.core.issuer, server.core.clock.now());
    const assert = () => asserted(jws({ alg: "HS256" }, claims(), hmac(SECRET)));
    const ask = () => server.post("/oauth2/token", { grant_type: "client_credentials", ...assert() });
    t.equal((await ask()).status, 200);
    t.equal(await count(ask), 1);
  });
  t.test("introspection of an access or refresh token runs one statement", async (t) => {
    t.equal(await count(() => introspect(server, access_token)), 1);
    t.equal(await count(() => introspect(server, first.access_token)), 1);
    t.equal(await count(() => introspect(server, first.refresh_token)), 1);
  });
  t.test("introspection of garbage runs no statement", async (t) => {
    t.equal(await count(() => introspect(server, "garbage")), 0);
  });
  t.test("a refresh runs one statement", async (t) => {
    t.equal(await count(() => refresh(server, first.refresh_token)), 1);
    t.equal(await count(() => refresh(server, "garbage")), 0);
  });
  t.test("a revocation runs one statement", async (t) => {
    t.equal(await count(() => revoke(access_token)), 1);
    t.equal(await count(() => revoke(first.refresh_token)), 1);
  });
  t.test("a password login runs five statements, for the rate limits, the account and the grant", async (t) => {
    t.equal(await count(person), 5);
  });
});
