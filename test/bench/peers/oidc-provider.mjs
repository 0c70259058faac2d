// oidc-provider on Postgres: ES256, JWT access tokens, rotation. A browser that comes to the login is signed in at once.
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";
import { deployment, LIFETIMES, tellReady } from "./host.mjs";
import { Adapter, makeTable } from "./oidc-adapter.mjs";

const { secret, redirect_uri, audience, clients } = deployment;

await makeTable();
const { privateKey } = await generateKeyPair("ES256", { extractable: true });
const jwk = { ...(await exportJWK(privateKey)), alg: "ES256", use: "sig", kid: "peer" };

const common = { client_secret: secret, id_token_signed_response_alg: "ES256" };
const web = { ...common, grant_types: ["authorization_code", "refresh_token"], redirect_uris: [redirect_uri] };
const machine = { ...common, redirect_uris: [], response_types: [] };

const configuration = {
  adapter: Adapter,
  jwks: { keys: [jwk] },
  clients: [
    { ...machine, client_id: clients.service, grant_types: ["client_credentials"] },
    { ...machine, client_id: clients.resourceServer, grant_types: [] },
    { ...web, client_id: clients.web },
    { ...web, client_id: clients.opaque },
  ],
  cookies: { keys: ["a key of the benchmark"] },
  enabledJWA: { idTokenSigningAlgValues: ["ES256"] },
  scopes: ["openid", "api1"],
  ttl: {
    AuthorizationCode: LIFETIMES.code,
    AccessToken: LIFETIMES.access,
    ClientCredentials: LIFETIMES.access,
    IdToken: LIFETIMES.access,
    RefreshToken: LIFETIMES.refresh,
    Grant: LIFETIMES.refresh,
    Session: LIFETIMES.refresh,
    Interaction: LIFETIMES.code,
  },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  expiresWithSession: async () => false,
  findAccount: async (ctx, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
  interactions: { url: (ctx, { uid }) => `/interaction/${uid}` },
  // A grant for each authorization: revoking one of its tokens ends the grant.
  loadExistingGrant: async ({ oidc: { provider, client, session } }) => {
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid api1");
    grant.addResourceScope(audience, "api1");
    await grant.save();
    return grant;
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async () => true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // Tokens for no resource are opaque.
      defaultResource: (ctx, client) => (client.clientId === clients.opaque ? undefined : audience),
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        audience,
        scope: "api1",
        accessTokenFormat: "jwt",
        accessTokenTTL: LIFETIMES.access,
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
};

const provider = new Provider("http://localhost", configuration);
provider.proxy = false;
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith("/interaction/")) return next();
  await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: deployment.people[0] } });
  ctx.respond = false;
});
const server = provider.listen(Number(process.env.PORT), "127.0.0.1", () => {
  // Idle connections stay open for as long as Jeton keeps them.
  server.keepAliveTimeout = 72_000;
  tellReady(
    server.address().port,
    () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())),
  );
});
