import t, { type Test } from "tap";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Reply } from "../support/instance.js";
import { after, TestClock } from "../support/clock.js";
import { ASKED, ENDPOINTS, SIS, STANDARD, type Paths } from "../support/paths.js";
import { holds } from "../support/oracle.js";
import { until } from "../support/until.js";

/** Secrets that show how Basic was decoded. */
const COLON = "left:right:and more";
const PERCENT = "100%25 of it, 50% of that";
const PLUS = "one+two three";
const UTF8 = "pâsswörd-☃-😀";
const ODD: Readonly<Record<string, string>> = { colon: COLON, percent: PERCENT, plus: PLUS, utf8: UTF8 };

const service = { grant_types: ["client_credentials"], scope: "api1" };

/** A client that may send its secret in one place only. */
const inHeader = { token_endpoint_auth_method: "client_secret_basic" };

const clock = new TestClock();

const FILE = {
  ...FLEET,
  clients: [
    ...FLEET.clients,
    ...Object.entries(ODD).map(([client_id, client_secret]) => ({ ...service, ...inHeader, client_id, client_secret })),
    { ...service, client_id: "body", client_secret: SECRET, token_endpoint_auth_methods: ["client_secret_post"] },
    {
      ...service,
      client_id: "several",
      client_secret: SECRET,
      token_endpoint_auth_methods: ["private_key_jwt", "client_secret_jwt", "client_secret_post"],
    },
    { ...service, client_id: "id with:colon & ümlaut", client_secret: SECRET },
    { ...service, client_id: "secretless" },
    { ...service, client_id: "secretless-post", token_endpoint_auth_method: "client_secret_post" },
    { ...service, client_id: "standard-only", client_secret: SECRET, dialects: ["oauth2"] },
    { ...service, client_id: "sis-only", client_secret: SECRET, dialects: ["simple-identity-server"] },
    {
      ...service,
      client_id: "rotating",
      client_secrets: [
        { value: "the first secret", expires_at: after(clock, -1) },
        { value: "the second secret", expires_at: after(clock, 600) },
        { value: "the third secret" },
      ],
    },
    {
      client_id: "public-service",
      token_endpoint_auth_method: "none",
      grant_types: ["client_credentials"],
      scope: "api1",
    },
    {
      client_id: "off-public",
      token_endpoint_auth_method: "none",
      grant_types: ["password"],
      scope: "api1",
      disabled: true,
    },
    { ...service, client_id: "asserting", token_endpoint_auth_method: "private_key_jwt", client_secret: SECRET },
  ],
};

/** Basic as the octets are, without the form-encoding that RFC 6749 section 2.3.1 asks for. */
const raw = (pair: string) => ({ Authorization: `Basic ${Buffer.from(pair).toString("base64")}` });

const server = await startInstance(t, { provision: FILE, clock });

interface Row {
  readonly id: string;
  readonly name: string;
  readonly headers?: Record<string, string>;
  readonly form?: Form;
  /** The answer, or that the client is authenticated. */
  readonly expect: Refused | "known";
  readonly endpoints?: readonly (typeof ENDPOINTS)[number][];
  readonly dialects?: readonly Paths[];
}

interface Refused {
  readonly error: string;
  readonly says: string;
  /** In the standard dialect, if it is not 401. */
  readonly status?: number;
}

const UNKNOWN: Refused = { error: "invalid_client", says: "the client doesn't exist" };
const WRONG_BASIC: Refused = { error: "invalid_client", says: "the client cannot be authenticated with secret basic" };
const WRONG_POST: Refused = { error: "invalid_client", says: "the client cannot be authenticated with secret post" };
const NO_JWS: Refused = { error: "invalid_client", says: "the client assertion is not a JWS token" };
const UNREADABLE: Refused = { error: "invalid_client", says: "the Authorization header cannot be read" };
const DIFFERENT: Refused = {
  status: 400,
  error: "invalid_request",
  says: "the client_id in the body is not the one that authenticates",
};
const MIXED: Refused = {
  status: 400,
  error: "invalid_request",
  says: "more than one client authentication method was used",
};

const tooLong = (name: string): Refused => ({
  status: 400,
  error: "invalid_request",
  says: `the parameter ${name} is malformed`,
});

const post = (client_id: string, client_secret?: string): Form => ({ client_id, client_secret });

