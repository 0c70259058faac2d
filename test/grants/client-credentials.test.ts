import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import t from "tap";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";

t.test("a backend service gets a token for itself", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const ask = (form: Record<string, string>, headers = basic("backend", SECRET)) =>
    server.post("/oauth2/token", { grant_type: "client_credentials", ...form }, headers);

  t.test("the access token is a JWT of RFC 9068 and verifies with the published keys", async (t) => {
    const { status, json, headers } = await ask({ scope: "api1" });
    t.equal(status, 200);
    t.strictSame(Object.keys(json).sort(), ["access_token", "expires_in", "scope", "token_type"]);
    t.equal(headers.get("cache-control"), "no-store");

    const keys = createRemoteJWKSet(new URL("/oauth2/jwks", server.url));
    const { payload, protectedHeader } = await jwtVerify(json.access_token, keys, {
      typ: "at+jwt",
      currentDate: new Date(server.core.clock.now()),
    });
    t.equal(protectedHeader.alg, "ES256");
    t.match(payload, {
      iss: server.core.issuer,
      sub: "backend",
      client_id: "backend",
      aud: "https://api1.example",
      scope: "api1",
      jti: String,
    });
    t.equal(payload.exp! - payload.iat!, json.expires_in);
  });

  t.test("a request without scope gets every scope of the client", async (t) => {
    t.equal((await ask({})).json.scope, "api1 api2 plain");
  });

  t.test("the audience comes from the scopes and is otherwise the issuer", async (t) => {
    const audience = async (scope: string) => {
      const { json } = await ask({ scope });
      return JSON.parse(Buffer.from(json.access_token.split(".")[1], "base64url").toString()).aud;
    };
    t.strictSame(await audience("api1 api2"), ["https://api1.example", "https://api2.example"]);
    t.equal(await audience("plain"), server.core.issuer);
  });

  t.test("a repeated scope is granted once", async (t) => {
    t.equal((await ask({ scope: "api1 api1" })).json.scope, "api1");
  });

  t.test("a client registered for client_secret_post sends its secret in the body", async (t) => {
    const { status } = await server.post("/oauth2/token", {
      grant_type: "client_credentials",
      client_id: "poster",
      client_secret: SECRET,
    });
    t.equal(status, 200);
  });

  t.test("the header of the JWT names a published key", async (t) => {
    const { json } = await ask({});
    const { kid } = decodeProtectedHeader(json.access_token);
    t.ok(server.core.ring.jwks.keys.some((key) => key.kid === kid));
  });
});
