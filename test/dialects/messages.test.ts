import t from "tap";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Instance } from "../support/instance.js";
import { introspect, logIn } from "../support/tokens.js";

/**
 * Each documented message whose situation exists, provoked over HTTP in each dialect that sends it. The standard dialect
 * has no message #4 (an absent scope means the registered one) and no #30 (RFC 7009 answers 200).
 */

type Operation = "token" | "revoke" | "introspect";
type Dialect = "oauth2" | "simple-identity-server";

const PATHS: Record<Dialect, Record<Operation, string>> = {
  oauth2: { token: "/oauth2/token", revoke: "/oauth2/revoke", introspect: "/oauth2/introspect" },
  "simple-identity-server": { token: "/token", revoke: "/token/revoke", introspect: "/introspect" },
};

interface Situation {
  readonly number: number;
  readonly message: string;
  readonly operation: Operation;
  readonly form: Form | ((tokens: Tokens) => Form);
  readonly as?: { Authorization: string };
  /** error and status in the standard dialect; none where it never sends the message. */
  readonly oauth2?: readonly [string, number];
  /** error in the SimpleIdentityServer dialect, always with 400. */
  readonly sis: string;
}

interface Tokens {
  readonly access: string;
  readonly refresh: string;
}

const BACKEND = basic("backend", SECRET);
const malformed = { oauth2: ["invalid_request", 400], sis: "invalid_request" } as const;
const unauthenticated = { oauth2: ["invalid_client", 401], sis: "invalid_client" } as const;
const badGrant = { oauth2: ["invalid_grant", 400], sis: "invalid_grant" } as const;
const badScope = { oauth2: ["invalid_scope", 400], sis: "invalid_scope" } as const;
const notAllowed = { oauth2: ["unauthorized_client", 400], sis: "invalid_client" } as const;
const byMobile = { client_id: "mobile", scope: "openid" };

const SITUATIONS: readonly Situation[] = [
  {
    number: 1,
    message: "the parameter grant_type is missing",
    operation: "token",
    form: { scope: "api1" },
    ...malformed,
  },
  {
    number: 2,
    message: "the parameter username is missing",
    operation: "token",
    form: { grant_type: "password", password: "x", ...byMobile },
    ...malformed,
  },
  {
    number: 3,
    message: "the parameter password is missing",
    operation: "token",
    form: { grant_type: "password", username: "x", ...byMobile },
    ...malformed,
  },
  {
    number: 4,
    message: "the parameter scope is missing",
    operation: "token",
    form: { grant_type: "password", ...ALICE, client_id: "mobile" },
    sis: "invalid_request",
  },
  {
    number: 4,
    message: "the parameter scope is missing",
    operation: "token",
    form: { grant_type: "client_credentials" },
    as: BACKEND,
    sis: "invalid_request",
  },
  {
    number: 5,
    message: "the parameter refresh_token is missing",
    operation: "token",
    form: { grant_type: "refresh_token", ...byMobile },
    ...malformed,
  },
  {
    number: 7,
    message: "the parameter token is missing",
    operation: "revoke",
    form: { x: "y" },
    as: BACKEND,
    ...malformed,
  },
  {
    number: 7,
    message: "the parameter token is missing",
    operation: "introspect",
    form: { x: "y" },
    as: BACKEND,
    ...malformed,
  },
  ...(["token", "revoke", "introspect"] as const).flatMap((operation): Situation[] => {
    const form = operation === "token" ? { grant_type: "client_credentials", scope: "api1" } : { token: "x" };
    return [
      { number: 8, message: "the client doesn't exist", operation, form, ...unauthenticated },
      {
        number: 8,
        message: "the client doesn't exist",
        operation,
        form,
        as: basic("nobody", SECRET),
        ...unauthenticated,
      },
      {
        number: 9,
        message: "the client cannot be authenticated with secret basic",
        operation,
        form,
        as: basic("backend", "wrong"),
        ...unauthenticated,
      },
      {
        number: 9,
        message: "the client cannot be authenticated with secret basic",
        operation,
        form: { ...form, client_id: "header", client_secret: SECRET },
        ...unauthenticated,
      },
      {
        number: 10,
        message: "the client cannot be authenticated with secret post",
        operation,
        form: { ...form, client_id: "poster", client_secret: "wrong" },
        ...unauthenticated,
      },
      {
        number: 10,
        message: "the client cannot be authenticated with secret post",
        operation,
        form,
        as: basic("poster", SECRET),
        ...unauthenticated,
      },
    ];
  }),
  ...[
    { ...ALICE, password: "wrong" },
    { username: "stranger", password: "wrong" },
    { username: "gone", password: "was here once" },
    { username: "bob@example.com", password: "hunter2 hunter2" }, // an address that was never verified
  ].map((person): Situation => ({
    number: 20,
    message: "resource owner credentials are not valid",
    operation: "token",
    form: { grant_type: "password", ...person, ...byMobile },
    ...badGrant,
  })),
  {
    number: 21,
    message: "the scopes api9,api8 are not allowed or invalid",
    operation: "token",
    form: { grant_type: "client_credentials", scope: "api9 api1 api8" },
    as: BACKEND,
    ...badScope,
  },
  {
    number: 21,
    message: "the scopes api2 are not allowed or invalid",
    operation: "token",
    form: { grant_type: "password", ...ALICE, client_id: "mobile", scope: "openid api2" },
    ...badScope,
  },
  {
    number: 22,
    message: "the client backend doesn't support the grant type password",
    operation: "token",
    form: { grant_type: "password", ...ALICE, scope: "api1" },
    as: BACKEND,
    ...notAllowed,
  },
  {
    number: 22,
    message: "the client backend doesn't support the grant type refresh_token",
    operation: "token",
    form: { grant_type: "refresh_token", refresh_token: "x" },
    as: BACKEND,
    ...notAllowed,
  },
  {
    number: 22,
    message: "the client mobile doesn't support the grant type client_credentials",
    operation: "token",
    form: { grant_type: "client_credentials", ...byMobile },
    ...notAllowed,
  },
  {
    number: 23,
    message: "the client 'narrow' doesn't support the response type: 'token'",
    operation: "token",
    form: { grant_type: "client_credentials", scope: "api1" },
    as: basic("narrow", SECRET),
    ...notAllowed,
  },
  {
    number: 23,
    message: "the client 'narrow' doesn't support the response type: 'token id_token'",
    operation: "token",
    form: { grant_type: "password", ...ALICE, scope: "api1" },
    as: basic("narrow", SECRET),
    ...notAllowed,
  },
  {
    number: 24,
    message: "the refresh token is not valid",
    operation: "token",
    form: { grant_type: "refresh_token", refresh_token: "unknown", client_id: "mobile" },
    ...badGrant,
  },
  {
    number: 25,
    message: "the refresh token can be used only by the same issuer",
    operation: "token",
    form: ({ refresh }) => ({ grant_type: "refresh_token", refresh_token: refresh, client_id: "tablet" }),
    ...badGrant,
  },
  ...(["token", "revoke", "introspect"] as const).map((operation): Situation => ({
    number: 28,
    message: "no parameter in body request",
    operation,
    form: {},
    as: BACKEND,
    ...malformed,
  })),
  {
    number: 29,
    message: "the token has not been issued for the given client id 'backend'",
    operation: "revoke",
    form: ({ access }) => ({ token: access }),
    as: BACKEND,
    oauth2: ["invalid_grant", 400],
    sis: "invalid_token",
  },
  {
    number: 29,
    message: "the token has not been issued for the given client id 'backend'",
    operation: "revoke",
    form: ({ refresh }) => ({ token: refresh, token_type_hint: "refresh" }),
    as: BACKEND,
    oauth2: ["invalid_grant", 400],
    sis: "invalid_token",
  },
  {
    number: 30,
    message: "the token doesn't exist",
    operation: "revoke",
    form: { token: "unknown" },
    as: BACKEND,
    sis: "invalid_token",
  },
];

