import t from "tap";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { logIn } from "../support/tokens.js";
import { until } from "../support/until.js";

const APP = "https://app.example";
const CONSOLE = "https://console.example";

/** The origins of web views in apps. */
const APPS = ["capacitor://localhost", "ionic://localhost", "tauri://localhost", "app://com.example:1"];

const FLEET = {
  clients: [
    {
      client_id: "spa",
      token_endpoint_auth_method: "none",
      grant_types: ["password", "refresh_token"],
      scope: "openid",
      redirect_uris: [`${APP}/cb`, "com.example.app:/cb"],
      web_origins: [CONSOLE, ...APPS],
    },
    {
      client_id: "other",
      client_secret: SECRET,
      grant_types: ["client_credentials"],
      redirect_uris: ["https://other.example/cb"],
    },
  ],
  users: [{ sub: "user-alice", preferred_username: "alice", password: ALICE.password }],
};

t.test("only pages of a client's own origins may read the answers to it", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const logInFrom = (origin: string) => logIn(server, { client_id: "spa" }, { Origin: origin });
  const allowed = (reply: { headers: Headers }) => reply.headers.get("access-control-allow-origin");

  t.test("at token, revoke and userinfo", async (t) => {
    for (const origin of [APP, CONSOLE, ...APPS]) {
      const reply = await logInFrom(origin);
      t.equal(allowed(reply), origin);
      t.equal(reply.headers.get("vary"), "Origin");
      t.notOk(reply.headers.has("access-control-allow-credentials"));
      const { access_token } = reply.json;
      const headers = { Origin: origin, Authorization: `Bearer ${access_token}` };
      t.equal(allowed(await server.send("/oauth2/userinfo", { headers })), origin);
      t.equal(
        allowed(await server.post("/oauth2/revoke", { token: access_token, client_id: "spa" }, { Origin: origin })),
        origin,
      );
    }
  });

  t.test("a refusal can be read too, once it is known whose it is", async (t) => {
    const wrong = { grant_type: "password", client_id: "spa", username: "alice", password: "wrong" };
    const reply = await server.post("/oauth2/token", wrong, { Origin: APP });
    t.equal(reply.status, 400);
    t.equal(allowed(reply), APP);
    t.equal(allowed(await server.post("/oauth2/token", { ...wrong, client_id: "nobody" }, { Origin: APP })), null);
  });

  t.test("CR-01 not by another client's pages, a look-alike, or null", async (t) => {
    for (const origin of [
      "https://other.example",
      "https://app.example.evil",
      "http://app.example",
      "https://app.example:444",
      "null",
      "com.example.app",
    ]) {
      const reply = await logInFrom(origin);
      t.equal(reply.status, 200, "the request itself is none the worse");
      t.equal(allowed(reply), null, origin);
    }
  });

  t.test("no page may read introspection", async (t) => {
    const reply = await server.post(
      "/oauth2/introspect",
      { token: "x" },
      { Origin: "https://other.example", ...basic("other", SECRET) },
    );
    t.equal(reply.status, 200);
    t.equal(allowed(reply), null);
  });

  t.test("a preflight is answered for the pages of any client", async (t) => {
    const preflight = (path: string, origin: string) =>
      server.send(path, {
        method: "OPTIONS",
        headers: {
          Origin: origin,
          "Access-Control-Request-Method": "POST",
          "Access-Control-Request-Headers": "authorization",
        },
      });
    for (const path of ["/oauth2/token", "/oauth2/revoke", "/oauth2/userinfo", "/token"]) {
      for (const origin of [APP, CONSOLE, "https://other.example"]) {
        const reply = await preflight(path, origin);
        t.equal(reply.status, 204);
        t.equal(allowed(reply), origin);
        t.match(reply.headers.get("access-control-allow-headers"), /Authorization/);
      }
      const evil = await preflight(path, "https://evil.example");
      t.equal(evil.status, 405);
      t.equal(allowed(evil), null);
    }
    t.equal(allowed(await preflight("/oauth2/introspect", APP)), null);
  });

  t.test("a page may send any header whose name is a token", async (t) => {
    const asked = 'authorization, DPoP,traceparent , x-app-version, bad name, "quoted", ';
    for (const [path, own] of [
      ["/oauth2/token", "Authorization, Content-Type"],
      ["/api/oauth2/token", "X-Kii-AppID"],
    ] as const) {
      const headers = {
        Origin: APP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": asked,
      };
      const reply = await server.send(path, { method: "OPTIONS", headers });
      t.equal(reply.status, 204, path);
      const names = reply.headers.get("access-control-allow-headers")!;
      t.match(names, own);
      t.match(names, /authorization, DPoP, traceparent, x-app-version$/, path);
      t.match(reply.headers.get("vary"), /Access-Control-Request-Headers/);
      t.notOk(reply.headers.has("access-control-allow-credentials"));
    }
  });

  t.test("AZ-22 the pages themselves are read by no other page", async (t) => {
    for (const path of ["/oauth2/authorize", "/interaction/x", "/account", "/oauth2/logout"]) {
      t.equal(allowed(await server.send(path, { headers: { Origin: APP } })), null);
    }
  });

  t.test("HD-02 documents are for everybody", async (t) => {
    for (const path of [
      "/oauth2/jwks",
      "/jwks",
      "/.well-known/openid-configuration",
      "/.well-known/oauth-authorization-server",
    ]) {
      t.equal(allowed(await server.send(path, { headers: { Origin: "https://anybody.example" } })), "*");
    }
  });

  t.test("a client that is registered later is known to the next preflight", async (t) => {
    await server.apply({ clients: [{ client_id: "later", redirect_uris: ["https://later.example/cb"] }] });
    const headers = { Origin: "https://later.example", "Access-Control-Request-Method": "POST" };
    const isAllowed = async () => (await server.send("/oauth2/token", { method: "OPTIONS", headers })).status === 204;
    await t.resolves(until("a preflight of the client's origin is allowed", isAllowed));
  });
});
