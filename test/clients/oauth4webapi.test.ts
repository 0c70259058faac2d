import * as oauth from "oauth4webapi";
import t from "tap";
import { ALICE, SECRET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { reason } from "../support/reason.js";
import { Browser } from "../support/web.js";

/** oauth4webapi 3 as it comes from npm, step by step: each answer is parsed by its rules, which are the RFCs'. */

const CALLBACK = "https://app.example/cb";
const WEB = {
  client_secret: SECRET,
  grant_types: ["authorization_code", "refresh_token"],
  scope: "openid profile email api1",
  redirect_uris: [CALLBACK],
};

const pair = await oauth.generateKeyPair("ES256", { extractable: true });
const jwk = { ...(await crypto.subtle.exportKey("jwk", pair.publicKey)), kid: "its key" };

const API = "https://api.example";
const server = await startInstance(t, {
  provision: {
    scopes: [{ name: "api1", audience: API }],
    clients: [
      { ...WEB, client_id: "basic" },
      { ...WEB, client_id: "post", token_endpoint_auth_method: "client_secret_post" },
      {
        client_id: "device",
        token_endpoint_auth_method: "none",
        grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        scope: "openid profile",
      },
      { ...WEB, client_id: "public", token_endpoint_auth_method: "none", client_secret: undefined },
      { ...WEB, client_id: "signed", userinfo_signed_response_alg: "ES256" },
      { ...WEB, client_id: "sharing", token_endpoint_auth_method: "client_secret_jwt" },
      {
        ...WEB,
        client_id: "signing",
        client_secret: undefined,
        authorization_signed_response_alg: "ES256",
        token_endpoint_auth_method: "private_key_jwt",
        jwks: { keys: [jwk] },
      },
    ],
    users: [{ sub: "user-alice", preferred_username: "Alice", password: ALICE.password, name: "Alice Example" }],
  },
});

const INSECURE = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(server.core.issuer);

async function discover(algorithm: "oidc" | "oauth2"): Promise<oauth.AuthorizationServer> {
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...INSECURE }));
}

/** Sends Alice through login and consent. Where her browser was sent in the end. */
async function answerTo(url: URL, at = server): Promise<URL> {
  const browser = new Browser(at);
  let page = await browser.open(url.pathname + url.search);
  page = await browser.submit(page, "login", { ...ALICE, action: "login" });
  if (page.text.includes('id="consent"')) page = await browser.submit(page, "consent", { action: "allow" });
  return new URL(page.headers.get("location")!);
}

const KINDS: readonly { client: oauth.Client; auth: oauth.ClientAuth }[] = [
  { client: { client_id: "basic" }, auth: oauth.ClientSecretBasic(SECRET) },
  { client: { client_id: "post" }, auth: oauth.ClientSecretPost(SECRET) },
  { client: { client_id: "public" }, auth: oauth.None() },
  { client: { client_id: "signed", userinfo_signed_response_alg: "ES256" }, auth: oauth.ClientSecretBasic(SECRET) },
  { client: { client_id: "sharing" }, auth: oauth.ClientSecretJwt(SECRET) },
  { client: { client_id: "signing" }, auth: oauth.PrivateKeyJwt({ key: pair.privateKey, kid: "its key" }) },
];

