import { createHash, generateKeyPairSync } from "node:crypto";
import { decodeJwt, decodeProtectedHeader } from "jose";
import * as client from "openid-client";
import t from "tap";
import { selfSigned } from "../support/certificate.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { startInstance, type Reply } from "../support/instance.js";
import { reason } from "../support/reason.js";
import { Browser, formOf } from "../support/web.js";

/** openid-client 6 as it comes from npm, against a server: nothing here helps it but `allowInsecureRequests` for http. */

const CALLBACK = "https://app.example/cb";
const GOODBYE = "https://app.example/bye";
const WEB = {
  client_secret: SECRET,
  grant_types: ["authorization_code", "refresh_token"],
  scope: "openid profile email api1 offline_access",
  redirect_uris: [CALLBACK],
  post_logout_redirect_uris: [GOODBYE],
};

const key = generateKeyPairSync("rsa", { modulusLength: 2048 });
const SERVICE = { grant_types: ["client_credentials"], scope: "api1" };

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

const banker = generateKeyPairSync("ec", { namedCurve: "P-256" });
const bankKey = { ...banker.publicKey.export({ format: "jwk" }), kid: "bank" };
const mine = selfSigned("this bank");
const BANK = {
  profile: "fapi2",
  consent: "implicit",
  grant_types: ["authorization_code", "refresh_token", "client_credentials"],
  scope: "openid profile api1",
  redirect_uris: [CALLBACK],
};

const server = await startInstance(t, {
  env: { TRUST_PROXY: "127.0.0.0/8" },
  provision: {
    scopes: [{ name: "api1", audience: "https://api.example" }],
    clients: [
      { ...WEB, client_id: "basic" },
      { ...WEB, client_id: "post", token_endpoint_auth_method: "client_secret_post" },
      {
        client_id: "device",
        client_secret: SECRET,
        grant_types: ["urn:ietf:params:oauth:grant-type:device_code"],
        scope: "openid profile",
      },
      { ...BANK, client_id: "bank", token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [bankKey] } },
      {
        ...BANK,
        client_id: "by-certificate",
        token_endpoint_auth_method: "self_signed_tls_client_auth",
        tls_client_certificate_thumbprint: createHash("sha256").update(mine.der).digest("base64url"),
      },
      { ...WEB, client_id: "public", token_endpoint_auth_method: "none", client_secret: undefined },
      { ...WEB, client_id: "signed", userinfo_signed_response_alg: "RS256" },
      {
        ...SERVICE,
        client_id: "sharing",
        client_secret: SECRET,
        token_endpoint_auth_method: "client_secret_jwt",
        token_endpoint_auth_signing_alg: "HS256",
      },
      {
        ...SERVICE,
        client_id: "signing",
        token_endpoint_auth_method: "private_key_jwt",
        token_endpoint_auth_signing_alg: "PS256",
        jwks: { keys: [key.publicKey.export({ format: "jwk" })] },
      },
      {
        client_id: "exchanging",
        client_secret: SECRET,
        grant_types: [EXCHANGE],
        scope: "api1",
        token_exchange: [{ kind: "impersonation", subject_clients: ["sharing"], audiences: ["https://api.example"] }],
      },
      {
        ...WEB,
        client_id: "advanced",
        client_secret: undefined,
        token_endpoint_auth_method: "private_key_jwt",
        jwks: { keys: [key.publicKey.export({ format: "jwk" })] },
      },
      {
        ...WEB,
        client_id: "elliptic",
        id_token_signed_response_alg: "ES256",
        userinfo_signed_response_alg: "ES256",
        authorization_signed_response_alg: "ES256",
      },
    ],
    users: [{ sub: "user-alice", preferred_username: "Alice", password: ALICE.password, name: "Alice Example" }],
  },
});

type Metadata = Partial<client.ClientMetadata>;

function discover(id: string, auth: client.ClientAuth, metadata: Metadata = {}): Promise<client.Configuration> {
  return client.discovery(new URL(server.core.issuer), id, metadata, auth, {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  });
}

