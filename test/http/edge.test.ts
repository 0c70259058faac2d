import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import t, { type Test } from "tap";
import { openListener } from "../../src/http/listener.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { holds } from "../support/oracle.js";
import { converse, write, type RawReply, type RawRequest } from "../support/raw.js";
import { until } from "../support/until.js";

/** The two dialects by form: where each has its endpoints, and what it calls what. */
const STANDARD = { name: "oauth2", token: "/oauth2/token", revoke: "/oauth2/revoke", introspect: "/oauth2/introspect" };
const SIS = { name: "simple-identity-server", token: "/token", revoke: "/token/revoke", introspect: "/introspect" };
type Dialect = typeof STANDARD;

interface Row {
  /** As in the list of attacks. */
  readonly id: string;
  readonly name: string;
  readonly request: RawRequest;
  readonly expect: {
    readonly status: number;
    readonly error?: string;
    readonly says?: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
}

const FORM = ["Content-Type", "application/x-www-form-urlencoded"] as const;
const BACKEND = ["Authorization", basic("backend", SECRET).Authorization] as const;

/** A form of the backend service; `scope` is there because one dialect requires it. */
function form(target: string, body: string | Buffer, ...headers: (readonly [string, string])[]): RawRequest {
  return { target, body, headers: [FORM, BACKEND, ...headers] };
}

/** A good token request, with something added to its body. */
function good(dialect: Dialect, more = "", ...headers: (readonly [string, string])[]): RawRequest {
  return form(dialect.token, `grant_type=client_credentials&scope=api1${more}`, ...headers);
}

const malformed = (says?: string) => ({
  status: 400,
  error: "invalid_request",
  ...(says === undefined ? {} : { says }),
});
const NOT_A_FORM = "the body is not valid application/x-www-form-urlencoded UTF-8 text";
const NO_PARAMETER = "no parameter in body request";

/** What is not a form: refused by its media type, or, where everything is 400, as a body without parameters. */
const notAForm = (dialect: Dialect) =>
  dialect === SIS ? malformed(NO_PARAMETER) : { status: 415, error: "invalid_request" };

/** The keys of a refusal's body. */
const SHAPE: Readonly<Record<string, readonly string[]>> = {
  [STANDARD.name]: ["error", "error_description"],
  [SIS.name]: ["error", "error_description", "error_uri"],
};

const server = await startInstance(t, { provision: FLEET });

async function check(t: Test, dialect: Dialect, { request, expect }: Row): Promise<RawReply> {
  const reply = await converse(server.url, write(request));
  const { status, json = {}, headers } = reply;
  const refused = status >= 400 && request.method !== "HEAD";
  const seen = {
    status,
    ...(expect.error === undefined || !refused ? {} : { error: json.error }),
    ...(expect.says === undefined || !refused ? {} : { says: json.error_description }),
    headers: Object.fromEntries(Object.keys(expect.headers ?? {}).map((name) => [name, headers[name]])),
    ...(refused ? { keys: Object.keys(json), uri: json.error_uri } : {}),
  };
  const uri = dialect === SIS ? null : undefined;
  const wanted = request.method === "HEAD" ? { status: expect.status } : expect;
  t.strictSame(seen, {
    ...wanted,
    headers: expect.headers ?? {},
    ...(refused ? { keys: SHAPE[dialect.name], uri } : {}),
  });
  // RFC 6749 section 5.2
  if (refused) t.match(json.error_description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  await holds(t, server, reply);
  return reply;
}

function table(title: string, rows: (dialect: Dialect) => readonly Row[]): void {
  for (const dialect of [STANDARD, SIS]) {
    t.test(`${title}, ${dialect.name}`, async (t) => {
      for (const row of rows(dialect)) {
        await t.test(`${row.id} ${row.name}`, async (t) => void (await check(t, dialect, row)));
      }
    });
  }
}

const TOKEN_PARAMETERS = [
  ...["grant_type", "client_id", "client_secret", "scope", "username", "password", "refresh_token", "code"],
  ...["redirect_uri", "code_verifier", "client_assertion", "client_assertion_type", "something_else"],
];

table("a body that can be read in more than one way is refused", (dialect) => [
  ...TOKEN_PARAMETERS.map((name) => ({
    id: "PA-01",
    name: `${name} twice`,
    request: form(dialect.token, `grant_type=client_credentials&scope=api1&${name}=a&${name}=a`),
    expect: malformed(`the parameter ${name === "something_else" ? "(unknown)" : name} is repeated`),
  })),
  ...(["revoke", "introspect"] as const).flatMap((endpoint) =>
    ["token", "token_type_hint", "client_id"].map((name) => ({
      id: "PA-01",
      name: `${name} twice at ${endpoint}`,
      request: form(dialect[endpoint], `token=x&${name}=a&${name}=`),
      expect: malformed(`the parameter ${name} is repeated`),
    })),
  ),
  {
    id: "PA-01",
    name: "two spellings of a name are the same name",
    request: form(dialect.token, "grant_type=client_credentials&scope=api1&sc%6fpe=api2"),
    expect: malformed("the parameter scope is repeated"),
  },
  ...["scope[a]=b", "scope[]=api1", "scope%5B%5D=api1", "code[]=1"].map((pair) => ({
    id: "PA-02",
    name: `${pair}: a list or an object where a text belongs`,
    request: form(dialect.token, `grant_type=client_credentials&scope=api1&${pair}`),
    expect: malformed(`the parameter ${pair.split(/\[|%5B/)[0]} is malformed`),
  })),
]);

const TEXT_FIELDS = [
  "grant_type",
  "scope",
  "client_id",
  "client_secret",
  "username",
  "password",
  "refresh_token",
  "a%00b",
];

/** What no text of ours is made of, as it stands in a form. */
const BROKEN: readonly (readonly [id: string, name: string, value: string])[] = [
  ["PA-10", "a byte that is not UTF-8", "%ff"],
  ["PA-10", "an overlong encoding", "%C0%AE"],
  ["PA-10", "a percent sign without digits", "%zz"],
  ["PA-10", "a percent sign at the end", "a%"],
  ["PA-10", "a character cut in half", "%C3"],
  ["PA-11", "a lone surrogate", "%ED%A0%80"],
  ["PA-11", "a surrogate pair written as two characters", "%ED%A0%BD%ED%B8%80"],
];

table("text that would not survive storing is refused", (dialect) => [
  ...TEXT_FIELDS.map((name) => ({
    id: "PA-09",
    name: `NUL in ${name}`,
    request: form(dialect.token, `${name}=a%00b`),
    expect: malformed(NOT_A_FORM),
  })),
  ...(["revoke", "introspect"] as const).map((endpoint) => ({
    id: "PA-09",
    name: `NUL in a token at ${endpoint}`,
    request: form(dialect[endpoint], "token=a%00b"),
    expect: malformed(NOT_A_FORM),
  })),
  ...["backend\0:x", "\0:x", "backend:x\0", `backend:${SECRET}\0`, "backend:\ufffd"]
    .concat(dialect === STANDARD ? ["backend%00:x", "backend:x%00", "backend:%ef%bf%bd"] : [])
    .map((pair) => ({
      id: "PA-09",
      name: `${JSON.stringify(pair.replace(SECRET, "…"))} as Basic credentials`,
      request: {
        target: dialect.token,
        headers: [FORM, ["Authorization", `Basic ${Buffer.from(pair).toString("base64")}`]] as const,
        body: "grant_type=client_credentials&scope=api1",
      },
      expect: {
        status: dialect === SIS ? 400 : 401,
        error: "invalid_client",
        says: "the Authorization header cannot be read",
      },
    })),
  ...BROKEN.map(([id, name, value]) => ({
    id,
    name,
    request: form(dialect.token, `grant_type=password&scope=api1&password=x&username=${value}`),
    expect: malformed(NOT_A_FORM),
  })),
  {
    id: "PA-10",
    name: "bytes that are not UTF-8, unescaped",
    request: form(dialect.token, Buffer.from("grant_type=password&scope=api1&username=\xff&password=x", "latin1")),
    expect: malformed(NOT_A_FORM),
  },
  {
    id: "PA-15",
    name: "a byte order mark in front",
    request: form(dialect.token, "\uFEFFgrant_type=client_credentials&scope=api1"),
    expect: malformed("the parameter grant_type is missing"),
  },
  {
    id: "PA-22",
    name: "quotes, line breaks and letters beyond ASCII do not come back",
    request: form(dialect.token, `grant_type=${encodeURIComponent('"\\\r\nSet-Cookie: a=b\r\n☃é')}`),
    expect: {
      status: 400,
      error: "unsupported_grant_type",
      says: "the grant type (not shown) is not supported",
    },
  },
]);

table("a body has a size", (dialect) => [
  ...(["token", "revoke", "introspect"] as const).map((endpoint) => ({
    id: "PA-07",
    name: `65 KiB at ${endpoint}`,
    request: form(dialect[endpoint], `token=${"x".repeat(65 * 1024)}`),
    expect: { status: 413, error: "invalid_request", says: "the body is too large" },
  })),
  {
    id: "PA-07",
    name: "65 KiB that do not say how many they are",
    request: form(
      dialect.token,
      [...Array.from({ length: 65 }, () => `400\r\n${"x".repeat(1024)}\r\n`), "0\r\n\r\n"].join(""),
      ["Transfer-Encoding", "chunked"],
    ),
    expect: { status: 413, error: "invalid_request" },
  },
  {
    id: "PA-07",
    name: "64 KiB are taken",
    request: good(dialect, `&x=${"x".repeat(65_536 - 42)}`.slice(0, 65_536 - 40)),
    expect: { status: 200 },
  },
  {
    id: "PA-07",
    name: "65 parameters",
    request: good(dialect, Array.from({ length: 63 }, (_, index) => `&p${index}=1`).join("")),
    expect: malformed("there are more than 64 parameters"),
  },
  {
    id: "PA-07",
    name: "64 parameters are taken",
    request: good(dialect, Array.from({ length: 62 }, (_, index) => `&p${index}=1`).join("")),
    expect: { status: 200 },
  },
  {
    id: "PA-07",
    name: "100,000 parameters",
    request: good(dialect, Array.from({ length: 100_000 }, (_, index) => `&p${index}=1`).join("")),
    expect: { status: 413, error: "invalid_request" },
  },
  {
    id: "PA-07",
    name: "a body of nothing but separators",
    request: form(dialect.token, "&".repeat(60_000)),
    expect: malformed(NO_PARAMETER),
  },
  {
    id: "PA-19",
    name: "a password of a megabyte",
    request: form(dialect.token, `grant_type=password&scope=api1&username=alice&password=${"x".repeat(1 << 20)}`),
    expect: { status: 413, error: "invalid_request" },
  },
  {
    id: "PA-19",
    name: "a password of 1,025 characters",
    request: form(dialect.token, `grant_type=password&scope=api1&username=alice&password=${"x".repeat(1_025)}`),
    expect: malformed("the parameter password is malformed"),
  },
  {
    id: "PA-19",
    name: "a name of 16,385 characters",
    request: form(dialect.token, `grant_type=password&scope=api1&password=x&username=${"x".repeat(16_385)}`),
    expect: malformed("the parameter username is malformed"),
  },
  ...(["revoke", "introspect"] as const).map((endpoint) => ({
    id: "JW-14",
    name: `a token of 16,385 characters at ${endpoint}`,
    request: form(dialect[endpoint], `token=${"x".repeat(16_385)}`),
    expect: malformed("the parameter token is malformed"),
  })),
]);

/** A body under a content type that may be wrong; the text is JSON. */
const typed = (
  dialect: Dialect,
  type: string,
  body: string | Buffer = '{"grant_type":"client_credentials"}',
): RawRequest => ({
  target: dialect.token,
  body,
  headers: [["Content-Type", type], BACKEND],
});

const URLENCODED = "application/x-www-form-urlencoded";

/** Parameters of a media type that say UTF-8, or nothing of an encoding. */
const UTF8 = [
  ...["; charset=UTF-8", ";charset=utf-8", '; charset="UTF-8"', '; CHARSET="utf-8"', '; charset="u\\tf-8"'],
  ...["; charset=utf-8; x=y", "; x=utf-16", ";", "; ; charset=utf-8", "; charset=utf8", "\t;\tcharset=UTF8 ;"],
];

/** Parameters that say anything else, or nothing that can be read in one way. */
const OTHER_CHARSETS = [
  ...["; charset=utf-16", "; charset=UTF-16LE", '; charset="iso-8859-1"', "; charset=us-ascii", "; charset=utf88"],
  ...["; charset=utf-8; charset=utf-16", "; charset=utf-8; charset=utf-8", "; charset=utf-8; CHARSET=utf-8"],
  ...["; charset=", '; charset=""', "; charset", "; charset = utf-8", "; charset=utf-8 utf-16", '; charset="utf-8'],
  ...["; charset=utf-8, text/plain", "; charset='utf-8'", "; x=y; x=y"],
];

table("a body is a form", (dialect) => [
  ...[
    "application/json",
    "application/json; charset=utf-8",
    "text/plain",
    "text/html",
    "application/xml",
    "multipart/form-data; boundary=x",
    "application/octet-stream",
    "application/x-www-form-urlencodedx",
    "x",
    "/",
    "application/x-www-form-urlencoded, application/json",
  ].map((type) => ({ id: "PA-04", name: `not ${type}`, request: typed(dialect, type), expect: notAForm(dialect) })),
  ...["null", '"x"', "[]", "1", "", '{"__proto__":{"x":1}}', '{"scope":["a"]}', `${"[".repeat(20_000)}`].map(
    (body) => ({
      id: body.startsWith("[[") ? "PA-06" : "PA-15",
      name: `JSON is not looked into: ${body.slice(0, 20)}`,
      request: typed(dialect, "application/json", body === "" ? " " : body),
      expect: notAForm(dialect),
    }),
  ),
  {
    id: "PA-15",
    name: "a body without a type is read as one",
    request: { target: dialect.token, body: "grant_type=client_credentials&scope=api1", headers: [BACKEND] },
    expect: { status: 200 },
  },
  {
    id: "PA-15",
    name: "JSON without a type is not looked into",
    request: { target: dialect.token, body: '{"grant_type":"client_credentials"}', headers: [BACKEND] },
    expect: malformed(dialect === SIS ? undefined : "the parameter grant_type is missing"),
  },
  {
    id: "PA-15",
    name: "a type without a name is none",
    request: { ...good(dialect), headers: [["Content-Type", ""], BACKEND] },
    expect: notAForm(dialect),
  },
  {
    id: "PA-15",
    name: "no body",
    request: { target: dialect.token, headers: [BACKEND] },
    expect: malformed(NO_PARAMETER),
  },
  { id: "PA-15", name: "an empty form", request: form(dialect.token, ""), expect: malformed(NO_PARAMETER) },
  ...OTHER_CHARSETS.map((parameters) => ({
    id: "PA-04",
    name: `declared in another encoding, or in two: ${parameters}`,
    request: typed(dialect, `${URLENCODED}${parameters}`, "grant_type=client_credentials&scope=api1"),
    expect: notAForm(dialect),
  })),
  {
    id: "PA-04",
    name: "declared in two fields",
    request: good(dialect, "", ["Content-Type", "text/plain"]),
    expect: notAForm(dialect),
  },
  ...[...UTF8.map((parameters) => URLENCODED + parameters), URLENCODED.toUpperCase()].map((type) => ({
    id: "PA-04",
    name: `${type} is one`,
    request: typed(dialect, type, "grant_type=client_credentials&scope=api1"),
    expect: { status: 200 },
  })),
  ...["gzip", "br", "deflate", "identity, gzip", "GZIP"].map((encoding) => ({
    id: "PA-16",
    name: `compressed: ${encoding}`,
    request: good(dialect, "", ["Content-Encoding", encoding]),
    expect: notAForm(dialect),
  })),
  {
    id: "PA-16",
    name: "a bomb is not unpacked",
    request: form(dialect.token, gzipSync(Buffer.alloc(8 << 20, "a")), ["Content-Encoding", "gzip"]),
    expect: notAForm(dialect),
  },
]);

table("names that mean something to JavaScript mean nothing here", (dialect) => [
  {
    id: "PA-05",
    name: "as unknown parameters they are ignored",
    request: good(dialect, "&__proto__=x&constructor=y&prototype=z&toString=w&hasOwnProperty=v"),
    expect: { status: 200 },
  },
  ...["__proto__", "constructor", "toString", "hasOwnProperty"].flatMap((word) => [
    {
      id: "PA-05",
      name: `${word} as grant type`,
      request: form(dialect.token, `grant_type=${word}&scope=api1`),
      expect: { status: 400, error: "unsupported_grant_type", says: `the grant type ${word} is not supported` },
    },
    {
      id: "PA-05",
      name: `${word} as client`,
      request: {
        target: dialect.token,
        headers: [FORM],
        body: `grant_type=client_credentials&scope=api1&client_id=${word}&client_secret=${word}`,
      },
      expect: { status: dialect === SIS ? 400 : 401, error: "invalid_client", says: "the client doesn't exist" },
    },
    {
      id: "PA-05",
      name: `${word} as scope`,
      request: form(dialect.token, `grant_type=client_credentials&scope=${word}`),
      expect: { status: 400, error: "invalid_scope" },
    },
  ]),
  {
    id: "PA-21",
    name: "an empty value is as none",
    request: good(dialect, "&client_id=&client_secret=&code=&refresh_token="),
    expect: { status: 200 },
  },
]);

t.test("headers about a body that a request does not have are ignored", async (t) => {
  const described = { "Content-Type": "text/plain; charset=iso-8859-1", "Content-Encoding": "gzip" };
  for (const path of [
    "/oauth2/userinfo",
    "/userinfo",
    "/uma/resources",
    "/rs/resource_set",
    "/oauth2/authorize",
    "/account",
  ]) {
    const plain = await server.send(path);
    const { status, json } = await server.send(path, { headers: described });
    t.strictSame([status, json], [plain.status, plain.json], path);
  }
  for (const dialect of [STANDARD, SIS]) {
    const type = ["Content-Type", `${URLENCODED}; charset=iso-8859-1`] as const;
    const empty = { target: dialect.token, headers: [type, ["Content-Length", "0"] as const] };
    t.equal((await converse(server.url, write(empty))).json.error_description, NO_PARAMETER);
  }
});

t.test("none of these requests has changed Object.prototype", async (t) => {
  t.equal(({} as Record<string, unknown>).x, undefined);
});

const CLIENT_CREDENTIALS = ["client_secret", "client_assertion"];
const CREDENTIALS = [
  "username",
  "password",
  "token",
  "access_token",
  "refresh_token",
  "code",
  "code_verifier",
  "id_token",
];

table("credentials in the query are refused, not read", (dialect) => [
  ...CLIENT_CREDENTIALS.flatMap((name) =>
    (["token", "revoke", "introspect"] as const).map((endpoint) => ({
      id: "CA-05",
      name: `${name} at ${endpoint}`,
      request: form(
        `${dialect[endpoint]}?client_id=backend&${name}=${SECRET}`,
        "grant_type=client_credentials&token=x",
      ),
      expect: {
        status: dialect === SIS ? 400 : 401,
        error: "invalid_client",
        says: "client credentials must not be sent in the query string",
      },
    })),
  ),
  ...CREDENTIALS.map((name) => ({
    id: "UI-01",
    name,
    request: { ...good(dialect), target: `${dialect.token}?${name}=x` },
    expect: malformed(`the parameter ${name} must not be sent in the query string`),
  })),
  ...["?a=b?&token=x", "?a&&=&token", "?t%6Fken=x", "?x=%zz&token=x"].map((query) => ({
    id: "UI-01",
    name: `in the spelling ${query}`,
    request: { ...good(dialect), target: dialect.token + query },
    expect: malformed("the parameter token must not be sent in the query string"),
  })),
  {
    id: "UI-01",
    name: "parameters in the query are not parameters",
    request: form(`${dialect.token}?grant_type=client_credentials`, "scope=api1"),
    expect: malformed("the parameter grant_type is missing"),
  },
  {
    id: "AZ-25",
    name: "anything else in it is ignored",
    request: { ...good(dialect), target: `${dialect.token}?foo=bar&scope=api2&%zz` },
    expect: { status: 200 },
  },
]);

const OTHER_METHODS = ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD", "PROPFIND"];

table("an endpoint has one method", (dialect) => [
  ...(["token", "revoke", "introspect"] as const).flatMap((endpoint) =>
    OTHER_METHODS.map((method) => ({
      id: "PA-04",
      name: `not ${method} at ${endpoint}`,
      request: { method, target: dialect[endpoint] },
      expect: {
        status: 405,
        error: "invalid_request",
        ...(method === "HEAD" ? {} : { says: `the method ${method} is not allowed here` }),
        headers: { allow: "POST" },
      },
    })),
  ),
  ...["PUT", "PATCH", "DELETE", "QUERY"].map((method) => ({
    id: "PA-04",
    name: `nor ${method} with a good form`,
    request: { ...good(dialect), method },
    expect: { status: 405, error: "invalid_request", headers: { allow: "POST" } },
  })),
  {
    id: "PA-04",
    name: "nor QUERY without a type, which is no request at all (RFC 10008 section 2)",
    request: { method: "QUERY", target: dialect.token },
    expect: malformed("the request is not valid HTTP"),
  },
  {
    id: "PA-04",
    name: "with any other parameters in the header",
    request: { method: "GET", target: dialect.token, headers: [["X-HTTP-Method-Override", "POST"]] },
    expect: { status: 405, error: "invalid_request", headers: { allow: "POST" } },
  },
  {
    id: "IN-05",
    name: "a token in the query of a GET",
    request: { method: "GET", target: `${dialect.introspect}?token=x` },
    expect: { status: 405, error: "invalid_request", headers: { allow: "POST" } },
  },
  ...["POST", "PUT", "DELETE"].map((method) => ({
    id: "PA-04",
    name: `nor is a document written: ${method}`,
    request: { ...form(dialect === SIS ? "/jwks" : "/oauth2/jwks", "a=b"), method },
    expect: { status: 405, error: "invalid_request", headers: { allow: "GET, HEAD" } },
  })),
]);

/** What some server in between, or some other framework, would take for the path of an endpoint. */
const BEFORE = ["/%2e/", "//", "/./", "/../", "/x/../", "/;x/"];
const BEHIND = ["/", "//", ";x", ";x=y", "/.", "/..", "%00", "%20", "%2f", ".json", "/x", "/x/.."];

const NOTHING: Readonly<Record<string, readonly string[]>> = {
  [STANDARD.name]: ["/oauth2/x", "/.well-known/x", "/tokens", "/nowhere", "/"],
  [SIS.name]: ["/token/x", "/introspect/x", "/jwks/x", "/simple-identity-server", "/simple-identity-server/x"],
};

table("a path is compared as it is", (dialect) => [
  ...[...BEFORE.map((before) => before + dialect.token.slice(1)), ...BEHIND.map((behind) => dialect.token + behind)]
    .map((target) => ({
      id: "HO-04",
      name: target,
      // Only what lies below a dialect's own paths is answered in its shape.
      of: target.startsWith(`${SIS.token}/`) ? SIS : STANDARD,
      request: { ...good(dialect), target },
      expect: { status: 404, error: "not_found" },
    }))
    .filter(({ of }) => of === dialect),
  ...[dialect.token.replace("token", "%74oken"), dialect.token.replaceAll("o", "%6F")].flatMap((target) => [
    {
      id: "HO-04",
      name: `${target} passes the same guards: credentials`,
      request: { target, headers: [FORM], body: "grant_type=client_credentials&scope=api1&client_id=backend" },
      expect: { status: dialect === SIS ? 400 : 401, error: "invalid_client" },
    },
    {
      id: "HO-04",
      name: `${target} passes the same guards: query`,
      request: { ...good(dialect), target: `${target}?token=x` },
      expect: malformed("the parameter token must not be sent in the query string"),
    },
    {
      id: "HO-04",
      name: `${target} passes the same guards: encoding`,
      request: { ...good(dialect, "", ["Content-Encoding", "gzip"]), target },
      expect: notAForm(dialect),
    },
  ]),
  ...NOTHING[dialect.name]!.flatMap((target) =>
    ["GET", "POST"].map((method) => ({
      id: "XS-06",
      name: `${method} ${target} is nothing, and said so in the shape of its surroundings`,
      request: { ...form(target, method === "POST" ? "a=b" : ""), method },
      expect: { status: 404, error: "not_found", says: "there is nothing at this path" },
    })),
  ),
  {
    id: "XS-06",
    name: "a path does not come back",
    request: { method: "GET", target: `${dialect.token}/<script>alert(1)</script>` },
    expect: { status: 404, error: "not_found", says: "there is nothing at this path" },
  },
  ...["/%zz", "/%", "/%ff", "/%C0%AE", "/x/%E0%A4%A"].map((suffix) => ({
    id: "XS-06",
    name: `${dialect.token}${suffix} is no URL`,
    request: { ...good(dialect), target: dialect.token + suffix },
    expect: malformed("the request is not valid HTTP"),
  })),
]);

table("there is one Authorization header, and one way to write it", (dialect) => {
  const pair = Buffer.from(`backend:${SECRET}`).toString("base64");
  const said = (...values: string[]): RawRequest => ({
    target: dialect.token,
    headers: [FORM, ...values.map((value) => ["Authorization", value] as const)],
    body: "grant_type=client_credentials&scope=api1",
  });
  const status = dialect === SIS ? 400 : 401;
  const unreadable = { status, error: "invalid_client", says: "the Authorization header cannot be read" };
  const unread = { status, error: "invalid_client", says: "the client doesn't exist" };
  return [
    ...["Basic", "basic", "BASIC", "bAsIc"].map((scheme) => ({
      id: "CA-09",
      name: `${scheme}: the scheme has no case`,
      request: said(`${scheme} ${pair}`),
      expect: { status: 200 },
    })),
    { id: "CA-09", name: "two spaces", request: said(`Basic  ${pair}`), expect: unreadable },
    { id: "CA-09", name: "something behind it", request: said(`Basic ${pair} x`), expect: unreadable },
    { id: "CA-09", name: "parameters behind it", request: said(`Basic ${pair}, realm="x"`), expect: unreadable },
    { id: "CA-09", name: "a tab is no space", request: said(`Basic\t${pair}`), expect: unread },
    { id: "CA-09", name: "another scheme", request: said(`Bearer ${pair}`), expect: unread },
    { id: "CA-09", name: "no scheme", request: said(pair), expect: unread },
    { id: "CA-09", name: "no base64", request: said("Basic ***"), expect: unreadable },
    {
      id: "CA-09",
      name: "no colon",
      request: said(`Basic ${Buffer.from("backend").toString("base64")}`),
      expect: unreadable,
    },
    {
      id: "CA-09",
      name: "no UTF-8",
      request: said(`Basic ${Buffer.from([0xff, 0x3a, 0x41]).toString("base64")}`),
      expect: unreadable,
    },
    {
      id: "CA-09",
      name: "the bare word",
      request: said("Basic"),
      expect: dialect === SIS ? unread : unreadable,
    },
    {
      id: "CA-09",
      name: "two of them, though they are equal",
      request: said(`Basic ${pair}`, `Basic ${pair}`),
      expect: malformed("the Authorization header is repeated"),
    },
    {
      id: "CA-09",
      name: "two of them, of which one is empty",
      request: said("", `Basic ${pair}`),
      expect: malformed("the Authorization header is repeated"),
    },
    {
      id: "CA-09",
      name: "two of different schemes",
      request: said(`Bearer x`, `Basic ${pair}`),
      expect: malformed("the Authorization header is repeated"),
    },
  ];
});

t.test("no header of a request changes the issuer", async (t) => {
  const LIES: readonly (readonly [string, string])[][] = [
    [["Host", "evil.example"]],
    [
      ["Host", "evil.example:1"],
      ["X-Forwarded-Host", "evil.example"],
      ["X-Forwarded-Proto", "https"],
    ],
    [
      ["Forwarded", 'for=1.2.3.4;host="evil.example";proto=https'],
      ["X-Forwarded-Prefix", "/evil"],
    ],
    [
      ["X-Original-URL", "/evil"],
      ["X-Rewrite-URL", "/evil"],
      ["X-Forwarded-Port", "1"],
      ["X-Forwarded-For", "1.2.3.4"],
    ],
    [["Host", "[::1]"]],
  ];
  for (const env of [{}, { TRUST_PROXY: "127.0.0.0/8" }] as Record<string, string>[]) {
    const server = await startInstance(t, { provision: FLEET, env });
    const plain = (await server.send("/.well-known/openid-configuration")).text;
    for (const headers of LIES) {
      const name = headers.map((pair) => pair.join(": ")).join(", ");
      await t.test(`HO-01 HO-02 ${name}${env.TRUST_PROXY ? ", through a proxy" : ""}`, async (t) => {
        for (const target of ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]) {
          const { status, text, json } = await converse(server.url, write({ method: "GET", target, headers }));
          t.equal(status, 200);
          t.notMatch(text, /evil|1\.2\.3\.4/);
          t.equal(json.issuer, server.core.issuer);
        }
        const token = await converse(server.url, write(good(STANDARD, "", ...headers)));
        t.equal(token.status, 200);
        t.equal(
          JSON.parse(Buffer.from(token.json.access_token.split(".")[1], "base64url").toString()).iss,
          server.core.issuer,
        );
        await holds(t, server, token);
      });
    }
    await t.test("HO-01 a request-target that names a host", async (t) => {
      const target = "http://evil.example/.well-known/openid-configuration";
      t.equal((await converse(server.url, write({ method: "GET", target }))).text, plain);
      const token = await converse(
        server.url,
        write({ ...good(STANDARD), target: "http://evil.example/oauth2/token" }),
      );
      t.equal(token.status, 200);
      await holds(t, server, token);
      const wrong = { method: "GET", target: "http://evil.example/oauth2/token" };
      t.equal((await converse(server.url, write(wrong))).status, 405);
      const query = { ...good(STANDARD), target: "http://evil.example/oauth2/token?token=x" };
      t.equal((await converse(server.url, write(query))).status, 400);
    });
    await t.test("HO-01 a request-target that is malformed", async (t) => {
      for (const target of [
        "*",
        "oauth2/token",
        "evil.example:443",
        "http:///oauth2/token",
        "http://",
        "?",
        "#",
        "\\oauth2\\token",
      ]) {
        for (const method of ["OPTIONS", "POST"]) {
          const reply = await converse(server.url, write({ ...good(STANDARD), method, target }));
          t.ok(reply.status >= 400 && reply.status < 500, `${method} ${target}: ${reply.status}`);
          await holds(t, server, reply);
        }
      }
    });
  }
});

/** Bytes that are not one request, or not a request at all. */
const body = "grant_type=client_credentials&scope=api1";
const head = (...lines: string[]) =>
  ["POST /oauth2/token HTTP/1.1", "Host: x", "Connection: close", FORM.join(": "), BACKEND.join(": "), ...lines].join(
    "\r\n",
  );
const BROKEN_HTTP: readonly (readonly [id: string, name: string, bytes: string, status: number])[] = [
  [
    "PA-17",
    "Content-Length beside Transfer-Encoding",
    `${head("Content-Length: 4", "Transfer-Encoding: chunked")}\r\n\r\n0\r\n\r\n`,
    400,
  ],
  ["PA-17", "two Content-Lengths", `${head("Content-Length: 4", "Content-Length: 40")}\r\n\r\n${body}`, 400],
  ["PA-17", "a Content-Length that is no number", `${head("Content-Length: 4x")}\r\n\r\n${body}`, 400],
  ["PA-17", "a negative Content-Length", `${head("Content-Length: -1")}\r\n\r\n${body}`, 400],
  ["PA-17", "an unknown Transfer-Encoding", `${head("Transfer-Encoding: xchunked")}\r\n\r\n0\r\n\r\n`, 400],
  ["PA-17", "a folded field", `${head(`Content-Length: ${body.length}`, "X-A: 1\r\n folded")}\r\n\r\n${body}`, 400],
  ["PA-17", "a space before the colon", `${head(`Content-Length: ${body.length}`, "X-A : 1")}\r\n\r\n${body}`, 400],
  [
    "PA-17",
    "bare line feeds",
    `${head(`Content-Length: ${body.length}`)}\r\n\r\n${body}`.replaceAll("\r\n", "\n"),
    400,
  ],
  [
    "PA-17",
    "a chunk size that is no number",
    `${head("Transfer-Encoding: chunked")}\r\n\r\nzz\r\n${body}\r\n0\r\n\r\n`,
    400,
  ],
  ["PA-17", "a NUL in a field", `${head(`Content-Length: ${body.length}`, "X-A: a\0b")}\r\n\r\n${body}`, 400],
  ["PA-17", "an unknown method", "FOO /oauth2/token HTTP/1.1\r\nHost: x\r\n\r\n", 400],
  ["PA-17", "an unknown version", "GET /oauth2/jwks HTTP/9.9\r\nHost: x\r\n\r\n", 400],
  ["PA-17", "no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", 400],
  ["JW-14", "one field of 17 KiB", `${head(`X-A: ${"a".repeat(17 * 1024)}`)}\r\n\r\n`, 431],
  ["JW-14", "20 KiB of small fields", `${head(...Array.from({ length: 3_000 }, (_, i) => `X-${i}: a`))}\r\n\r\n`, 431],
  ["JW-14", "a target of 17 KiB", `GET /oauth2/${"a".repeat(17 * 1024)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
];

t.test("a request that is not HTTP is refused, and its connection is closed", async (t) => {
  for (const [id, name, bytes, status] of BROKEN_HTTP) {
    await t.test(`${id} ${name}`, async (t) => {
      const reply = await converse(server.url, Buffer.from(bytes, "latin1"));
      t.equal(reply.status, status);
      t.equal(reply.headers.connection, "close");
      t.equal(reply.json?.error, "invalid_request");
      await holds(t, server, reply);
    });
  }

  await t.test("PA-17 bytes after a broken request on its connection are not read", async (t) => {
    const smuggled = `GET /oauth2/jwks HTTP/1.1\r\nHost: x\r\n\r\n`;
    const first = `${head("Content-Length: 4", "Transfer-Encoding: chunked")}\r\n\r\n0\r\n\r\n`.replace(
      "close",
      "keep-alive",
    );
    const reply = await converse(server.url, first + smuggled);
    t.equal(reply.status, 400);
    t.notMatch(reply.text, /"keys"/);
  });

  await t.test("PA-17 chunks with extensions are only chunks", async (t) => {
    const chunk = `${body.length.toString(16)};a=b\r\n${body}\r\n0\r\n\r\n`;
    const reply = await converse(server.url, `${head("Transfer-Encoding: chunked")}\r\n\r\n${chunk}`);
    t.equal(reply.status, 200);
    await holds(t, server, reply);
  });
});

t.test("a body that does not come delays no other request", async (t) => {
  await t.test(
    "DO-02 others are served while it drips, and that its sender gave up is not the database's fault",
    async (t) => {
      const { hostname, port } = new URL(server.url);
      const socket = connect(Number(port), hostname);
      await new Promise<void>((resolve) =>
        socket.write(`${head("Content-Length: 1000")}\r\n\r\ngrant`, () => resolve()),
      );
      await holds(
        t,
        server,
        await server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", ...ALICE }),
      );
      const before = server.log.length;
      socket.destroy();
      await until("it is on record", () => server.log.length > before);
      t.match(server.log[before], { type: "decision", refused_with: "http_malformed", reason: "its sender left" });
    },
  );

  await t.test("DO-02 and it is cut in time", async (t) => {
    const listener = await openListener({ host: "127.0.0.1", port: 0 });
    t.teardown(() => listener.drain());
    const http = listener.serve(() => {});
    t.equal(http.requestTimeout, 15_000);
    t.equal(http.headersTimeout, 10_000);
    t.equal(http.keepAliveTimeout, 72_000);
    t.ok(http.headersTimeout < http.requestTimeout);
  });
});

t.test("HD-01 the headers of every answer forbid a browser everything", async (t) => {
  const ANSWERS: readonly RawRequest[] = [
    good(STANDARD),
    good(SIS),
    form("/oauth2/token", "grant_type=x"),
    form("/oauth2/introspect", "token=x"),
    form("/oauth2/revoke", "token=x"),
    form("/token", "scope=x"),
    { method: "GET", target: "/oauth2/token" },
    { method: "HEAD", target: "/oauth2/token" },
    { method: "GET", target: "/nowhere" },
    { method: "GET", target: "/%zz" },
    { method: "GET", target: "/healthz" },
    { method: "GET", target: "/readyz" },
    { method: "GET", target: "/oauth2/jwks" },
    form("/oauth2/token", "x".repeat(70_000)),
  ];
  const secure = await startInstance(t, { provision: FLEET, env: { ISSUER: "https://id.example/jeton" } });
  for (const request of ANSWERS) {
    await t.test(`${request.method ?? "POST"} ${request.target} ${request.body?.slice(0, 20) ?? ""}`, async (t) => {
      const { headers } = await converse(server.url, write(request));
      t.equal(headers["x-content-type-options"], "nosniff");
      t.equal(headers["referrer-policy"], "no-referrer");
      t.match(headers["content-security-policy"], /default-src 'none'.*frame-ancestors 'none'/);
      t.equal(headers["cross-origin-opener-policy"], "same-origin");
      t.match(headers["x-request-id"], /^[0-9a-f-]{36}$/);
      t.equal(headers["cache-control"], request.target === "/oauth2/jwks" ? headers["cache-control"] : "no-store");
      t.notOk(headers.server ?? headers["x-powered-by"]);
      const open = request.target === "/oauth2/jwks" ? "*" : undefined;
      t.equal(headers["access-control-allow-origin"], open, "CR-01 HD-02");
      t.notOk(headers["strict-transport-security"], "not promised over plain http");
      const overTls = await converse(secure.url, write(request));
      t.match(overTls.headers["strict-transport-security"], /max-age=\d{8}/);
    });
  }

  await t.test("HD-02 but for the public documents, which may be kept a while", async (t) => {
    for (const target of ["/oauth2/jwks", "/jwks", "/.well-known/openid-configuration"]) {
      const { headers } = await converse(server.url, write({ method: "GET", target }));
      const age = Number(/^public, max-age=(\d+)$/.exec(headers["cache-control"] ?? "")?.[1]);
      t.ok(age >= 60 && age <= 900, `${target}: ${age} s`);
      t.notOk(headers.pragma);
    }
  });

  await t.test("the issuer of the metadata is the setting, byte for byte", async (t) => {
    const { json } = await secure.send("/.well-known/openid-configuration");
    t.equal(json.issuer, "https://id.example/jeton");
    t.equal(json.token_endpoint, "https://id.example/jeton/oauth2/token");
  });
});
