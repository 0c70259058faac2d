// @node-oauth/oauth2-server in Fastify. A token is a row with an access token and a refresh token, as its documentation has it.
import OAuth2Server from "@node-oauth/oauth2-server";
import { randomUUID } from "node:crypto";
import { ask, deployment, findPerson, LIFETIMES, makeApp, makePeople, pool, serve } from "./host.mjs";
import { signJwt } from "./token-key.mjs";

const { secret, redirect_uri, audience, clients, people } = deployment;
const GRANTS = {
  [clients.service]: ["client_credentials"],
  [clients.web]: ["authorization_code", "refresh_token"],
  [clients.firstParty]: ["password"],
};

await makePeople();
await pool.query(`
  CREATE TABLE codes (
    code text PRIMARY KEY, client_id text NOT NULL, user_id text NOT NULL, scope text[], redirect_uri text NOT NULL,
    challenge text, challenge_method text, expires_at timestamptz NOT NULL
  );
  CREATE TABLE tokens (
    id text PRIMARY KEY, refresh_token text UNIQUE, client_id text NOT NULL, user_id text NOT NULL, scope text[],
    access_expires_at timestamptz NOT NULL, refresh_expires_at timestamptz
  )`);

const clientOf = (id) => ({ id, grants: GRANTS[id], redirectUris: [redirect_uri] });

const model = {
  getClient: async (id, given) =>
    Object.hasOwn(GRANTS, id) && (given === null || given === secret) ? clientOf(id) : undefined,
  getUser: (name, password) => findPerson(name, password),
  getUserFromClient: async (client) => ({ id: client.id }),
  validateScope: async (user, client, scope) => scope,

  generateAccessToken: async (client, user, scope) => {
    const iat = Math.floor(Date.now() / 1_000);
    return signJwt({
      iss: "http://localhost",
      sub: user.id,
      aud: audience,
      client_id: client.id,
      scope: scope?.join(" "),
      jti: randomUUID(),
      iat,
      exp: iat + LIFETIMES.access,
    });
  },

  saveToken: async (token, client, user) => {
    // The signature names a token, and is shorter than it.
    const id = token.accessToken.slice(token.accessToken.lastIndexOf(".") + 1);
    const { refreshToken, scope, accessTokenExpiresAt, refreshTokenExpiresAt } = token;
    await ask("INSERT INTO tokens VALUES ($1, $2, $3, $4, $5, $6, $7)", [
      ...[id, refreshToken, client.id, user.id, scope],
      ...[accessTokenExpiresAt, refreshTokenExpiresAt],
    ]);
    return { ...token, client, user };
  },

  getRefreshToken: async (refreshToken) => {
    const [row] = await ask("SELECT * FROM tokens WHERE refresh_token = $1", [refreshToken]);
    if (row === undefined) return undefined;
    const { refresh_expires_at: refreshTokenExpiresAt, scope, client_id, user_id } = row;
    return { refreshToken, refreshTokenExpiresAt, scope, client: clientOf(client_id), user: { id: user_id } };
  },

  revokeToken: async ({ refreshToken }) =>
    (await ask("DELETE FROM tokens WHERE refresh_token = $1 RETURNING id", [refreshToken])).length === 1,

  saveAuthorizationCode: async (code, client, user) => {
    const { authorizationCode, scope, redirectUri, codeChallenge, codeChallengeMethod, expiresAt } = code;
    await ask("INSERT INTO codes VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", [
      ...[authorizationCode, client.id, user.id, scope, redirectUri],
      ...[codeChallenge, codeChallengeMethod, expiresAt],
    ]);
    return { ...code, client, user };
  },

  getAuthorizationCode: async (authorizationCode) => {
    const [row] = await ask("SELECT * FROM codes WHERE code = $1", [authorizationCode]);
    if (row === undefined) return undefined;
    return {
      authorizationCode,
      expiresAt: row.expires_at,
      redirectUri: row.redirect_uri,
      scope: row.scope,
      codeChallenge: row.challenge,
      codeChallengeMethod: row.challenge_method,
      client: clientOf(row.client_id),
      user: { id: row.user_id },
    };
  },

  revokeAuthorizationCode: async ({ authorizationCode }) =>
    (await ask("DELETE FROM codes WHERE code = $1 RETURNING code", [authorizationCode])).length === 1,
};

const server = new OAuth2Server({
  model,
  accessTokenLifetime: LIFETIMES.access,
  refreshTokenLifetime: LIFETIMES.refresh,
  authorizationCodeLifetime: LIFETIMES.code,
  alwaysIssueNewRefreshToken: true,
});

/** Lets the library answer a request. */
async function answer(operation, { headers, method, query, body = {} }, reply) {
  const response = new OAuth2Server.Response();
  try {
    await operation(new OAuth2Server.Request({ headers, method, query, body }), response);
  } catch (error) {
    return reply.code(error.code ?? 500).send({ error: error.name, error_description: error.message });
  }
  return reply.code(response.status).headers(response.headers).send(response.body);
}

const authenticateHandler = { handle: () => ({ id: people[0] }) };
const app = await makeApp();
app.get("/authorize", (request, reply) =>
  answer((asked, response) => server.authorize(asked, response, { authenticateHandler }), request, reply),
);
app.post("/token", (request, reply) => answer((asked, response) => server.token(asked, response), request, reply));
await serve(app);
