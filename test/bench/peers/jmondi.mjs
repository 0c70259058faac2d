// @jmondi/oauth2-server in Fastify, with opaque codes and refresh tokens. Access tokens are always JWTs.
import { AuthorizationServer, JwtService } from "@jmondi/oauth2-server";
import { handleFastifyError, handleFastifyReply, requestFromFastify } from "@jmondi/oauth2-server/fastify";
import { ask, deployment, findPerson, LIFETIMES, makeApp, makePeople, makeSecret, pool, serve } from "./host.mjs";
import { signJwt, verifyJwt } from "./token-key.mjs";

const { secret, redirect_uri, clients, people } = deployment;
const SCOPES = [{ name: "openid" }, { name: "api1" }];
const GRANTS = {
  [clients.service]: ["client_credentials"],
  // Introspection and revocation ask for the right to client_credentials.
  [clients.resourceServer]: ["client_credentials"],
  [clients.web]: ["authorization_code", "refresh_token", "client_credentials"],
  [clients.firstParty]: ["password", "refresh_token"],
};

await makePeople();
await pool.query(`
  CREATE TABLE codes (
    code text PRIMARY KEY, client_id text NOT NULL, user_id text NOT NULL, scope text[], redirect_uri text NOT NULL,
    challenge text, challenge_method text, expires_at timestamptz NOT NULL
  );
  CREATE TABLE tokens (
    access_token text PRIMARY KEY, refresh_token text UNIQUE, client_id text NOT NULL, user_id text, scope text[],
    code text, access_expires_at timestamptz NOT NULL, refresh_expires_at timestamptz
  )`);

const in_ = (seconds) => new Date(Date.now() + seconds * 1_000);
const scopesOf = (names) => SCOPES.filter(({ name }) => names?.includes(name));
const namesOf = (scopes) => scopes.map(({ name }) => name);
const clientOf = (id) =>
  Object.hasOwn(GRANTS, id)
    ? { id, name: id, secret, redirectUris: [redirect_uri], allowedGrants: GRANTS[id], scopes: SCOPES }
    : undefined;
const userOf = (id) => (id === null ? undefined : { id });

const clientRepository = {
  getByIdentifier: async (id) => clientOf(id),
  isClientValid: async (grantType, client, given) =>
    given === client.secret && client.allowedGrants.includes(grantType),
};

const scopeRepository = {
  getAllByIdentifiers: async (names) => scopesOf(names),
  finalize: async (scopes) => scopes,
};

const userRepository = {
  getUserByCredentials: (name, password) => (password === undefined ? { id: name } : findPerson(name, password)),
};

const authCodeRepository = {
  issueAuthCode: (client, user, scopes) => ({
    code: makeSecret(),
    client,
    user,
    scopes,
    expiresAt: in_(LIFETIMES.code),
  }),
  persist: async ({ code, client, user, scopes, redirectUri, codeChallenge, codeChallengeMethod, expiresAt }) => {
    await ask("INSERT INTO codes VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", [
      ...[code, client.id, user.id, namesOf(scopes), redirectUri],
      ...[codeChallenge, codeChallengeMethod, expiresAt],
    ]);
  },
  getByIdentifier: async (code) => {
    const [row] = await ask("SELECT * FROM codes WHERE code = $1", [code]);
    if (row === undefined) throw new Error("no such code");
    return {
      code,
      redirectUri: row.redirect_uri,
      codeChallenge: row.challenge,
      codeChallengeMethod: row.challenge_method,
      expiresAt: row.expires_at,
      user: userOf(row.user_id),
      client: clientOf(row.client_id),
      scopes: scopesOf(row.scope),
    };
  },
  isRevoked: async (code) => (await ask("SELECT 1 FROM codes WHERE code = $1", [code])).length === 0,
  revoke: async (code) => {
    await ask("DELETE FROM codes WHERE code = $1", [code]);
  },
};

/** The token of a row; an error where there is none, as the library asks for. */
function tokenOf([row]) {
  if (row === undefined) throw new Error("no such token");
  return {
    accessToken: row.access_token,
    accessTokenExpiresAt: row.access_expires_at,
    refreshToken: row.refresh_token,
    refreshTokenExpiresAt: row.refresh_expires_at,
    originatingAuthCodeId: row.code ?? undefined,
    client: clientOf(row.client_id),
    user: userOf(row.user_id),
    scopes: scopesOf(row.scope),
  };
}

const tokenRepository = {
  issueToken: async (client, scopes, user) => ({
    accessToken: makeSecret(),
    accessTokenExpiresAt: in_(LIFETIMES.access),
    client,
    user,
    scopes,
  }),
  persist: async ({ accessToken, client, user, scopes, originatingAuthCodeId, accessTokenExpiresAt }) => {
    await ask("INSERT INTO tokens VALUES ($1, NULL, $2, $3, $4, $5, $6, NULL)", [
      ...[accessToken, client.id, user?.id, namesOf(scopes), originatingAuthCodeId, accessTokenExpiresAt],
    ]);
  },
  issueRefreshToken: async (token) => {
    const issued = { ...token, refreshToken: makeSecret(), refreshTokenExpiresAt: in_(LIFETIMES.refresh) };
    await ask("UPDATE tokens SET refresh_token = $2, refresh_expires_at = $3 WHERE access_token = $1", [
      ...[issued.accessToken, issued.refreshToken, issued.refreshTokenExpiresAt],
    ]);
    return issued;
  },
  revoke: async ({ accessToken }) => {
    await ask("DELETE FROM tokens WHERE access_token = $1", [accessToken]);
  },
  revokeDescendantsOf: async (code) => {
    await ask("DELETE FROM tokens WHERE code = $1", [code]);
  },
  isRefreshTokenRevoked: async ({ refreshTokenExpiresAt }) => refreshTokenExpiresAt < new Date(),
  getByRefreshToken: async (token) => tokenOf(await ask("SELECT * FROM tokens WHERE refresh_token = $1", [token])),
  getByAccessToken: async (token) => tokenOf(await ask("SELECT * FROM tokens WHERE access_token = $1", [token])),
};

/** Signs with ES256 instead of the library's HS256. */
class Es256 extends JwtService {
  async sign(payload) {
    return signJwt(payload);
  }

  async verify(token, options) {
    return verifyJwt(token, options);
  }
}

const server = new AuthorizationServer(clientRepository, tokenRepository, scopeRepository, new Es256(""), {
  issuer: "http://localhost",
  useOpaqueAuthorizationCodes: true,
  useOpaqueRefreshTokens: true,
});
server.enableGrantTypes(
  "client_credentials",
  "refresh_token",
  { grant: "authorization_code", userRepository, authCodeRepository },
  { grant: "password", userRepository },
);

/** Lets the library answer a request. */
async function answer(operation, request, reply) {
  try {
    handleFastifyReply(reply, await operation(requestFromFastify(request)));
  } catch (error) {
    handleFastifyError(error, reply);
  }
  return reply;
}

const app = await makeApp();
app.get("/authorize", (request, reply) =>
  answer(
    async (asked) => {
      const authorization = await server.validateAuthorizationRequest(asked);
      authorization.user = { id: people[0] };
      authorization.isAuthorizationApproved = true;
      return server.completeAuthorizationRequest(authorization);
    },
    request,
    reply,
  ),
);
app.post("/token", (request, reply) => answer((asked) => server.respondToAccessTokenRequest(asked), request, reply));
app.post("/introspect", (request, reply) => answer((asked) => server.introspect(asked), request, reply));
app.post("/revoke", (request, reply) => answer((asked) => server.revoke(asked), request, reply));
await serve(app);