const ROWS: readonly Row[] = [
  { id: "CA-01", name: "nothing at all", expect: UNKNOWN },
  { id: "CA-01", name: "its name alone", form: post("backend"), expect: WRONG_BASIC },
  {
    id: "CA-01",
    name: "its name alone, where the secret belongs into the body",
    form: post("poster"),
    expect: WRONG_POST,
  },
  { id: "CA-02", name: "an empty secret in the header", headers: basic("backend", ""), expect: WRONG_BASIC },
  { id: "CA-02", name: "an empty secret in the body", form: post("poster", ""), expect: WRONG_POST },
  { id: "CA-02", name: "an empty secret where none is on file", headers: basic("secretless", ""), expect: WRONG_BASIC },
  {
    id: "CA-02",
    name: "an empty secret in the body where none is on file",
    form: post("secretless-post", ""),
    expect: WRONG_POST,
  },
  ...["null", "undefined", "0", "secretless", " "].flatMap((secret) => [
    { id: "CA-02", name: `${secret} where none is on file`, headers: basic("secretless", secret), expect: WRONG_BASIC },
    {
      id: "CA-02",
      name: `${secret} in the body where none is on file`,
      form: post("secretless-post", secret),
      expect: WRONG_POST,
    },
  ]),
  { id: "CA-02", name: "neither name nor secret", headers: raw(":"), expect: UNKNOWN },
  { id: "CA-02", name: "a secret without a name", headers: raw(`:${SECRET}`), expect: UNKNOWN },
  { id: "CA-02", name: "a secret without a name, in the body", form: { client_secret: SECRET }, expect: UNKNOWN },
  { id: "CA-04", name: "two names", headers: basic("backend", SECRET), form: post("poster"), expect: DIFFERENT },
  { id: "CA-04", name: "two names, one of them empty", headers: raw(":"), form: post("backend"), expect: DIFFERENT },
  {
    id: "CA-04",
    name: "two names in upper and lower case",
    headers: basic("backend", SECRET),
    form: post("Backend"),
    expect: DIFFERENT,
  },
  { id: "CA-04", name: "one name twice", headers: basic("backend", SECRET), form: post("backend"), expect: "known" },
  {
    id: "CA-04",
    name: "one secret in both places",
    headers: basic("backend", SECRET),
    form: post("backend", SECRET),
    expect: MIXED,
  },
  {
    id: "CA-04",
    name: "two clients, each with its secret",
    headers: basic("backend", SECRET),
    form: post("poster", SECRET),
    expect: MIXED,
  },
  {
    id: "CA-04",
    name: "an empty secret in the header, the right one in the body",
    headers: basic("poster", ""),
    form: post("poster", SECRET),
    expect: MIXED,
  },
  { id: "CA-06", name: "the body where the header is registered", form: post("header", SECRET), expect: WRONG_BASIC },
  { id: "CA-06", name: "the header where a list has the body", headers: basic("body", SECRET), expect: WRONG_POST },
  { id: "CA-06", name: "the header where a list has others", headers: basic("several", SECRET), expect: WRONG_POST },
  { id: "RFC 6749 2.3.1", name: "either place, the body", form: post("backend", SECRET), expect: "known" },
  { id: "RFC 6749 2.3.1", name: "either place, wrong in the body", form: post("backend", "no"), expect: WRONG_POST },
  { id: "RFC 7591 2", name: "the body where a list has it", form: post("body", SECRET), expect: "known" },
  { id: "RFC 7591 2", name: "a secret that also signs", form: post("several", SECRET), expect: "known" },
  { id: "RFC 7591 2", name: "a wrong one that also signs", form: post("several", "wrong"), expect: WRONG_POST },
  {
    id: "CA-06",
    name: "the header where the body is registered",
    headers: basic("poster", SECRET),
    expect: WRONG_POST,
  },
  {
    id: "CA-06",
    name: "a secret where a signature is registered",
    headers: basic("asserting", SECRET),
    expect: NO_JWS,
  },
  {
    id: "CA-06",
    name: "a secret in the body where a signature is registered",
    form: post("asserting", SECRET),
    expect: NO_JWS,
  },
  { id: "CA-07", name: "a public client with a secret", headers: basic("mobile", SECRET), expect: WRONG_BASIC },
  { id: "CA-07", name: "a public client with a secret in the body", form: post("mobile", SECRET), expect: WRONG_POST },
  { id: "CA-10", name: "an unknown name", headers: basic("nobody", SECRET), expect: UNKNOWN },
  { id: "CA-10", name: "an unknown name in the body", form: post("nobody", SECRET), expect: UNKNOWN },
  { id: "CA-10", name: "a wrong secret", headers: basic("backend", `${SECRET}x`), expect: WRONG_BASIC },
  {
    id: "CA-10",
    name: "a secret in another case",
    headers: basic("backend", SECRET.toUpperCase()),
    expect: WRONG_BASIC,
  },
  {
    id: "CA-10",
    name: "the beginning of a secret",
    headers: basic("backend", SECRET.slice(0, -1)),
    expect: WRONG_BASIC,
  },
  { id: "CA-10", name: "a secret and a space", headers: basic("backend", `${SECRET} `), expect: WRONG_BASIC },
  { id: "CA-10", name: "a wrong secret in the body", form: post("poster", "wrong"), expect: WRONG_POST },
  { id: "CA-10", name: "another client's secret", headers: basic("colon", SECRET), expect: WRONG_BASIC },
  { id: "CA-11", name: "a client that is off", headers: basic("off", SECRET), expect: UNKNOWN },
  { id: "CA-11", name: "a public client that is off", form: post("off-public"), expect: UNKNOWN },
  ...[
    "Backend",
    "BACKEND",
    "backend ",
    " backend",
    "backend\t",
    "b\u0430ckend",
    "ｂackend",
    "backend\u200b",
    "backend%",
    "back_nd",
    "*",
    "' or 1=1--",
  ].flatMap((client_id) => [
    {
      id: "CA-12",
      name: JSON.stringify(client_id),
      headers: basic(client_id, SECRET),
      expect: UNKNOWN,
      dialects: [STANDARD],
    },
    {
      id: "CA-12",
      name: JSON.stringify(client_id),
      headers: raw(`${client_id}:${SECRET}`),
      expect: UNKNOWN,
      dialects: [SIS],
    },
    { id: "CA-12", name: `${JSON.stringify(client_id)} in the body`, form: post(client_id, SECRET), expect: UNKNOWN },
  ]),
  {
    id: "CA-12",
    name: "a name of 60,000 characters",
    form: post("a".repeat(60_000), SECRET),
    expect: tooLong("client_id"),
  },
  {
    id: "CA-12",
    name: "a secret of 60,000 characters",
    form: post("poster", "a".repeat(60_000)),
    expect: tooLong("client_secret"),
  },
  {
    id: "TE-01",
    name: "one that may not use this dialect",
    headers: basic("standard-only", SECRET),
    expect: UNKNOWN,
    dialects: [SIS],
  },
  {
    id: "TE-01",
    name: "one that may not use that dialect",
    headers: basic("sis-only", SECRET),
    expect: UNKNOWN,
    dialects: [STANDARD],
  },
  {
    id: "TE-01",
    name: "one that may use this dialect only",
    headers: basic("standard-only", SECRET),
    expect: "known",
    dialects: [STANDARD],
  },
  {
    id: "TE-01",
    name: "one that may use that dialect only",
    headers: basic("sis-only", SECRET),
    expect: "known",
    dialects: [SIS],
  },
  { id: "RFC 6749 2.3.1", name: "the right secret in the header", headers: basic("backend", SECRET), expect: "known" },
  { id: "RFC 6749 2.3.1", name: "the right secret in the body", form: post("poster", SECRET), expect: "known" },
  {
    id: "RFC 6749 2.3.1",
    name: "a header for another client beside it",
    headers: { Authorization: "Bearer x" },
    form: post("poster", SECRET),
    expect: "known",
  },
  // Form-encoded once in the standard dialect, taken as it is in the other (original-systems.md, section 0).
  ...Object.entries(ODD).flatMap(([client_id, secret]): Row[] => [
    {
      id: "RFC 6749 2.3.1",
      name: `${client_id}, form-encoded`,
      headers: basic(client_id, secret),
      expect: "known",
      dialects: [STANDARD],
    },
    {
      id: "RFC 7617 2",
      name: `${client_id}, as it is`,
      headers: raw(`${client_id}:${secret}`),
      expect: "known",
      dialects: [SIS],
    },
    {
      id: "RFC 6749 2.3.1",
      name: `${client_id} in the header, registered so, sent in the body`,
      form: post(client_id, secret),
      expect: WRONG_BASIC,
    },
  ]),
  {
    id: "RFC 6749 2.3.1",
    name: "colons need no encoding",
    headers: raw(`colon:${COLON}`),
    expect: "known",
    dialects: [STANDARD],
  },
  {
    id: "RFC 6749 2.3.1",
    name: "UTF-8 needs no encoding",
    headers: raw(`utf8:${UTF8}`),
    expect: "known",
    dialects: [STANDARD],
  },
  {
    id: "RFC 6749 2.3.1",
    name: "a plus is a space",
    headers: raw(`plus:${PLUS}`),
    expect: WRONG_BASIC,
    dialects: [STANDARD],
  },
  {
    id: "RFC 6749 2.3.1",
    name: "a percent sign must be encoded",
    headers: raw(`percent:${PERCENT}`),
    expect: UNREADABLE,
    dialects: [STANDARD],
  },
  { id: "RFC 7617 2", name: "nothing is decoded", headers: basic("plus", PLUS), expect: WRONG_BASIC, dialects: [SIS] },
  { id: "RFC 7617 2", name: "nor in a name", headers: raw(`back%65nd:${SECRET}`), expect: UNKNOWN, dialects: [SIS] },
  {
    id: "RFC 6749 2.3.1",
    name: "a name that needs it",
    headers: basic("id with:colon & ümlaut", SECRET),
    expect: "known",
    dialects: [STANDARD],
  },
  {
    id: "RFC 6749 2.3.1",
    name: "what decodes to no text",
    headers: raw("backend:%ff"),
    expect: UNREADABLE,
    dialects: [STANDARD],
  },
  {
    id: "CA-09",
    name: "the bare word and nothing else",
    headers: { Authorization: "Basic" },
    expect: UNKNOWN,
    dialects: [SIS],
  },
  {
    id: "CA-09",
    name: "the bare word beside a secret in the body",
    headers: { Authorization: "Basic" },
    form: post("poster", SECRET),
    expect: "known",
    dialects: [SIS],
  },
  {
    id: "CA-09",
    name: "the bare word beside a secret in the body",
    headers: { Authorization: "Basic" },
    form: post("poster", SECRET),
    expect: UNREADABLE,
    dialects: [STANDARD],
  },
];

