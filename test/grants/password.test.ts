import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import t from "tap";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { sql } from "../support/database.js";
import { introspect, logIn, refresh } from "../support/tokens.js";
import { until } from "../support/until.js";

const [alice, ...others] = FLEET.users;

const FILE = {
  scopes: [...FLEET.scopes, { name: "groups", claims: ["groups"] }],
  clients: [
    ...FLEET.clients,
    {
      client_id: "reader",
      client_secret: SECRET,
      grant_types: ["password"],
      scope: "openid profile email groups",
      id_token_claims: "scope",
    },
  ],
  users: [{ ...alice, groups: ["staff"] }, ...others],
};

t.test("a mobile app logs its user in with a password", async (t) => {
  const server = await startInstance(t, { provision: FILE });
  t.test("the user may enter a login name, verified email or verified phone number in any usual form", async (t) => {
    const { password } = ALICE;
    for (const username of [
      "alice",
      "ALICE",
      " Alice ",
      "Ａlice",
      "Alice@Example.com",
      "+4930123456",
      "+49 (30) 12-34-56",
    ]) {
      const { status, json } = await logIn(server, { username, password });
      t.equal(status, 200, username);
      t.equal(decodeJwt(json.access_token).sub, "user-alice");
    }
  });

  t.test("an id_token is issued only if the scope openid is requested", async (t) => {
    const { json } = await logIn(server, { scope: "openid profile" });
    const keys = createRemoteJWKSet(new URL("/oauth2/jwks", server.url));
    const { payload, protectedHeader } = await jwtVerify(json.id_token, keys, {
      issuer: server.core.issuer,
      audience: "mobile",
      currentDate: new Date(server.core.clock.now()),
    });
    t.equal(protectedHeader.alg, "RS256", "OpenID Connect Core section 2");
    t.match(payload, { sub: "user-alice", auth_time: Number, amr: ["pwd"], at_hash: String });
    t.notOk(payload.name, "the standard dialect releases claims at userinfo");
    t.notOk((await logIn(server, { scope: "api1" })).json.id_token);
  });

  t.test("a client can have the claims of its scopes in the id_token", async (t) => {
    const { json } = await logIn(
      server,
      { client_id: "reader", scope: "openid profile groups" },
      basic("reader", SECRET),
    );
    const claims = decodeJwt(json.id_token);
    t.match(claims, { name: "Alice Example", groups: ["staff"], aud: "reader", sub: "user-alice" });
    t.notOk(claims.email, "email was not asked for");
  });

  t.test("the SimpleIdentityServer dialect puts the released claims into the id_token", async (t) => {
    const { json } = await server.post("/token", {
      grant_type: "password",
      client_id: "mobile",
      scope: "openid profile role",
      ...ALICE,
    });
    const claims = decodeJwt(json.id_token);
    t.match(claims, { name: "Alice Example", preferred_username: "Alice", role: ["user", "editor"] });
    t.notOk(claims.email, "email was not asked for");
    t.strictSame(json.scope, ["openid", "profile", "role"]);
  });

  t.test("only a client with the grant gets a refresh token; SimpleIdentityServer answers null instead", async (t) => {
    t.type((await logIn(server)).json.refresh_token, "string");
    const kiosk = basic("kiosk", SECRET);
    t.notOk((await logIn(server, { client_id: "kiosk" }, kiosk)).json.refresh_token);
    const { json } = await server.post("/token", { grant_type: "password", scope: "api1", ...ALICE }, kiosk);
    t.match(json, { refresh_token: null, id_token: null, token_type: "Bearer" });
  });

  t.test("an unknown user, a wrong password and a disabled user get the same answer", async (t) => {
    const before = server.log.length;
    const answers = [];
    for (const username of ["alice", "stranger", "gone"]) {
      const { status, text } = await logIn(server, { username, password: "was here once" });
      answers.push({ status, text });
    }
    t.strictSame(answers[1], answers[0]);
    t.strictSame(answers[2], answers[0]);
    const reasons = server.log.slice(before).map(({ reason }) => reason);
    t.strictSame(reasons, ["wrong password", "no such user", "the user is disabled"]);
  });

  t.test("a password is compared at full length, in any Unicode normalization form", async (t) => {
    const password = `é${"x".repeat(80)}`;
    await server.apply({ users: [{ sub: "user-carol", preferred_username: "carol", password }] });
    t.equal((await logIn(server, { username: "carol", password: password.normalize("NFD") })).status, 200);
    t.equal((await logIn(server, { username: "carol", password: password.slice(0, -1) })).status, 400);
    t.equal((await logIn(server, { username: "carol", password: `${password}y` })).status, 400);
  });

  t.test("a password of more than 1024 characters is refused as malformed", async (t) => {
    const { status, json } = await logIn(server, { username: "alice", password: "x".repeat(1_025) });
    t.equal(status, 400);
    t.match(json, { error: "invalid_request", error_description: "the parameter password is malformed" });
  });

  t.test("a login of a user or client that is deleted at this moment gets tokens that are not in force", async (t) => {
    const { db } = server.core;
    for (const gone of [
      "DELETE FROM users WHERE sub = 'user-carol'",
      "DELETE FROM clients WHERE client_id = 'mobile'",
    ]) {
      const deletion = await db.pool.connect();
      await deletion.query("BEGIN");
      await deletion.query(gone);
      const answer = logIn(server, gone.includes("users") ? { username: "carol", password: `é${"x".repeat(80)}` } : {});
      await until("the grant waits for the deletion", async () => {
        const waiting =
          "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        return (await sql(server.database, waiting)).length === 1;
      });
      await deletion.query("COMMIT");
      deletion.release();
      const { status, json } = await answer;
      t.match({ status, json }, { status: 200, json: { access_token: String, refresh_token: String } });
      t.strictSame((await introspect(server, json.access_token)).json, { active: false });
      t.equal((await refresh(server, json.refresh_token)).status >= 400, true);
    }
  });
});
