import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import jwt, { type TokenOrHeader } from "@fastify/jwt";
import express from "express";
import { auth as bearer, requiredScopes } from "express-oauth2-jwt-bearer";
import session from "express-session";
import oidc from "express-openid-connect";
import fastify from "fastify";
import buildGetJwks from "get-jwks";
import { decodeJwt } from "jose";
import passport from "passport";
import { Strategy } from "passport-openidconnect";
import t from "tap";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Reply } from "../support/instance.js";
import { requestsBy, requestsTo } from "../support/requests.js";
import { until } from "../support/until.js";
import { Browser } from "../support/web.js";
import { walk } from "../support/web-fleet.js";

/**
 * The middleware of web frameworks, as it comes from npm. The libraries that log users in read names and groups from the
 * id_token only. The resource servers are set up as docs/resource-servers.md says.
 */

const COOKIES = "the-cookies-of-the-app-are-signed-with-this";

/** Listens on a port of its own, until the tests end. */
async function listen(app: RequestListener): Promise<string> {
  const listener = createServer(app).listen(0, "127.0.0.1");
  await once(listener, "listening");
  t.teardown(() => {
    listener.closeAllConnections();
    listener.close();
  });
  return `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
}

/** Loaded without its types: they add the types of browsers to each file of the program. */
const { Auth } = await import(import.meta.resolve("@auth/core"));

/** The apps get their routes when the server runs, and the server knows their addresses before. */
const withMiddleware = express();
const withPassport = express();
const parcels = express();
parcels.set("env", "test"); // Otherwise Express prints each refusal.
const AUTHJS = "https://authjs.example";
const [middlewareUrl, passportUrl, parcelsUrl] = await Promise.all([withMiddleware, withPassport, parcels].map(listen));

const app = (client_id: string, callback: string, more: object = {}) => ({
  client_id,
  client_secret: SECRET,
  grant_types: ["authorization_code"],
  scope: "openid profile groups",
  id_token_claims: "scope",
  redirect_uris: [callback],
  ...more,
});

const RESOURCES = {
  parcels: "https://parcels.example",
  letters: "https://letters.example",
  stamps: "https://stamps.example",
  coins: "https://coins.example",
};
type Scope = keyof typeof RESOURCES;

const RS256 = { access_token_signing_alg: "RS256", access_token_typ: "JWT" };

const server = await startInstance(t, {
  env: { JWKS_URI_ALLOW_PRIVATE: "true" },
  provision: {
    scopes: [
      { name: "groups", claims: ["groups"] },
      { name: "parcels", audience: RESOURCES.parcels },
      { name: "letters", audience: RESOURCES.letters, ...RS256 },
      { name: "stamps", audience: RESOURCES.stamps },
      { name: "coins", audience: RESOURCES.coins, ...RS256 },
    ],
    clients: [
      app("authjs", `${AUTHJS}/auth/callback/jeton`),
      app("middleware", `${middlewareUrl}/callback`, {
        post_logout_redirect_uris: [middlewareUrl],
        backchannel_logout_uri: `${middlewareUrl}/backchannel-logout`,
      }),
      app("passport", `${passportUrl}/callback`),
      {
        client_id: "courier",
        client_secret: SECRET,
        grant_types: ["client_credentials"],
        scope: Object.keys(RESOURCES).join(" "),
      },
    ],
    users: [
      {
        sub: "user-alice",
        preferred_username: "Alice",
        password: ALICE.password,
        name: "Alice Example",
        groups: ["editors"],
      },
    ],
  },
});
const { issuer } = server.core;

/** Alice follows the app's redirect to the server, logs in, allows what she is asked, and follows the redirect back. */
async function logIn(visitor: Browser, person: Browser, sent: Reply): Promise<Reply> {
  const back = addressOf(await walk(person, pathOf(addressOf(sent))));
  return visitor.get(pathOf(back));
}

const addressOf = ({ headers }: Reply) => new URL(headers.get("location")!);
const pathOf = ({ pathname, search }: URL) => pathname + search;

t.test("Auth.js logs a user in, with the name and the groups of the id_token", async (t) => {
  const config = {
    trustHost: true,
    secret: COOKIES,
    basePath: "/auth",
    providers: [
      {
        id: "jeton",
        name: "Jeton",
        type: "oidc",
        issuer,
        clientId: "authjs",
        clientSecret: SECRET,
        checks: ["pkce", "state", "nonce"],
        authorization: { params: { scope: "openid profile groups" } },
      },
    ],
    callbacks: {
      jwt: ({ token, profile }: any) => ({ ...token, ...(profile && { groups: profile.groups }) }),
      session: ({ session, token }: any) => ({ ...session, groups: token.groups }),
    },
  };
  const visitor = new Browser(requestsBy(async (path, init) => Auth(new Request(AUTHJS + path, init), config)));

  const { csrfToken } = (await visitor.get("/auth/csrf")).json;
  const person = new Browser(server);
  t.match(await logIn(visitor, person, await visitor.post("/auth/signin/jeton", { csrfToken })), { status: 302 });
  const { json } = await visitor.get("/auth/session");
  t.match(json, { user: { name: "Alice Example" }, groups: ["editors"] });

  await visitor.post("/auth/signout", { csrfToken });
  t.equal((await visitor.get("/auth/session")).json, null);
});

t.test("express-openid-connect logs a user in and out, and hears of logouts by the back channel", async (t) => {
  // The library takes every store of express-session, but its types do not say so.
  const store: any = new session.MemoryStore();
  withMiddleware.use(
    oidc.auth({
      issuerBaseURL: issuer,
      baseURL: middlewareUrl!,
      clientID: "middleware",
      clientSecret: SECRET,
      secret: COOKIES,
      authRequired: false,
      idpLogout: true,
      backchannelLogout: { store },
      authorizationParams: { response_type: "code", scope: "openid profile groups" },
    }),
  );
  withMiddleware.get("/profile", oidc.requiresAuth(), (request, response) => void response.json(request.oidc.user));
  const person = new Browser(server);
  const visit = async () => {
    const visitor = new Browser(requestsTo(middlewareUrl!));
    t.match(await logIn(visitor, person, await visitor.get("/login")), { status: 302 });
    const { json } = await visitor.get("/profile");
    t.match(json, { sub: "user-alice", name: "Alice Example", groups: ["editors"] });
    return visitor;
  };
  const visitor = await visit();
  const otherVisit = await visit();

  const left = await person.open(pathOf(addressOf(await visitor.get("/logout"))));
  t.equal(left.headers.get("location"), middlewareUrl);
  const again = addressOf(await visitor.get("/profile"));
  t.equal(again.origin + again.pathname, `${issuer}/oauth2/authorize`, "the app asks for a login again");
  t.match((await person.open(pathOf(again))).text, 'id="login"', "and so does the server");
  await until("the app is told of the logout", async () => (await otherVisit.get("/profile")).status === 302);
});

type Done = (error: null, user: object) => void;

t.test("passport-openidconnect logs a user in, with the name and the groups of the id_token", async (t) => {
  const strategy = new Strategy(
    {
      issuer,
      authorizationURL: `${issuer}/oauth2/authorize`,
      tokenURL: `${issuer}/oauth2/token`,
      userInfoURL: `${issuer}/oauth2/userinfo`,
      clientID: "passport",
      clientSecret: SECRET,
      callbackURL: `${passportUrl}/callback`,
      scope: ["profile", "groups"],
      nonce: "each time a new one",
    },
    (
      _issuer: string,
      { displayName: name }: passport.Profile,
      _context: object,
      idToken: string | object,
      done: Done,
    ) => done(null, { name, groups: decodeJwt(idToken as string).groups }),
  );
  passport.use("oidc", strategy);
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user: Express.User, done) => done(null, user));
  withPassport.use(session({ secret: COOKIES, resave: false, saveUninitialized: false }));
  withPassport.use(passport.session());
  withPassport.get("/login", passport.authenticate("oidc"));
  withPassport.get("/callback", passport.authenticate("oidc", { successRedirect: "/profile" }));
  withPassport.get("/profile", (request, response) => void response.json(request.user ?? null));
  withPassport.post("/logout", (request, response, next) =>
    request.logout((error) => (error ? next(error) : response.end())),
  );

  const visitor = new Browser(requestsTo(passportUrl!));
  const back = await logIn(visitor, new Browser(server), await visitor.get("/login"));
  t.equal(back.headers.get("location"), "/profile");
  t.strictSame((await visitor.get("/profile")).json, { name: "Alice Example", groups: ["editors"] });
  await visitor.post("/logout", {});
  t.equal((await visitor.get("/profile")).json, null);
});

/** An access token of the courier for one resource server. */
async function tokenFor(scope: Scope): Promise<{ Authorization: string }> {
  const form = { grant_type: "client_credentials", scope };
  const { json } = await server.post("/oauth2/token", form, basic("courier", SECRET));
  return { Authorization: `Bearer ${json.access_token}` };
}

const FORGED = { Authorization: "Bearer no.to.ken" };

t.test("express-oauth2-jwt-bearer accepts the tokens of its audience, and no others", async (t) => {
  const keys = { issuer, jwksUri: `${issuer}/oauth2/jwks` };
  const protect = (scope: Scope, more: object = {}) =>
    parcels.get(
      `/${scope}`,
      bearer({ ...keys, audience: RESOURCES[scope], ...more }),
      requiredScopes(scope),
      (request, response) => {
        response.send(request.auth!.payload.sub);
      },
    );
  protect("parcels", { tokenSigningAlg: "ES256" });
  protect("letters");

  const { send } = requestsTo(parcelsUrl!);
  for (const scope of ["parcels", "letters"] as const) {
    t.match(await send(`/${scope}`, { headers: await tokenFor(scope) }), { status: 200, text: "courier" }, scope);
    for (const headers of [await tokenFor("stamps"), await tokenFor("coins"), FORGED])
      t.match(await send(`/${scope}`, { headers }), { status: 401 });
  }
});

t.test("@fastify/jwt with get-jwks accepts the tokens of its audience, and no others", async (t) => {
  const getJwks = buildGetJwks({ jwksPath: "/oauth2/jwks" });
  for (const scope of ["parcels", "letters"] as const) {
    const api = fastify();
    t.teardown(() => api.close());
    await api.register(jwt, {
      decode: { complete: true },
      secret: (_request: unknown, token: TokenOrHeader) => {
        const { kid, alg } = "header" in token ? token.header : token;
        return getJwks.getPublicKey({ kid, alg, domain: issuer });
      },
      verify: { algorithms: ["ES256", "RS256"], allowedIss: issuer, allowedAud: RESOURCES[scope] },
    });
    api.addHook("onRequest", (request) => request.jwtVerify());
    api.get("/", ({ user }) => (user as { sub: string }).sub);
    const { send } = requestsTo(await api.listen({ host: "127.0.0.1", port: 0 }));
    t.match(await send("/", { headers: await tokenFor(scope) }), { status: 200, text: "courier" }, scope);
    for (const headers of [await tokenFor("stamps"), await tokenFor("coins"), FORGED])
      t.match(await send("/", { headers }), { status: 401 });
  }
});