for (const dialect of [STANDARD, SIS]) {
  for (const endpoint of ENDPOINTS) {
    t.test(`the caller is authenticated at ${dialect[endpoint]}`, async (t) => {
      const rows = ROWS.filter((row) => (row.dialects ?? [dialect]).includes(dialect));
      for (const { id, name, headers = {}, form = {}, expect } of rows) {
        await t.test(`${id} ${name}`, async (t) => {
          const reply = await server.post(dialect[endpoint], { ...ASKED[endpoint], ...form }, headers);
          if (expect === "known") known(t, dialect, endpoint, reply);
          else refused(t, dialect, reply, expect);
          await holds(t, server, reply);
        });
      }
    });
  }
}

/** The client is authenticated. The endpoint decides about an unknown token. */
function known(t: Test, dialect: Paths, endpoint: (typeof ENDPOINTS)[number], { status, json }: Reply): void {
  const foundOut = status === 200 || (dialect === SIS && endpoint !== "token" && json.error === "invalid_token");
  t.ok(foundOut, `answered ${status} ${json?.error ?? ""}`);
}

/**
 * 401 with a challenge where the standard requires it (RFC 6749 section 5.2), 400 in the dialect that has only that.
 */
function refused(
  t: Test,
  dialect: Paths,
  { status, json, headers }: Reply,
  { error, says, status: given = 401 }: Refused,
): void {
  const expected = dialect === SIS ? 400 : given;
  t.strictSame(
    { status, error: json?.error, says: json?.error_description, challenge: headers.get("www-authenticate") },
    { status: expected, error, says, challenge: expected === 401 ? 'Basic realm="jeton", charset="UTF-8"' : null },
  );
}

