import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import t from "tap";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Reply } from "../support/instance.js";
import { VENDORS } from "../support/vendors.js";
import { answerOf, Browser, pkce } from "../support/web.js";
import { CALLBACK } from "../support/web-fleet.js";

const PATH = "/api/id/v1/auth/token";
const INTEGRATION = basic("integration", SECRET);

const server = await startInstance(t, { provision: VENDORS });

const ask = (form: Form, headers: Record<string, string> = INTEGRATION) => server.post(PATH, form, headers);

/** A code from the standard's authorization endpoint, where Alice logs in. */
async function getCode(scope: string, more: Record<string, string> = {}): Promise<Form> {
  const query = new URLSearchParams({
    client_id: "integration",
    response_type: "code",
    redirect_uri: CALLBACK,
    scope,
    ...more,
  });
  const browser = new Browser(server);
  const login = await browser.open(`/oauth2/authorize?${query}`);
  const { code } = answerOf(await browser.submit(login, "login", { ...ALICE, action: "login" }));
  return { grant_type: "authorization_code", code, redirect_uri: CALLBACK };
}

t.test("an integration gets a token for itself", async (t) => {
  const reply = await ask({ grant_type: "client_credentials", scope: "inspect api1" });
  t.equal(reply.status, 200);
  t.equal(reply.headers.get("cache-control"), "no-store");
  const { access_token } = reply.json;
  t.equal(
    reply.text,
    JSON.stringify({ scope: "inspect api1", token_type: "Bearer", access_token, expires_in: 604_800 }),
    "the page's members in the page's order, less those of a person",
  );

  await t.test("the access token has its client as the audience and the claims scp and scopes", async (t) => {
    const keys = createRemoteJWKSet(new URL("/oauth2/jwks", server.url));
    const { payload } = await jwtVerify(access_token, keys, {
      audience: "integration",
      issuer: server.core.issuer,
      currentDate: new Date(server.core.clock.now()),
    });
    t.match(payload, { aud: "integration", sub: "integration", scp: "inspect api1", scopes: ["inspect", "api1"] });
    t.equal(payload.exp! - payload.iat!, 604_800);
    t.notOk("userID" in payload, "there is no person");
  });

  await t.test("introspection shows the token to the resource server of its scopes, as in every dialect", async (t) => {
    const look = (client_id: string) =>
      server.post("/oauth2/introspect", { token: access_token }, basic(client_id, SECRET));
    const { json } = await look("api1-server");
    t.match(json, { active: true, aud: "https://api1.example", client_id: "integration", scope: "inspect api1" });
    for (const internal of ["resource", "scp", "scopes"]) t.notOk(internal in json, internal);
    t.strictSame((await look("backend")).json, { active: false });
  });
});

t.test("an integration exchanges a code of the standard authorization endpoint", async (t) => {
  const reply = await ask(await getCode("openid email profile inspect offline"));
  t.equal(reply.status, 200, reply.text);
  t.strictSame(Object.keys(reply.json), [
    "scope",
    "token_type",
    "access_token",
    "expires_in",
    "id_token",
    "refresh_token",
  ]);
  t.match(decodeJwt(reply.json.access_token), {
    aud: "integration",
    sub: "user-alice",
    scp: "openid email profile inspect offline",
    scopes: ["openid", "email", "profile", "inspect", "offline"],
    userID: 1302,
    userRegion: "SG",
  });
  t.match(decodeJwt(reply.json.id_token), {
    aud: "integration",
    sub: "user-alice",
    email: "alice@example.com",
    email_verified: true,
    name: "Alice Example",
    first_name: "Alice",
  });

  await t.test("the refresh token works at the standard token endpoint and yields standard claims there", async (t) => {
    const form = { grant_type: "refresh_token", refresh_token: reply.json.refresh_token };
    t.match(await ask(form), { status: 400, json: { error: "Bad Request" } }, "its page has no such grant");
    const { status, json } = await server.post("/oauth2/token", form, INTEGRATION);
    t.equal(status, 200);
    t.equal(decodeJwt(json.access_token).aud, server.core.issuer);
    t.notOk("userID" in decodeJwt(json.access_token));
  });

  await t.test("without the scope offline the response has no refresh token", async (t) => {
    const { json } = await ask(await getCode("openid email"));
    t.strictSame(Object.keys(json), ["scope", "token_type", "access_token", "expires_in", "id_token"]);
  });
});