/** What an app keeps of a request until its answer comes. */
interface Asked {
  readonly pkceCodeVerifier: string;
  readonly expectedNonce: string;
  readonly expectedState: string;
}

/** Sends Alice to sign in and consent. The answer, as her browser got it. */
async function signIn(
  config: client.Configuration,
  parameters: Record<string, string> = {},
  build: (
    config: client.Configuration,
    parameters: Record<string, string>,
  ) => URL | Promise<URL> = client.buildAuthorizationUrl,
): Promise<{ asked: Asked; reply: Reply }> {
  const asked = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedNonce: client.randomNonce(),
    expectedState: client.randomState(),
  };
  const url = await build(config, {
    redirect_uri: CALLBACK,
    scope: "openid profile api1 offline_access",
    code_challenge: await client.calculatePKCECodeChallenge(asked.pkceCodeVerifier),
    code_challenge_method: "S256",
    nonce: asked.expectedNonce,
    state: asked.expectedState,
    ...parameters,
  });
  const browser = new Browser(server);
  let page = await browser.open(url.pathname + url.search);
  page = await browser.submit(page, "login", { ...ALICE, action: "login" });
  if (page.text.includes('id="consent"')) page = await browser.submit(page, "consent", { action: "allow" });
  return { asked, reply: page };
}

const addressOf = ({ headers }: Reply) => new URL(headers.get("location")!);

const KINDS: Readonly<Record<string, client.ClientAuth>> = {
  basic: client.ClientSecretBasic(SECRET),
  post: client.ClientSecretPost(SECRET),
  public: client.None(),
};

t.test("openid-client binds a code and its tokens to a key by DPoP", async (t) => {
  for (const [id, auth] of Object.entries(KINDS).filter(([name]) => name !== "post")) {
    const config = await discover(id, auth);
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("Ed25519"));
    const jkt = await DPoP.calculateThumbprint();
    const { asked, reply } = await signIn(config, { dpop_jkt: jkt });
    const tokens = await client.authorizationCodeGrant(config, addressOf(reply), asked, undefined, { DPoP });
    t.equal(tokens.token_type, "dpop");
    t.match(decodeJwt(tokens.access_token), { cnf: { jkt } });
    const { sub } = await client.fetchUserInfo(config, tokens.access_token, "user-alice", { DPoP });
    t.equal(sub, "user-alice");
    t.match(await reason(() => client.fetchUserInfo(config, tokens.access_token, sub)), { status: 401 });
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token!, undefined, { DPoP });
    t.match(decodeJwt(refreshed.access_token), { cnf: { jkt } });
    if (id === "public") {
      const stolen = () => client.refreshTokenGrant(config, refreshed.refresh_token!);
      t.match(await reason(stolen), { error: "invalid_grant" });
    } else {
      const about = await client.tokenIntrospection(config, refreshed.access_token);
      t.match(about, { active: true, token_type: "DPoP", cnf: { jkt } });
    }
  }
});

