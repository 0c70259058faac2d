import t from "tap";
import { FLEET } from "../support/fleet.js";
import { startInstance, type Instance } from "../support/instance.js";
import { until } from "../support/until.js";

const STANDARD = "/.well-known/oauth-authorization-server";
const ROOT = "/.well-known/openid-configuration";
const SIS = "/simple-identity-server/.well-known/openid-configuration";

const document = async (server: Instance, path: string) => (await server.send(path)).json;

t.test("metadata lists the registered endpoints, grants, methods and scopes", async (t) => {
  const server = await startInstance(t, { provision: FLEET, env: { ISSUER: "https://id.example/sub" } });

  t.test("each dialect's document has its own endpoints, below the issuer", async (t) => {
    t.match(await document(server, STANDARD), {
      issuer: "https://id.example/sub",
      token_endpoint: "https://id.example/sub/oauth2/token",
      revocation_endpoint: "https://id.example/sub/oauth2/revoke",
      introspection_endpoint: "https://id.example/sub/oauth2/introspect",
      jwks_uri: "https://id.example/sub/oauth2/jwks",
    });
    t.match(await document(server, SIS), {
      issuer: "https://id.example/sub",
      token_endpoint: "https://id.example/sub/token",
      revocation_endpoint: "https://id.example/sub/token/revoke",
      introspection_endpoint: "https://id.example/sub/introspect",
      jwks_uri: "https://id.example/sub/jwks",
    });
    t.strictSame(await document(server, ROOT), await document(server, STANDARD));
    // Clients append the path of an issuer (RFC 8414 section 3.1).
    for (const path of [STANDARD, ROOT])
      t.equal((await document(server, `${path}/sub`)).issuer, "https://id.example/sub");
  });

  t.test("the listed grants, methods and scopes are the supported ones, without the jeton: scopes", async (t) => {
    const { grant_types_supported, scopes_supported, token_endpoint_auth_methods_supported } = await document(
      server,
      ROOT,
    );
    t.strictSame(grant_types_supported.sort(), [
      "authorization_code",
      "client_credentials",
      "password",
      "refresh_token",
      "uma_ticket",
      "urn:ietf:params:oauth:grant-type:device_code",
      "urn:ietf:params:oauth:grant-type:jwt-bearer",
      "urn:ietf:params:oauth:grant-type:token-exchange",
      "urn:ietf:params:oauth:grant-type:uma-ticket",
    ]);
    t.ok(scopes_supported.includes("api1") && scopes_supported.includes("openid"));
    t.notOk(
      scopes_supported.some((name: string) => name.startsWith("jeton:")),
      "powers are not advertised",
    );
    t.ok(token_endpoint_auth_methods_supported.includes("client_secret_basic"));
  });

  t.test("a scope that is declared later appears without a restart", async (t) => {
    await server.apply({ scopes: [{ name: "later" }] });
    const isListed = async () => (await document(server, ROOT)).scopes_supported.includes("later");
    await t.resolves(until("the document lists the scope", isListed));
  });

  t.test("the document may be cached for five minutes and requested with HEAD", async (t) => {
    const { status, headers } = await server.send(ROOT, { method: "HEAD" });
    t.equal(status, 200);
    t.equal(headers.get("cache-control"), "public, max-age=300");
  });
});

t.test("ROOT_METADATA selects the metadata at the root, and DIALECTS the dialects that are served", async (t) => {
  const root = await startInstance(t, { env: { ROOT_METADATA: "simple-identity-server" } });
  t.match((await document(root, ROOT)).token_endpoint, /\/token$/);
  t.notMatch((await document(root, ROOT)).token_endpoint, /oauth2/);
  t.match((await document(root, STANDARD)).token_endpoint, /\/oauth2\/token$/);

  const alone = await startInstance(t, { database: root.database, env: { DIALECTS: "oauth2" } });
  t.equal((await alone.post("/token", { grant_type: "x" })).status, 404);
  t.equal((await alone.post("/oauth2/token", { grant_type: "x" })).status, 400);
  await t.rejects(
    startInstance(t, { database: root.database, env: { DIALECTS: "oauth2", ROOT_METADATA: "simple-identity-server" } }),
    { message: "ROOT_METADATA must be one of DIALECTS" },
  );
});