for (const { client, auth } of KINDS) {
  t.test(`oauth4webapi does the whole round for the ${client.client_id} client`, async (t) => {
    const as = await discover("oidc");
    const verifier = oauth.generateRandomCodeVerifier();
    const nonce = oauth.generateRandomNonce();
    const state = oauth.generateRandomState();
    const url = new URL(as.authorization_endpoint!);
    url.search = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: CALLBACK,
      response_type: "code",
      scope: "openid profile api1",
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      nonce,
      state,
      max_age: "300",
    }).toString();
    const callback = await answerTo(url);

    t.throws(
      () => oauth.validateAuthResponse({ ...as, issuer: "https://another.example" }, client, callback, state),
      /iss/,
    );
    t.throws(() => oauth.validateAuthResponse(as, client, callback, "another"), /state/);
    const answer = oauth.validateAuthResponse(as, client, callback, state);
    const response = await oauth.authorizationCodeGrantRequest(as, client, auth, answer, CALLBACK, verifier, INSECURE);
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, {
      expectedNonce: nonce,
      maxAge: 300,
      requireIdToken: true,
    });
    await oauth.validateApplicationLevelSignature(as, response, INSECURE);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens)!;
    t.equal(sub, "user-alice");

    const about = await oauth.userInfoRequest(as, client, tokens.access_token, INSECURE);
    t.equal(
      about.headers.get("content-type")!.split(";")[0],
      client.client_id === "signed" ? "application/jwt" : "application/json",
    );
    t.match(await oauth.processUserInfoResponse(as, client, sub, about), { sub, name: "Alice Example" });
    if (client.client_id === "signed") await oauth.validateApplicationLevelSignature(as, about, INSECURE);

    const again = await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token!, INSECURE);
    const refreshed = await oauth.processRefreshTokenResponse(as, client, again);
    t.not(refreshed.refresh_token, tokens.refresh_token);

    const introspect = async () => {
      const reply = await oauth.introspectionRequest(as, client, auth, refreshed.access_token, INSECURE);
      return oauth.processIntrospectionResponse(as, client, reply);
    };
    if (client.client_id !== "public") t.match(await introspect(), { active: true, sub, scope: "openid profile api1" });
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(as, client, auth, refreshed.refresh_token!, INSECURE),
    );
    if (client.client_id !== "public") t.strictSame(await introspect(), { active: false });
    const ended = await oauth.refreshTokenGrantRequest(as, client, auth, refreshed.refresh_token!, INSECURE);
    t.match(await reason(() => oauth.processRefreshTokenResponse(as, client, ended)), {
      error: "invalid_grant",
      status: 400,
    });
  });
}

t.test("oauth4webapi signs a request, pushes it, and verifies the signed answer", async (t) => {
  const as = await discover("oidc");
  const client = { client_id: "signing", authorization_signed_response_alg: "ES256" };
  const key = { key: pair.privateKey, kid: "its key" };
  const auth = oauth.PrivateKeyJwt(key);
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const parameters = new URLSearchParams({
    redirect_uri: CALLBACK,
    response_type: "code",
    response_mode: "jwt",
    scope: "openid api1",
    resource: API,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
  });
  const request = await oauth.issueRequestObject(as, client, parameters, key);
  const pushed = await oauth.pushedAuthorizationRequest(as, client, auth, { request }, INSECURE);
  const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, pushed);
  const url = new URL(as.authorization_endpoint!);
  url.search = new URLSearchParams({ client_id: client.client_id, request_uri }).toString();
  const answer = await oauth.validateJwtAuthResponse(as, client, await answerTo(url), state, INSECURE);
  const more = { ...INSECURE, additionalParameters: { resource: API } };
  const reply = await oauth.authorizationCodeGrantRequest(as, client, auth, answer, CALLBACK, verifier, more);
  const { access_token } = await oauth.processAuthorizationCodeResponse(as, client, reply);
  const shown = await oauth.introspectionRequest(as, client, auth, access_token, INSECURE);
  t.match(await oauth.processIntrospectionResponse(as, client, shown), { aud: API, scope: "openid api1" });
});