t.test("openid-client follows FAPI 2.0, with a key and with a certificate", async (t) => {
  const signer = await crypto.subtle.importKey(
    "pkcs8",
    banker.privateKey.export({ format: "der", type: "pkcs8" }),
    { name: "ECDSA", namedCurve: "P-256" },
    false,
    ["sign"],
  );
  const CLIENTS: readonly (readonly [string, client.ClientAuth])[] = [
    ["bank", client.PrivateKeyJwt({ key: signer, kid: "bank" })],
    ["by-certificate", client.TlsClientAuth()],
  ];
  for (const [id, auth] of CLIENTS) {
    const certificate = id === "bank" ? {} : { "Client-Cert": `:${mine.der.toString("base64")}:` };
    // As a proxy that passes on the client's certificate.
    const proxy: client.CustomFetch = (url, { headers, method, body }) =>
      fetch(url, { method, body: body as string, headers: { ...headers, ...certificate } });
    const config = await client.discovery(
      new URL(server.core.issuer),
      id,
      { id_token_signed_response_alg: "ES256" },
      auth,
      {
        [client.customFetch]: proxy,
        execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
      },
    );
    const options =
      id === "bank" ? { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256")) } : {};
    const pkceCodeVerifier = client.randomPKCECodeVerifier();
    const asked = {
      redirect_uri: CALLBACK,
      scope: "openid profile",
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
    };
    const url = await client.buildAuthorizationUrlWithPAR(config, asked, options);
    t.strictSame([...url.searchParams.keys()].sort(), ["client_id", "request_uri"]);
    const visitor = new Browser(server);
    const login = await visitor.open(url.pathname + url.search);
    const left = await visitor.submit(login, "login", { ...ALICE, action: "login" });
    const callback = new URL(left.headers.get("location")!);
    const checks = { pkceCodeVerifier, idTokenExpected: true };
    const tokens = await client.authorizationCodeGrant(config, callback, checks, undefined, options);
    t.equal(tokens.token_type, id === "bank" ? "dpop" : "bearer");
    t.match(await client.fetchUserInfo(config, tokens.access_token, "user-alice", options), { name: "Alice Example" });
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token!, undefined, options);
    t.equal(refreshed.refresh_token, tokens.refresh_token);
    if (id === "bank") {
      const bare = () => client.clientCredentialsGrant(config, { scope: "api1" });
      t.match(await reason(bare), { error: "invalid_request" }, "without a proof");
    }
  }
});

for (const [id, auth] of Object.entries(KINDS)) {
  t.test(`openid-client does the whole round for the ${id} client`, async (t) => {
    const config = await discover(id, auth);
    t.ok(config.serverMetadata().supportsPKCE());
    const { asked, reply } = await signIn(config);
    const tokens = await client.authorizationCodeGrant(config, addressOf(reply), { ...asked, idTokenExpected: true });
    const claims = tokens.claims()!;
    t.match(claims, {
      iss: server.core.issuer,
      aud: id,
      sub: "user-alice",
      nonce: asked.expectedNonce,
      auth_time: Number,
    });
    t.equal(decodeProtectedHeader(tokens.id_token!).alg, "RS256");
    const half = createHash("sha256").update(tokens.access_token).digest().subarray(0, 16).toString("base64url");
    t.equal(claims.at_hash, half, "at_hash is of this access token");

    const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
    t.match(userinfo, { sub: "user-alice", name: "Alice Example", preferred_username: "Alice" });

    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token!);
    t.not(refreshed.access_token, tokens.access_token);
    t.match(refreshed.claims(), { sub: "user-alice", auth_time: claims.auth_time });

    if (id !== "public") {
      t.match(await client.tokenIntrospection(config, refreshed.access_token), {
        active: true,
        sub: "user-alice",
        client_id: id,
      });
    }
    await client.tokenRevocation(config, refreshed.refresh_token!);
    t.match(await reason(() => client.refreshTokenGrant(config, refreshed.refresh_token!)), { error: "invalid_grant" });
    t.match(await reason(() => client.fetchUserInfo(config, refreshed.access_token, claims.sub)), { status: 401 });
    if (id !== "public") {
      t.strictSame(await client.tokenIntrospection(config, refreshed.access_token), { active: false });
    }

    const leave = client.buildEndSessionUrl(config, {
      id_token_hint: refreshed.id_token!,
      post_logout_redirect_uri: GOODBYE,
      state: "x",
    });
    const gone = await new Browser(server).get(leave.pathname + leave.search);
    t.match(gone, { status: 303 });
    t.equal(gone.headers.get("location"), `${GOODBYE}?state=x`);
  });
}

t.test("openid-client takes an answer by form_post", async (t) => {
  const config = await discover("basic", client.ClientSecretBasic(SECRET));
  const { asked, reply } = await signIn(config, { response_mode: "form_post" });
  const { action, values } = formOf(reply, "form_post");
  const posted = new Request(action, { method: "POST", body: new URLSearchParams(values) });
  const tokens = await client.authorizationCodeGrant(config, posted, asked);
  t.match(tokens.claims(), { sub: "user-alice", nonce: asked.expectedNonce });
});

