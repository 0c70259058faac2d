import { decodeProtectedHeader } from "jose";
import t, { type Test } from "tap";
import { endEverythingOf } from "../../src/store/epochs.js";
import { setUserDisabled } from "../../src/store/users.js";
import { TestClock } from "../support/clock.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Reply } from "../support/instance.js";
import { holds, nothingLeaked } from "../support/oracle.js";
import { BOB, change, exchange, getCode, loggedIn, WEB } from "../support/web-fleet.js";

const clock = new TestClock();
const server = await startInstance(t, { provision: WEB, clock });
const alice = await loggedIn(server);

const STANDARD = "/oauth2/userinfo";
const SIS = "/userinfo";

/** Tokens of Alice, by way of a code. */
async function tokens(
  parameters: Form = {},
  browser = alice,
): Promise<{ access_token: string; refresh_token: string; id_token: string }> {
  const client_id = parameters.client_id ?? "web";
  return (await exchange(server, { code: await getCode(browser, parameters) }, basic(client_id, SECRET))).json;
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const ask = (token: string, path = STANDARD) => server.send(path, { headers: bearer(token) });
const said = ({ status, json }: Reply) => ({ status, error: json?.error, says: json?.error_description });

t.test("userinfo returns the claims that the scopes of the token release", async (t) => {
  const PROFILE = { name: "Alice Example", preferred_username: "Alice" };
  const EMAIL = { email: "alice@example.com", email_verified: true };
  const PHONE = { phone_number: "+4930123456", phone_number_verified: true };
  const ROWS: readonly (readonly [scope: string, claims: object])[] = [
    ["openid", {}],
    ["openid profile", PROFILE],
    ["openid email", EMAIL],
    ["openid phone", PHONE],
    ["openid role", { role: ["user", "editor"] }],
    ["openid docs", { department: "R&D" }],
    ["openid api1 offline_access", {}],
    [
      "openid profile email phone role docs",
      { ...PROFILE, ...EMAIL, ...PHONE, role: ["user", "editor"], department: "R&D" },
    ],
  ];
  for (const [scope, claims] of ROWS) {
    await t.test(scope, async (t) => {
      const { access_token } = await tokens({ scope });
      for (const path of [STANDARD, SIS]) {
        const reply = await ask(access_token, path);
        t.equal(reply.status, 200);
        t.strictSame(reply.json, { sub: "user-alice", ...claims });
        await holds(t, server, reply);
      }
    });
  }

  await t.test("userinfo returns the claims that the claims parameter requested, also after a refresh", async (t) => {
    const claims = JSON.stringify({
      userinfo: { email: { essential: true }, department: null, nothing: null, iss: null, password_hash: null },
      id_token: { phone_number: null },
    });
    const { access_token, refresh_token } = await tokens({ scope: "openid", claims });
    const expected = { sub: "user-alice", email: "alice@example.com", department: "R&D" };
    t.strictSame((await ask(access_token)).json, expected);
    const { json } = await server.post(
      "/oauth2/token",
      { grant_type: "refresh_token", refresh_token },
      basic("web", SECRET),
    );
    t.strictSame((await ask(json.access_token)).json, expected, "and after a refresh");
  });

  await t.test("a requested claim is withheld if the client is not registered for it", async (t) => {
    const claims = JSON.stringify({ userinfo: { email: { essential: true }, name: null } });
    const { access_token } = await tokens({ client_id: "codes-only", scope: "openid", claims });
    t.strictSame((await ask(access_token)).json, { sub: "user-alice", name: "Alice Example" });
  });

  await t.test("claims are returned in the languages of claims_locales", async (t) => {
    for (const [claims_locales, more] of [
      ["de", { "name#de": "Alice Beispiel" }],
      ["fr de", { "name#de": "Alice Beispiel" }],
      ["fr", {}],
      ["DE", {}],
      ["__proto__", {}],
    ] as const) {
      const { access_token } = await tokens({ claims_locales });
      t.strictSame((await ask(access_token)).json, { sub: "user-alice", ...PROFILE, ...more }, claims_locales);
    }
  });

  await t.test("claims have the user's current values", async (t) => {
    const { access_token } = await tokens();
    await server.apply({ users: [{ ...WEB.users[0], name: "Alice Renamed" }] });
    t.equal((await ask(access_token)).json.name, "Alice Renamed");
    await server.apply({ users: [WEB.users[0]!] });
  });
});

t.test("userinfo accepts exactly one token, in the header or in the body", async (t) => {
  const { access_token } = await tokens();
  const opaque = (await tokens({ client_id: "sealed" })).access_token;
  t.match(opaque, /^jat_/);

  for (const path of [STANDARD, SIS]) {
    for (const [name, token] of [
      ["a JWT", access_token],
      ["an opaque token", opaque],
    ] as const) {
      await t.test(`${name} is accepted at ${path}`, async (t) => {
        const WAYS: Readonly<Record<string, () => Promise<Reply>>> = {
          "GET, header": () => ask(token, path),
          "POST, header, no body": () => server.send(path, { method: "POST", headers: bearer(token) }),
          "POST, header, another body": () => server.post(path, { foo: "bar" }, bearer(token)),
          "POST, body": () => server.post(path, { access_token: token }),
          "another case": () => server.send(path, { headers: { Authorization: `bEARER ${token}` } }),
        };
        for (const [way, send] of Object.entries(WAYS)) {
          const reply = await send();
          t.match(reply, { status: 200, json: { sub: "user-alice" } }, way);
          await holds(t, server, reply);
        }
      });
    }

    const sis = path === SIS;
    const missing = { status: sis ? 400 : 401, error: "invalid_token", says: "no access token was sent" };
    const malformed = (says: string) => ({ status: 400, error: "invalid_request", says });
    const WRONG: readonly (readonly [name: string, expect: object, send: () => Promise<Reply>])[] = [
      [
        "UI-01 in the query",
        malformed("the parameter access_token must not be sent in the query string"),
        () => server.send(`${path}?access_token=${access_token}`),
      ],
      [
        "UI-01 in the query and in the header",
        malformed("the parameter access_token must not be sent in the query string"),
        () => server.send(`${path}?access_token=${access_token}`, { headers: bearer(access_token) }),
      ],
      [
        "UI-02 in the header and in the body",
        malformed("the access token was sent in more than one way"),
        () => server.post(path, { access_token }, bearer(access_token)),
      ],
      [
        "UI-02 twice in the body",
        malformed("the parameter access_token is repeated"),
        () =>
          server.send(path, {
            method: "POST",
            headers: { "Content-Type": "application/x-www-form-urlencoded" },
            body: `access_token=${access_token}&access_token=${access_token}`,
          }),
      ],
      ["no token", missing, () => server.send(path)],
      ["no token, by POST", missing, () => server.send(path, { method: "POST" })],
      ["an empty token", missing, () => server.post(path, { access_token: "" })],
      ["an empty header", missing, () => server.send(path, { headers: { Authorization: "Bearer" } })],
      ["another scheme", missing, () => server.send(path, { headers: { Authorization: `Token ${access_token}` } })],
      ["client credentials", missing, () => server.send(path, { headers: basic("web", SECRET) })],
      ["two words", missing, () => server.send(path, { headers: { Authorization: `Bearer ${access_token} x` } })],
      [
        "PA-02 a list",
        malformed("the parameter access_token is malformed"),
        () =>
          server.send(path, {
            method: "POST",
            headers: { "Content-Type": "application/x-www-form-urlencoded" },
            body: `access_token[]=${access_token}`,
          }),
      ],
      [
        "PA-09 NUL",
        malformed("the body is not valid application/x-www-form-urlencoded UTF-8 text"),
        () => server.post(path, { access_token: "\0" }),
      ],
      [
        "JW-14 30,000 characters",
        malformed("the parameter access_token is malformed"),
        () => server.post(path, { access_token: "x".repeat(30_000) }),
      ],
    ];
    for (const [name, expect, send] of WRONG) {
      await t.test(`${name}: refused at ${path}`, async (t) => {
        const reply = await send();
        t.strictSame(said(reply), expect);
        await holds(t, server, reply);
      });
    }
    await t.test(`PA-04 methods other than GET and POST are refused at ${path}`, async (t) => {
      for (const method of ["PUT", "PATCH", "DELETE", "HEAD"]) {
        const reply = await server.send(path, { method, headers: bearer(access_token) });
        t.equal(reply.status, 405, method);
        t.match(reply.headers.get("allow"), /GET.*POST/);
      }
    });
    await t.test(`a body that is not form-encoded is refused at ${path}`, async (t) => {
      for (const [type, body] of [
        ["application/json", JSON.stringify({ access_token })],
        ["text/plain", `access_token=${access_token}`],
      ] as const) {
        const reply = await server.send(path, { method: "POST", headers: { "Content-Type": type }, body });
        t.equal(reply.status, sis ? 400 : 415);
        await holds(t, server, reply);
      }
    });
  }
});

t.test("an invalid token is refused", async (t) => {
  const refused = async (t: Test, token: string, name: string) => {
    for (const [path, status] of [
      [STANDARD, 401],
      [SIS, 400],
    ] as const) {
      const reply = await ask(token, path);
      t.strictSame(said(reply), { status, error: "invalid_token", says: "the token is not valid" }, name);
      t.equal(
        reply.headers.get("www-authenticate"),
        path === SIS ? null : 'Bearer realm="jeton", error="invalid_token", error_description="the token is not valid"',
      );
      await holds(t, server, reply);
    }
  };
  const inOneGo = (work: Parameters<typeof server.core.db.prisma.$transaction>[0]) =>
    server.core.db.prisma.$transaction(work as never);

  await t.test("garbage and tokens of another kind are refused", async (t) => {
    const { access_token, refresh_token, id_token } = await tokens();
    const [header, payload, signature] = access_token.split(".") as [string, string, string];
    const OTHERS = {
      "RF-12 a refresh token": refresh_token,
      "JW-09 an id_token": id_token,
      "a code": await getCode(alice),
      "JW-01 without its signature": `${header}.${payload}.`,
      "JW-01 alg none": `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString("base64url")}.${payload}.`,
      "with another signature": `${header}.${payload}.${signature.replace(/^./, (one) => (one === "A" ? "B" : "A"))}`,
      garbage: "garbage",
      "two dots": "..",
      "an opaque one that is none": "jat_AAAA",
      "a long one": "x".repeat(9_000),
    };
    for (const [name, token] of Object.entries(OTHERS)) await refused(t, token, name);
  });

  await t.test("an access token is refused from its exp on", async (t) => {
    const { access_token } = await tokens();
    const opaque = (await tokens({ client_id: "sealed" })).access_token;
    clock.advance(599);
    t.equal((await ask(access_token)).status, 200);
    clock.advance(1);
    await refused(t, access_token, "a JWT");
    await refused(t, opaque, "an opaque one");
  });

  await t.test("a token is refused after it, its grant or all tokens of its user were revoked", async (t) => {
    const first = await tokens();
    await server.post("/oauth2/revoke", { token: first.access_token }, basic("web", SECRET));
    await refused(t, first.access_token, "itself");
    const second = await tokens();
    await server.post("/oauth2/revoke", { token: second.refresh_token }, basic("web", SECRET));
    await refused(t, second.access_token, "its grant");

    for (const [name, end] of [
      ["everything of its person", endEverythingOf],
      ["a person who is switched off", (tx: never, sub: string) => setUserDisabled(tx, sub, true)],
    ] as const) {
      const { access_token } = await tokens({}, await loggedIn(server, BOB));
      t.equal((await ask(access_token)).status, 200);
      await inOneGo(((tx: never) => end(tx, "user-bob")) as never);
      await refused(t, access_token, name);
      await inOneGo(((tx: never) => setUserDisabled(tx, "user-bob", false)) as never);
      await refused(t, access_token, `${name}, also when switched on again`);
    }
  });

  await t.test("a token is refused if its client is disabled or may not use the dialect", async (t) => {
    const { access_token } = await tokens({ client_id: "other-web" });
    await change(server, "other-web", { disabled: true });
    await refused(t, access_token, "off");
    await change(server, "other-web", { disabled: false });
    const modern = (await tokens({ client_id: "modern" })).access_token;
    t.equal((await ask(modern)).status, 200);
    t.strictSame(said(await ask(modern, SIS)), { status: 400, error: "invalid_token", says: "the token is not valid" });
  });
});

t.test("a token without a user or without the scope openid is refused with insufficient_scope", async (t) => {
  const machine = (await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET)))
    .json.access_token;
  const withoutOpenid = (await tokens({ scope: "profile api1" })).access_token;
  for (const [name, token] of [
    ["a client's own token", machine],
    ["a user's token without openid", withoutOpenid],
  ] as const) {
    await t.test(name, async (t) => {
      const standard = await ask(token);
      t.strictSame(said(standard), {
        status: 403,
        error: "insufficient_scope",
        says: "not a valid resource owner token",
      });
      t.equal(
        standard.headers.get("www-authenticate"),
        'Bearer realm="jeton", error="insufficient_scope", scope="openid"',
      );
      const sis = await ask(token, SIS);
      t.strictSame(said(sis), { status: 400, error: "invalid_token", says: "not a valid resource owner token" });
      t.equal(sis.json.error_uri, null);
      for (const reply of [standard, sis]) await holds(t, server, reply);
    });
  }
  await t.test("a token of the password grant is accepted", async (t) => {
    const { json } = await server.post("/oauth2/token", {
      grant_type: "password",
      client_id: "mobile",
      scope: "openid email",
      ...ALICE,
    });
    t.strictSame((await ask(json.access_token)).json, {
      sub: "user-alice",
      email: "alice@example.com",
      email_verified: true,
    });
  });
});