t.test("oauth4webapi signs a device in, and reads what it is refused until then", async (t) => {
  const as = await discover("oidc");
  const client = { client_id: "device" };
  const scope = { scope: "openid profile" };
  const asked = await oauth.deviceAuthorizationRequest(as, client, oauth.None(), new URLSearchParams(scope), INSECURE);
  const { device_code, verification_uri_complete, interval } = await oauth.processDeviceAuthorizationResponse(
    as,
    client,
    asked,
  );
  t.equal(interval, 5);
  const poll = async () => {
    const reply = await oauth.deviceCodeGrantRequest(as, client, oauth.None(), device_code, INSECURE);
    return oauth.processDeviceCodeResponse(as, client, reply);
  };
  t.match(await reason(poll), { error: "authorization_pending", status: 400 });
  t.match(await reason(poll), { error: "slow_down", status: 400 });
  const browser = new Browser(server);
  const link = new URL(verification_uri_complete!);
  const login = await browser.submit(await browser.open(link.pathname + link.search), "device", { action: "continue" });
  const consent = await browser.submit(login, "login", { ...ALICE, action: "login" });
  await browser.submit(consent, "consent", { action: "allow" });
  const tokens = await poll();
  t.equal(oauth.getValidatedIdTokenClaims(tokens)!.sub, "user-alice");
  t.type(tokens.refresh_token, "string");
  t.match(await reason(poll), { error: "invalid_grant", status: 400 });
});

t.test("oauth4webapi repeats its requests with the nonce that the server wants", async (t) => {
  const nonces = await startInstance(t, { database: server.database, env: { DPOP_NONCE: "required" } });
  const at = new URL(nonces.core.issuer);
  const as = await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at, INSECURE));
  const { client, auth } = KINDS.find((kind) => kind.client.client_id === "signing")!;
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair("ES256"));
  const verifier = oauth.generateRandomCodeVerifier();
  const url = new URL(as.authorization_endpoint!);
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: CALLBACK,
    response_type: "code",
    scope: "openid profile",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  }).toString();
  const answer = oauth.validateAuthResponse(as, client, await answerTo(url, nonces), oauth.expectNoState);
  const redeem = async () => {
    const options = { DPoP, ...INSECURE };
    const reply = await oauth.authorizationCodeGrantRequest(as, client, auth, answer, CALLBACK, verifier, options);
    return oauth.processAuthorizationCodeResponse(as, client, reply);
  };
  t.ok(oauth.isDPoPNonceError(await reason(redeem)), "the first proof has no nonce");
  const tokens = await redeem();
  t.equal(tokens.token_type, "dpop", "the code was not used up");

  const another = oauth.DPoP(client, await oauth.generateKeyPair("ES256"));
  const ask = async (key: typeof DPoP) => {
    const reply = await oauth.userInfoRequest(as, client, tokens.access_token, { DPoP: key, ...INSECURE });
    return oauth.processUserInfoResponse(as, client, "user-alice", reply);
  };
  t.match(await ask(DPoP), { sub: "user-alice" });
  t.ok(oauth.isDPoPNonceError(await reason(() => ask(another))), "it reads the challenge");
  t.match(await reason(() => ask(another)), { cause: [{ scheme: "dpop", parameters: { error: "invalid_token" } }] });
});

t.test("oauth4webapi finds the same endpoints in both discovery documents", async (t) => {
  t.strictSame(await discover("oauth2"), await discover("oidc"));
});

t.test("oauth4webapi reads what the server refuses", async (t) => {
  const as = await discover("oidc");
  const client = { client_id: "basic" };
  const refused = await oauth.userInfoRequest(as, client, "not-a-token", INSECURE);
  t.match(await reason(() => oauth.processUserInfoResponse(as, client, oauth.skipSubjectCheck, refused)), {
    cause: [{ scheme: "bearer", parameters: { error: "invalid_token" } }],
    status: 401,
  });
  const url = new URL(as.authorization_endpoint!);
  url.search = new URLSearchParams({
    ...client,
    redirect_uri: CALLBACK,
    response_type: "token",
    state: "s",
  }).toString();
  const reply = await new Browser(server).get(url.pathname + url.search);
  const callback = new URL(reply.headers.get("location")!);
  t.match(await reason(() => oauth.validateAuthResponse(as, client, callback, "s")), {
    error: "unsupported_response_type",
  });
});