t.test("CA-10 the answers to an unknown client and a wrong secret differ only in a documented text", async (t) => {
  for (const dialect of [STANDARD, SIS]) {
    const answer = async (client_id: string) => {
      const { status, json, headers } = await server.post(dialect.token, ASKED.token, basic(client_id, "wrong"));
      const named = ["content-type", "www-authenticate", "cache-control", "retry-after"].map((name) =>
        headers.get(name),
      );
      return { status, error: json.error, keys: Object.keys(json), headers: named };
    };
    t.strictSame(await answer("nobody"), await answer("backend"));
    t.strictSame(await answer("off"), await answer("nobody"));
  }
});

t.test("DO-12 an id longer than any client's is refused before it is counted", async (t) => {
  for (const client_id of ["x".repeat(256), "x".repeat(16_384)]) {
    const before = server.log.length;
    t.equal((await server.post(SIS.token, { ...ASKED.token, client_id })).json.error_description, UNKNOWN.says);
    t.match(server.log.at(before), { reason: "not a possible client_id" });
  }
});

t.test("a public client sends its client_id and nothing else", async (t) => {
  const ask = (dialect: Paths, form: Form, headers = {}) =>
    server.post(dialect.token, { grant_type: "password", scope: "api1", ...ALICE, ...form }, headers);
  for (const dialect of [STANDARD, SIS]) {
    t.equal((await ask(dialect, { client_id: "mobile" })).status, 200);
    t.equal(
      (await ask(dialect, {}, basic("mobile", ""))).status,
      200,
      "in the header too, where its library can do no other",
    );

    const credentials = await server.post(dialect.token, { ...ASKED.token, client_id: "public-service" });
    t.strictSame(
      [credentials.status, credentials.json.error],
      [400, dialect === SIS ? "invalid_client" : "unauthorized_client"],
      "CA-07",
    );
    await holds(t, server, credentials);

    const introspection = await server.post(dialect.introspect, { token: "x", client_id: "mobile" });
    t.strictSame(
      [introspection.status, introspection.json.error],
      [dialect === SIS ? 400 : 401, "invalid_client"],
      "IN-01",
    );
    await holds(t, server, introspection);
  }
});