t.test("a client registered for signed userinfo gets a signed JWT", async (t) => {
  const { access_token } = await tokens({ client_id: "signer", scope: "openid profile" });
  for (const path of [STANDARD, SIS]) {
    const { status, headers, text } = await ask(access_token, path);
    t.equal(status, 200);
    t.equal(headers.get("content-type"), "application/jwt");
    t.equal(headers.get("cache-control"), "no-store");
    t.equal(headers.get("x-content-type-options"), "nosniff");
    t.equal(decodeProtectedHeader(text).alg, "ES256");
    const said = { iss: server.core.issuer, aud: "signer", sub: "user-alice", name: "Alice Example" };
    t.match(await server.core.ring.verify(text, "JWT"), { claims: said });
    const refused = await ask("garbage", path);
    t.match(refused.headers.get("content-type"), "application/json", "a refusal is JSON all the same");
  }
});

t.test("LG-01 the log has no token, secret, password or cookie", async (t) => {
  const { access_token, refresh_token, id_token } = await tokens();
  await ask(access_token);
  await server.send(`${STANDARD}?access_token=${access_token}`);
  const parts = [access_token, id_token].flatMap((jwt) => jwt.split(".").slice(1));
  nothingLeaked(t, server, [SECRET, ALICE.password, refresh_token, ...parts, ...alice.cookies.values()]);
});