t.test("openid-client verifies a signed userinfo response, with the registered algorithms", async (t) => {
  for (const [id, alg] of [
    ["signed", "RS256"],
    ["elliptic", "ES256"],
  ] as const) {
    const metadata = { userinfo_signed_response_alg: alg, id_token_signed_response_alg: alg };
    const config = await discover(id, client.ClientSecretBasic(SECRET), metadata);
    const { asked, reply } = await signIn(config);
    const tokens = await client.authorizationCodeGrant(config, addressOf(reply), asked);
    t.equal(decodeProtectedHeader(tokens.id_token!).alg, alg);
    t.match(await client.fetchUserInfo(config, tokens.access_token, "user-alice"), {
      iss: server.core.issuer,
      aud: id,
      sub: "user-alice",
      name: "Alice Example",
    });
    await t.rejects(
      client.fetchUserInfo(config, tokens.access_token, "user-bob"),
      "and that it is about the person meant",
    );
  }
});

/** The private key of the clients that sign, for one hash of RSASSA-PSS. */
const signingKey = await crypto.subtle.importKey(
  "pkcs8",
  key.privateKey.export({ format: "der", type: "pkcs8" }),
  { name: "RSA-PSS", hash: "SHA-256" },
  false,
  ["sign"],
);

t.test("openid-client pushes its request, signs it, and does both", async (t) => {
  const config = await discover("advanced", client.PrivateKeyJwt(signingKey));
  const signed = (config: client.Configuration, parameters: Record<string, string>) =>
    client.buildAuthorizationUrlWithJAR(config, parameters, signingKey);
  const ways = {
    pushed: client.buildAuthorizationUrlWithPAR,
    signed,
    both: async (config: client.Configuration, parameters: Record<string, string>) =>
      client.buildAuthorizationUrlWithPAR(config, (await signed(config, parameters)).searchParams),
  };
  for (const [way, build] of Object.entries(ways)) {
    const { asked, reply } = await signIn(config, {}, build);
    const tokens = await client.authorizationCodeGrant(config, addressOf(reply), { ...asked, idTokenExpected: true });
    t.match(tokens.claims(), { sub: "user-alice", nonce: asked.expectedNonce }, way);
  }
});

t.test("openid-client verifies a signed answer, also that of an error", async (t) => {
  const config = await discover("elliptic", client.ClientSecretBasic(SECRET), {
    authorization_signed_response_alg: "ES256",
    id_token_signed_response_alg: "ES256",
  });
  client.useJwtResponseMode(config);
  const { asked, reply } = await signIn(config);
  t.strictSame([...addressOf(reply).searchParams.keys()], ["response"]);
  const tokens = await client.authorizationCodeGrant(config, addressOf(reply), asked);
  t.match(tokens.claims(), { sub: "user-alice", nonce: asked.expectedNonce });
  const other = { ...asked, expectedState: "another" };
  t.match(await reason(() => client.authorizationCodeGrant(config, addressOf(reply), other)), {
    cause: { message: 'unexpected "state" response parameter value' },
  });
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope: "openid",
    prompt: "none",
    state: "s",
  });
  const refused = addressOf(await new Browser(server).get(url.pathname + url.search));
  t.match(await reason(() => client.authorizationCodeGrant(config, refused, { expectedState: "s" })), {
    error: "login_required",
  });
});

t.test("openid-client asks for tokens of one resource server", async (t) => {
  const resource = "https://api.example";
  const config = await discover("basic", client.ClientSecretBasic(SECRET));
  const { asked, reply } = await signIn(config, { resource });
  const tokens = await client.authorizationCodeGrant(config, addressOf(reply), asked, { resource });
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token!, { resource });
  for (const { access_token } of [tokens, refreshed])
    t.match(await client.tokenIntrospection(config, access_token), { active: true, aud: resource });
  const other = client.refreshTokenGrant(config, refreshed.refresh_token!, { resource: "https://other.example" });
  t.match(await reason(() => other), { error: "invalid_target" });
});