t.test("CA-14 a grant that is not listed is refused in every dialect", async (t) => {
  for (const dialect of [STANDARD, SIS]) {
    const reply = await server.post(
      dialect.token,
      { grant_type: "password", scope: "api1", ...ALICE },
      basic("backend", SECRET),
    );
    t.equal(reply.status, 400);
    t.equal(reply.json.error, dialect === SIS ? "invalid_client" : "unauthorized_client");
    t.equal(reply.json.error_description, "the client backend doesn't support the grant type password");
    await holds(t, server, reply);
  }
});

t.test("CA-15 a replaced secret works until its overlap ends, and not a second longer", async (t) => {
  const works = async (secret: string) =>
    (await server.post("/oauth2/token", ASKED.token, basic("rotating", secret))).status;
  t.equal(await works("the first secret"), 401, "over before it began");
  t.equal(await works("the second secret"), 200);
  t.equal(await works("the third secret"), 200);
  clock.advance(599);
  t.equal(await works("the second secret"), 200, "the last second");
  clock.advance(1);
  t.equal(await works("the second secret"), 401, "over");
  t.equal(await works("the third secret"), 200, "without an end");
});

t.test("CA-11 a disabled client is unknown within a second, on every instance", async (t) => {
  const other = await startInstance(t, { database: server.database, clock });
  const form = { grant_type: "password", client_id: "tablet", scope: "api1", ...ALICE };
  const { refresh_token, access_token } = (await server.post("/oauth2/token", form)).json;
  t.equal((await other.post("/oauth2/token", form)).status, 200);

  const clients = FILE.clients
    .filter(({ client_id }) => client_id === "tablet")
    .map((one) => ({ ...one, disabled: true }));
  await server.apply({ clients });
  for (const instance of [server, other]) {
    await until("it is off", async () => (await instance.post("/oauth2/token", form)).status === 401, 1_000);
    for (const dialect of [STANDARD, SIS]) {
      const asked: readonly [string, Form][] = [
        [dialect.token, form],
        [dialect.token, { grant_type: "refresh_token", refresh_token, client_id: "tablet" }],
        [dialect.revoke, { token: refresh_token, client_id: "tablet" }],
        [dialect.introspect, { token: access_token, client_id: "tablet" }],
      ];
      for (const [path, body] of asked) refused(t, dialect, await instance.post(path, body), UNKNOWN);
    }
    const seen = await instance.post("/oauth2/introspect", { token: access_token }, basic("gateway", SECRET));
    t.strictSame(seen.json, { active: false }, "nor is what was issued to it worth anything");
  }
});