t.test("TE-02 a code passes the same checks as in the standard dialect", async (t) => {
  const says = async (form: Form, headers = INTEGRATION) => (await ask(form, headers)).json.errorDescription;
  const { verifier, challenge } = pkce();
  const code = await getCode("openid", challenge);
  t.equal(await says(code), "the code verifier is not correct", "a challenge once sent is checked");
  t.equal(
    await says({ ...code, code_verifier: verifier }),
    "the authorization code is not correct",
    "one try uses it up",
  );
  const foreign = await says(await getCode("openid"), basic("another-integration", SECRET));
  t.match(foreign, /has not been issued for the given client id another-integration/, "TE-01");
  const elsewhere = { ...(await getCode("openid")), redirect_uri: `${CALLBACK}/` };
  t.match(await says(elsewhere), /the redirection url is not the same/);
});

/** The page's statuses, each in its situation; the word is the status's own, the text the catalogue's. */
const REFUSED: readonly (readonly [
  situation: string,
  status: number,
  error: string,
  description: string,
  Form,
  Record<string, string>?,
])[] = [
  ["no body", 400, "Bad Request", "no parameter in body request", {}],
  ["no grant_type", 400, "Bad Request", "the parameter grant_type is missing", { scope: "inspect" }],
  ["no scope", 400, "Bad Request", "the parameter scope is missing", { grant_type: "client_credentials" }],
  ...["password", "refresh_token", "implicit"].map(
    (grant_type) =>
      [
        `the undocumented grant ${grant_type}`,
        400,
        "Bad Request",
        `the grant type ${grant_type} is not supported`,
        { grant_type, ...ALICE, scope: "openid" },
      ] as const,
  ),
  [
    "an unknown code",
    400,
    "Bad Request",
    "the authorization code is not correct",
    { grant_type: "authorization_code", code: "x", redirect_uri: CALLBACK },
  ],
  [
    "no client credentials",
    401,
    "Unauthorized",
    "the client doesn't exist",
    { grant_type: "client_credentials", scope: "inspect" },
    {},
  ],
  [
    "the secret in the body",
    401,
    "Unauthorized",
    "the client doesn't exist",
    { grant_type: "client_credentials", scope: "api1", client_id: "poster", client_secret: SECRET },
    {},
  ],
  [
    "a wrong secret",
    401,
    "Unauthorized",
    "the client cannot be authenticated with secret basic",
    { grant_type: "client_credentials", scope: "inspect" },
    basic("integration", "wrong"),
  ],
  [
    "TE-01 a client that may not use this dialect",
    401,
    "Unauthorized",
    "the client doesn't exist",
    { grant_type: "client_credentials", scope: "api1" },
    basic("elsewhere", SECRET),
  ],
  [
    "CA-14 a client without this grant",
    403,
    "Forbidden",
    "the client kiosk doesn't support the grant type client_credentials",
    { grant_type: "client_credentials", scope: "api1" },
    basic("kiosk", SECRET),
  ],
  [
    "a scope it is not registered for",
    403,
    "Forbidden",
    "the scopes api2 are not allowed or invalid",
    { grant_type: "client_credentials", scope: "inspect api2" },
  ],
  [
    "two client authentication methods",
    400,
    "Bad Request",
    "more than one client authentication method was used",
    { grant_type: "client_credentials", scope: "inspect", client_secret: SECRET },
  ],
];

t.test("each fault gets its documented status and body", async (t) => {
  for (const [situation, status, error, errorDescription, form, headers] of REFUSED) {
    const reply = await ask(form, headers);
    t.equal(reply.status, status, situation);
    t.equal(reply.text, JSON.stringify({ error, errorDescription }), situation);
    t.equal(reply.headers.has("www-authenticate"), status === 401, "RFC 9110 section 15.5.2");
  }

  await t.test("an unknown path gets 404, a wrong method 405 and a JSON body 400", async (t) => {
    const said = ({ status, json }: Reply) => [status, json.error];
    t.strictSame(said(await server.post("/api/id/v1/auth/tokens", {}, INTEGRATION)), [404, "Not Found"]);
    t.strictSame(said(await server.send(PATH)), [405, "Method Not Allowed"]);
    const json = { method: "POST", headers: { "Content-Type": "application/json", ...INTEGRATION }, body: "{}" };
    t.strictSame(said(await server.send(PATH, json)), [400, "Bad Request"]);
  });

  await t.test("a fault of the server gets 500", async (t) => {
    const { scopes } = server.core.registry;
    t.teardown(() => void (server.core.registry.scopes = scopes));
    server.core.registry.scopes = () => Promise.reject(new Error("a fault"));
    const reply = await ask({ grant_type: "client_credentials", scope: "inspect" });
    t.equal(reply.status, 500);
    t.equal(
      reply.text,
      '{"error":"Internal Server Error","errorDescription":"the server met an unexpected condition"}',
    );
  });
});
