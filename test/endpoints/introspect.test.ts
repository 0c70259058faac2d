import { SignJWT, UnsecuredJWT, exportJWK, generateKeyPair } from "jose";
import t from "tap";
import { TestClock } from "../support/clock.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { introspect } from "../support/tokens.js";

const INACTIVE = { active: false };

t.test("introspection shows the state of a token to the parties that may ask", async (t) => {
  const clock = new TestClock();
  const server = await startInstance(t, { provision: FLEET, clock });
  const ask = async (form: Record<string, string>, headers = {}) =>
    (await server.post("/oauth2/token", form, headers)).json;
  const person = await ask({ grant_type: "password", client_id: "mobile", ...ALICE });
  const machine = await ask({ grant_type: "client_credentials", scope: "api2" }, basic("backend", SECRET));
  const opaque = await ask({ grant_type: "password", ...ALICE }, basic("kiosk", SECRET));

  t.test("the response has the members of RFC 7662, the same for JWTs and opaque tokens", async (t) => {
    const { json: jwt } = await introspect(server, person.access_token);
    t.match(jwt, {
      active: true,
      iss: server.core.issuer,
      sub: "user-alice",
      username: "Alice",
      client_id: "mobile",
      aud: "https://api1.example",
      token_type: "Bearer",
      scope: "openid profile email role api1 offline_access",
      exp: Math.floor(clock.now() / 1000) + 600,
    });
    const { json: sealed } = await introspect(server, opaque.access_token);
    const common = Object.keys(jwt).filter((name) => name !== "grant_id");
    t.strictSame(Object.keys(sealed).sort(), common.sort());
  });

  t.test("the token's client, its resource server and clients with jeton:introspect may introspect it", async (t) => {
    t.ok((await introspect(server, machine.access_token, "backend")).json.active);
    t.ok((await introspect(server, person.access_token, "api1-server")).json.active);
    t.ok((await introspect(server, machine.access_token, "gateway")).json.active);
  });

  t.test("every other client gets the answer inactive and nothing else", async (t) => {
    t.strictSame((await introspect(server, machine.access_token, "api1-server")).json, INACTIVE);
    t.strictSame((await introspect(server, person.access_token, "backend")).json, INACTIVE);
    t.strictSame((await introspect(server, person.refresh_token, "api1-server")).json, INACTIVE);
  });

  t.test("a client with jeton:introspect sees the state of a refresh token", async (t) => {
    const { json } = await introspect(server, person.refresh_token);
    t.match(json, { active: true, client_id: "mobile", sub: "user-alice", username: "Alice" });
    t.notOk(json.token_type);
  });

  t.test("a public client may not introspect", async (t) => {
    const { status, json } = await server.post("/oauth2/introspect", { token: "x", client_id: "mobile" });
    t.equal(status, 401);
    t.equal(json.error, "invalid_client");
  });

  t.test("the SimpleIdentityServer dialect always answers with all of its own members", async (t) => {
    const { json } = await server.post("/introspect", { token: machine.access_token }, basic("gateway", SECRET));
    t.strictSame(json, {
      active: true,
      scope: ["api2"],
      client_id: "backend",
      username: null,
      token_type: "Bearer",
      exp: 600,
      iat: Math.floor(clock.now() / 1000),
      nbf: 0,
      sub: "backend",
      aud: "https://api2.example",
      iss: server.core.issuer,
      jti: json.jti,
    });
  });

  t.test("a forged or altered token is inactive", async (t) => {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const claims = JSON.parse(Buffer.from(machine.access_token.split(".")[1], "base64url").toString());
    const kid = server.core.ring.jwks.keys[0]!.kid!;
    const sign = (header: object) =>
      new SignJWT(claims).setProtectedHeader({ alg: "ES256", typ: "at+jwt", ...header }).sign(privateKey);
    const [header, payload, signature] = machine.access_token.split(".");
    const forged = {
      "by another key": await sign({}),
      "by another key under our kid": await sign({ kid }),
      "by a key it brings itself": await sign({ jwk: await exportJWK(publicKey) }),
      unsigned: new UnsecuredJWT(claims).encode(),
      "with an id_token for an access token": person.id_token,
      "with a changed claim": `${header}.${Buffer.from(JSON.stringify({ ...claims, scope: "admin" })).toString("base64url")}.${signature}`,
      "with a signature of zeros": `${header}.${payload}.${Buffer.alloc(64).toString("base64url")}`,
      "with a cut signature": machine.access_token.slice(0, -10),
      "as a sealed token with one bit turned": `${opaque.access_token.slice(0, -2)}${opaque.access_token.endsWith("A") ? "BB" : "AA"}`,
      "with a kid that is a path": await sign({ kid: "../../../dev/null" }),
      "at 8,000 characters": "x".repeat(8_000),
    };
    for (const [how, token] of Object.entries(forged))
      t.strictSame((await introspect(server, token)).json, INACTIVE, how);
  });

  t.test("a token becomes inactive exactly at its exp", async (t) => {
    clock.advance(599);
    t.ok((await introspect(server, machine.access_token)).json.active);
    t.ok((await introspect(server, opaque.access_token)).json.active);
    clock.advance(1);
    for (const { access_token } of [machine, opaque]) {
      t.strictSame((await introspect(server, access_token)).json, INACTIVE);
      const { json } = await server.post("/introspect", { token: access_token }, basic("gateway", SECRET));
      t.match(json, { active: false, exp: 600, scope: Array }, "there an expired token is described");
    }
  });
});