t.test("each documented message is sent for the request that causes it", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  for (const situation of SITUATIONS) {
    const { number, message, operation } = situation;
    t.test(`#${number} at ${operation}: ${message}`, async (t) => {
      const tokens = await tokensOf(server);
      const form = typeof situation.form === "function" ? situation.form(tokens) : situation.form;
      const sis = await server.post(PATHS["simple-identity-server"][operation], form, situation.as);
      t.equal(sis.status, 400);
      t.strictSame(sis.json, { error: situation.sis, error_description: message, error_uri: null });

      if (situation.oauth2 === undefined) return;
      const [error, status] = situation.oauth2;
      const standard = await server.post(PATHS.oauth2[operation], form, situation.as);
      t.equal(standard.status, status);
      t.strictSame(standard.json, { error, error_description: message });
      t.equal(standard.headers.has("www-authenticate"), status === 401, "RFC 6749 section 5.2");
    });
  }

  t.test("the access token that was named in refused requests is still valid", async (t) => {
    const { access } = await tokensOf(server);
    const { json } = await introspect(server, access);
    t.ok(json.active);
  });
});

t.test("other messages of SimpleIdentityServer are kept", async (t) => {
  const server = await startInstance(t, { provision: FLEET });
  const sis = (path: string, form: Form) => server.post(path, form, BACKEND);

  t.test("SimpleIdentityServer refuses a repeated scope after client authentication", async (t) => {
    const { status, json } = await sis("/token", { grant_type: "client_credentials", scope: "api1 api2 api1" });
    t.equal(status, 400);
    t.match(json, { error: "invalid_scope", error_description: "duplicate scopes api1 have been passed in parameter" });
  });

  t.test("an unknown token is an error for SimpleIdentityServer and inactive in the standard dialect", async (t) => {
    t.match(await sis("/introspect", { token: "x" }), {
      status: 400,
      json: { error: "invalid_token", error_description: "the token is not valid", error_uri: null },
    });
    t.strictSame((await sis("/oauth2/introspect", { token: "x" })).json, { active: false });
  });

  t.test("the refusal names an unknown grant type", async (t) => {
    for (const path of ["/token", "/oauth2/token"]) {
      t.match((await sis(path, { grant_type: "implicit" })).json, {
        error: "unsupported_grant_type",
        error_description: "the grant type implicit is not supported",
      });
    }
  });
});

const seen = new WeakMap<Instance, Promise<Tokens>>();

/** One login for all rows: no row may spend these tokens. */
function tokensOf(server: Instance): Promise<Tokens> {
  let tokens = seen.get(server);
  if (tokens === undefined) {
    tokens = logIn(server).then(({ json }) => ({ access: json.access_token, refresh: json.refresh_token }));
    seen.set(server, tokens);
  }
  return tokens;
}