t.test("openid-client detects an answer to another request", async (t) => {
  const config = await discover("basic", client.ClientSecretBasic(SECRET));
  const { asked, reply } = await signIn(config);
  const changed = (change: (parameters: URLSearchParams) => void) => {
    const url = addressOf(reply);
    change(url.searchParams);
    return client.authorizationCodeGrant(config, url, asked);
  };
  const said = (message: string) => ({ cause: { message } });
  t.match(
    await reason(() => changed((answer) => answer.set("iss", "https://another.example"))),
    said('unexpected "iss"'),
  );
  t.match(
    await reason(() => changed((answer) => answer.delete("iss"))),
    said('"iss" (issuer) missing'),
    "it was promised",
  );
  t.match(await reason(() => changed((answer) => answer.set("state", "another"))), said('unexpected "state"'));
  const otherNonce = { ...asked, expectedNonce: "another" };
  t.match(await reason(() => client.authorizationCodeGrant(config, addressOf(reply), otherNonce)), said("nonce"));
});

t.test("openid-client gets the reason for a missing code", async (t) => {
  const config = await discover("basic", client.ClientSecretBasic(SECRET));
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope: "openid",
    prompt: "none",
    state: "s",
  });
  const reply = await new Browser(server).get(url.pathname + url.search);
  t.match(await reason(() => client.authorizationCodeGrant(config, addressOf(reply), { expectedState: "s" })), {
    error: "login_required",
  });

  const { asked, reply: good } = await signIn(config);
  const wrong = { ...asked, pkceCodeVerifier: client.randomPKCECodeVerifier() };
  t.match(await reason(() => client.authorizationCodeGrant(config, addressOf(good), wrong)), {
    error: "invalid_grant",
  });
});

t.test("openid-client authenticates by assertions at each endpoint", async (t) => {
  const kinds: readonly (readonly [string, client.ClientAuth])[] = [
    ["sharing", client.ClientSecretJwt(SECRET)],
    ["signing", client.PrivateKeyJwt(signingKey)],
  ];
  for (const [id, auth] of kinds) {
    const config = await discover(id, auth);
    const { access_token } = await client.clientCredentialsGrant(config, { scope: "api1" });
    t.match(await client.tokenIntrospection(config, access_token), { active: true, client_id: id }, id);
    await client.tokenRevocation(config, access_token);
    t.strictSame(await client.tokenIntrospection(config, access_token), { active: false }, id);
  }
});

t.test("openid-client exchanges a token", async (t) => {
  const subject = await client.clientCredentialsGrant(await discover("sharing", client.ClientSecretJwt(SECRET)));
  const config = await discover("exchanging", client.ClientSecretPost(SECRET));
  const { access_token, issued_token_type, scope } = await client.genericGrantRequest(config, EXCHANGE, {
    subject_token: subject.access_token,
    subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
  });
  t.equal(issued_token_type, "urn:ietf:params:oauth:token-type:access_token");
  t.equal(scope, "api1");
  t.match(await client.tokenIntrospection(config, access_token), { sub: "sharing", client_id: "exchanging" });
});

t.test("openid-client polls for a device until its user has answered", async (t) => {
  const config = await discover("device", client.ClientSecretBasic(SECRET));
  const asked = await client.initiateDeviceAuthorization(config, { scope: "openid profile" });
  const browser = new Browser(server);
  const page = await browser.open("/device");
  const login = await browser.submit(page, "device", { user_code: asked.user_code, action: "continue" });
  const consent = await browser.submit(login, "login", { ...ALICE, action: "login" });
  await browser.submit(consent, "consent", { action: "allow" });
  // The library waits for the interval before its first poll.
  const tokens = await client.pollDeviceAuthorizationGrant(config, { ...asked, interval: 0 });
  t.match(tokens.claims(), { sub: "user-alice", aud: "device" });
  t.match(await client.fetchUserInfo(config, tokens.access_token, "user-alice"), { name: "Alice Example" });
});
