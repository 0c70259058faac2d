import { createServer, type AddressInfo } from "node:net";
import { createLocalJWKSet, decodeJwt, jwtVerify, SignJWT, UnsecuredJWT } from "jose";
import t from "tap";
import { authorizationAt } from "../support/authorization.js";
import { TestClock } from "../support/clock.js";
import { sql } from "../support/database.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Reply } from "../support/instance.js";
import { holds, holdsInBrowser } from "../support/oracle.js";
import { answerOf, Browser, formOf, pkce, query } from "../support/web.js";
import {
  authorize,
  AUTHORIZE,
  BOB,
  CALLBACK,
  changed,
  exchange,
  getCode,
  loggedIn,
  OTHER_CALLBACK,
  walk,
  WEB,
} from "../support/web-fleet.js";

const clock = new TestClock();
const server = await startInstance(t, { provision: WEB, clock });
const { issuer } = server.core;
const { refusedHere, toldClient } = authorizationAt(server);
const alice = await loggedIn(server);
const CONSENTED = "openid profile email phone role docs api1 offline_access";
await getCode(alice, { scope: CONSENTED });
const { challenge } = pkce();

const codes = async () => (await sql(server.database, "SELECT count(*)::int AS n FROM grants"))[0]!.n;

const NOT_REGISTERED = "the redirect_uri is not registered for this client";

/** Addresses other than `https://app.example/cb`, which some parser may take for it. */
const LOOKALIKES: readonly (readonly [id: string, uri: string])[] = [
  ...["/", "?x=1", "#f", "#", "?", "%2F", "/../cb", ";x", ".", "\\", "%00", "/.", "//"].map(
    (end) => ["RU-01", CALLBACK + end] as const,
  ),
  ["RU-01", "https://app.example/CB"],
  ["RU-01", "https://app.example/c%62"],
  ["RU-01", "https://app.example//cb"],
  ["RU-01", "https://app.example/x/../cb"],
  ["RU-01", "https://app.example/./cb"],
  ["RU-01", "https://app.example"],
  ["RU-01", "https://app.example/"],
  ["RU-02", "https://app.example.evil.example/cb"],
  ["RU-02", "https://evil.example/cb?https://app.example/cb"],
  ["RU-02", "https://app.example/cb.evil.example"],
  ["RU-02", "https://evilapp.example/cb"],
  ["RU-02", "https://sub.app.example/cb"],
  ["RU-04", "https://app.example@evil.example/cb"],
  ["RU-04", "https://app.example\\@evil.example"],
  ["RU-04", "https://evil.example\\.app.example/cb"],
  ["RU-04", "https://user@app.example/cb"],
  ["RU-04", "https://evil.example#@app.example/cb"],
  ["RU-05", "https://app.example\t/cb"],
  ["RU-05", "https://app.example/c\nb"],
  ["RU-05", "\nhttps://app.example/cb"],
  ["RU-05", " https://app.example/cb"],
  ["RU-05", "https://app.example/cb "],
  ["RU-05", "https://app.example/cb\r\nSet-Cookie: a=b"],
  ["RU-05", "https://app.example\u200b/cb"],
  ["RU-06", "https:app.example/cb"],
  ["RU-06", "https:/app.example/cb"],
  ["RU-06", "https:///app.example/cb"],
  ["RU-06", "HTTPS://APP.EXAMPLE/cb"],
  ["RU-06", "https://App.example/cb"],
  ["RU-06", "https://app.example:443/cb"],
  ["RU-06", "https://app.example:/cb"],
  ["RU-06", "https://app。example/cb"],
  ["RU-06", "https://app.example./cb"],
  ["RU-06", "http://app.example/cb"],
  ["RU-06", "//app.example/cb"],
  ["RU-06", "/cb"],
  ["RU-07", "https://appXexample/cb"],
  ["RU-07", "https://app-example/cb"],
  ["RU-14", "*"],
  ["RU-14", "https://*/cb"],
  ["XS-04", "javascript:alert(1)"],
  ["XS-04", "data:text/html,<script>alert(1)</script>"],
];

t.test("no browser is redirected to an address that differs from each registered one in a character", async (t) => {
  const before = await codes();
  for (const [id, redirect_uri] of LOOKALIKES) {
    for (const path of Object.values(AUTHORIZE)) {
      await t.test(`${id} ${JSON.stringify(redirect_uri)} at ${path}`, async (t) => {
        await refusedHere(t, await alice.get(authorize({ redirect_uri }, path)), NOT_REGISTERED);
      });
    }
  }
  await t.test("RU-05 an address with a NUL in it", async (t) => {
    await refusedHere(t, await alice.get(authorize({ redirect_uri: `${CALLBACK}\0` })), /not valid/);
  });
  await t.test("RU-01 the address of another client", async (t) => {
    await refusedHere(
      t,
      await alice.get(authorize({ client_id: "single", redirect_uri: OTHER_CALLBACK })),
      NOT_REGISTERED,
    );
  });
  await t.test("RU-11 the same address twice", async (t) => {
    for (const name of ["redirect_uri", "client_id"]) {
      const value = name === "client_id" ? "web" : CALLBACK;
      await refusedHere(
        t,
        await alice.get(`${authorize()}&${query({ [name]: value })}`),
        `the parameter ${name} is repeated`,
      );
    }
  });
  await t.test("RU-11 no address, from a client with two or none, or for openid", async (t) => {
    for (const parameters of [
      { client_id: "web" },
      { client_id: "nowhere" },
      { client_id: "single", scope: "openid" },
    ]) {
      await refusedHere(
        t,
        await alice.get(authorize({ ...parameters, redirect_uri: undefined })),
        "the parameter redirect_uri is missing",
      );
      await refusedHere(
        t,
        await alice.get(authorize({ ...parameters, redirect_uri: "" })),
        "the parameter redirect_uri is missing",
      );
    }
    await refusedHere(t, await alice.get(authorize({ client_id: "nowhere" })), NOT_REGISTERED);
  });
  t.equal(await codes(), before, "and no code was made");
});

t.test("RU-10 a loopback address may differ in its port, and in nothing more", async (t) => {
  const ALLOWED = [
    "http://127.0.0.1/cb",
    "http://127.0.0.1:1/cb",
    "http://127.0.0.1:65535/cb",
    "http://[::1]/cb",
    "http://[::1]:51004/cb",
    "http://localhost/cb",
    "http://localhost:1/cb",
    "http://localhost:65535/cb",
    "com.example.app:/cb",
  ];
  for (const redirect_uri of ALLOWED) {
    await t.test(redirect_uri, async (t) => {
      const reply = await walk(alice, authorize({ client_id: "native", redirect_uri, ...challenge }));
      t.equal(reply.status, 303);
      t.ok(reply.headers.get("location")!.startsWith(`${redirect_uri}?code=jac_`));
      await holdsInBrowser(t, server, reply);
    });
  }
  const REFUSED = [
    ...[
      "http://127.0.0.1:1/other",
      "http://127.0.0.1:1/cb/",
      "http://127.0.0.1:1",
      "http://127.0.0.1:1/CB",
      "http://127.0.0.1:1/cb?x",
      "http://127.0.0.1:1/cb#",
    ],
    ...[
      "http://localhost:1/other",
      "http://localhost:65536/cb",
      "https://localhost:1/cb",
      "http://LOCALHOST:1/cb",
      "http://localhost.evil.example/cb",
      "http://localhost:1@evil.example/cb",
      "http://localhost./cb",
      "http://2130706433/cb",
      "http://127.1/cb",
      "http://0x7f.1/cb",
      "http://127.0.0.2/cb",
      "http://0.0.0.0/cb",
    ],
    ...[
      "http://[::]/cb",
      "http://[::ffff:127.0.0.1]/cb",
      "http://[0:0:0:0:0:0:0:1]/cb",
      "https://127.0.0.1:1/cb",
      "HTTP://127.0.0.1:1/cb",
      "ws://127.0.0.1/cb",
    ],
    ...[
      "http://127.0.0.1:1@evil.example/cb",
      "http://user@127.0.0.1:1/cb",
      "http://127.0.0.1:/cb",
      "http://127.0.0.1:-1/cb",
      "http://127.0.0.1:1:2/cb",
    ],
    ...[
      "http://127.0.0.1:65536/cb",
      "http://127.0.0.1:99999/cb",
      "http://127.0.0.1:123456/cb",
      "http://127.0.0.1:1\\cb",
      "http://127.0.0.1.evil.example/cb",
      "http://127.0.0.1%2F/cb",
    ],
    ...["com.example.app:/CB", "com.example.app://cb", "COM.example.app:/cb"],
  ];
  for (const redirect_uri of REFUSED) {
    await t.test(redirect_uri, async (t) => {
      await refusedHere(
        t,
        await alice.get(authorize({ client_id: "native", redirect_uri, ...challenge })),
        NOT_REGISTERED,
      );
    });
  }
  await t.test("any other address must have its registered port", async (t) => {
    await refusedHere(t, await alice.get(authorize({ redirect_uri: "https://app.example:8443/cb" })), NOT_REGISTERED);
  });
});

t.test("RU-12 parameters of a registered address are never taken for the answer", async (t) => {
  const redirect_uri = `${CALLBACK}?code=x&state=y&error=z&iss=w&keep=1`;
  const parameters = { client_id: "polluted", redirect_uri };
  await t.test("a code", async (t) => {
    const { searchParams } = new URL((await walk(alice, authorize(parameters))).headers.get("location")!);
    t.same([...searchParams.keys()].sort(), ["code", "iss", "keep", "state"]);
    t.match(Object.fromEntries(searchParams), { code: /^jac_/, state: "s", keep: "1", iss: issuer });
  });
  await t.test("an error, for a request without state", async (t) => {
    const reply = await alice.get(authorize({ ...parameters, scope: "nonsense", state: undefined }));
    t.same([...new URL(reply.headers.get("location")!).searchParams.keys()].sort(), [
      "error",
      "error_description",
      "iss",
      "keep",
    ]);
  });
});

t.test("RU-14 a wildcard and a fragment cannot be registered", async (t) => {
  for (const uri of [
    "https://*.app.example/cb",
    "https://app.example/*",
    "https://app.example/cb#f",
    "app.example/cb",
  ]) {
    await t.rejects(server.apply(changed("other-web", { redirect_uris: [uri] })), uri);
  }
});

t.test("AZ-01 an unknown client gets no answer at any address", async (t) => {
  for (const redirect_uri of [CALLBACK, "https://evil.example/", undefined]) {
    for (const client_id of [
      "nobody",
      "closed",
      "WEB",
      "web ",
      "wеb",
      "",
      undefined,
      "x".repeat(300),
      "__proto__",
      "user-alice",
    ]) {
      await t.test(`${client_id} ${redirect_uri}`, async (t) => {
        await refusedHere(t, await alice.get(authorize({ client_id, redirect_uri })), "the client doesn't exist");
      });
    }
  }
});

const malformed = (name: string) => ({
  error: "invalid_request",
  error_description: `the parameter ${name} is malformed`,
});
const hint = async (claims: object, of: { alg?: "ES256" | "RS256"; typ?: string } = {}) =>
  (
    await server.core.ring.sign(of.alg ?? "RS256", of.typ ?? "JWT", {
      iss: issuer,
      aud: "web",
      sub: "user-alice",
      auth_time: 1,
      ...claims,
    })
  ).text;
const NO_CHALLENGE = { error: "invalid_request", error_description: "the parameter code_challenge is missing" };
const NO_PLAIN = { error: "invalid_request", error_description: "only the code_challenge_method S256 is supported" };

/** The faults of a request with a known client and address, each with the error that the client gets. */
const REFUSED: readonly (readonly [id: string, name: string, parameters: Form, told: object])[] = [
  ...["token", "id_token", "code token", "code id_token", "CODE", "code code", "none", "code\n"].map(
    (response_type) =>
      ["AZ-17", `response_type=${response_type}`, { response_type }, { error: "unsupported_response_type" }] as const,
  ),
  [
    "AZ-17",
    "no response_type",
    { response_type: undefined },
    { error: "invalid_request", error_description: "the parameter response_type is missing" },
  ],
  ["AZ-17", "an empty response_type is none (PA-21)", { response_type: "" }, { error: "invalid_request" }],
  ["AZ-17", "a client without the grant", { client_id: "no-codes" }, { error: "unauthorized_client" }],
  ["AZ-17", "a client without the response type", { client_id: "tokens-only" }, { error: "unauthorized_client" }],

  ["PK-01", "a public client without a challenge", { client_id: "spa" }, NO_CHALLENGE],
  ["PK-01", "a client that has to send one", { client_id: "strict" }, NO_CHALLENGE],
  ["PK-09", "an empty one", { client_id: "spa", code_challenge: "", code_challenge_method: "S256" }, NO_CHALLENGE],
  [
    "PK-09",
    "an empty one of a client that need not send one",
    { code_challenge: "", code_challenge_method: "S256" },
    NO_CHALLENGE,
  ],
  ...["web", "spa"].flatMap((client_id) => [
    ["PK-04", `${client_id}: plain`, { client_id, ...challenge, code_challenge_method: "plain" }, NO_PLAIN] as const,
    [
      "PK-04",
      `${client_id}: no method, which means plain`,
      { client_id, ...challenge, code_challenge_method: undefined },
      NO_PLAIN,
    ] as const,
    [
      "PK-04",
      `${client_id}: another case`,
      { client_id, ...challenge, code_challenge_method: "s256" },
      NO_PLAIN,
    ] as const,
  ]),
  ...[
    challenge.code_challenge.slice(1),
    `${challenge.code_challenge}a`,
    `${challenge.code_challenge}=`,
    `${challenge.code_challenge.slice(1)}+`,
    "a".repeat(64),
    "é".repeat(43),
  ].map(
    (code_challenge) =>
      [
        "PK-07",
        `a challenge ${code_challenge.slice(0, 70)}`,
        { ...challenge, code_challenge },
        malformed("code_challenge"),
      ] as const,
  ),

  ...["none login", "none consent", "none none", "create", "NONE", "login,consent", "login\tconsent"].map(
    (prompt) => ["AZ-11", `prompt=${prompt}`, { prompt }, malformed("prompt")] as const,
  ),
  ...["-1", "abc", "1e9", "1.5", "0x10", "+1", " 1", "99999999999", "٣"].map(
    (max_age) => ["AZ-12", `max_age=${max_age}`, { max_age }, malformed("max_age")] as const,
  ),
  ...["web_message", "QUERY", "jws", "form_post.jws"].map(
    (response_mode) =>
      ["AZ-16", `response_mode=${response_mode}`, { response_mode }, malformed("response_mode")] as const,
  ),
  ["AZ-16", "display=hologram", { display: "hologram" }, malformed("display")],

  ...[
    "{",
    "[]",
    "1",
    "null",
    '"x"',
    '{"userinfo":[]}',
    '{"id_token":{"name":1}}',
    '{"id_token":{"name":{"essential":"yes"}}}',
    '{"userinfo":{"a\\u0000b":null}}',
    '{"userinfo":{"\\ud800":null}}',
    '{"id_token":{"sub":{"value":"a\\u0000"}}}',
    '{"id_token":{"name":null,"name":{"essential":true}}}',
    '{"id_token":{"sub":{"value":"user-alice","value":"user-bob"}}}',
    '{"id_token":{"__proto__":null}}',
    `{"userinfo":{"${"x".repeat(256)}":null}}`,
  ].map((claims) => ["AZ-16", `claims=${claims.slice(0, 60)}`, { claims }, malformed("claims")] as const),

  ["AZ-20", "request", { request: "eyJhbGciOiJub25lIn0.e30." }, { error: "request_not_supported" }],
  ["AZ-20", "request_uri", { request_uri: "https://app.example/request.jwt" }, { error: "request_uri_not_supported" }],
  ["AZ-20", "registration", { registration: "{}" }, { error: "registration_not_supported" }],

  [
    "AZ-02",
    "nothing but scopes that the client may not have",
    { scope: "nonsense other nonsense" },
    { error: "invalid_scope", error_description: "the scopes nonsense,other are not allowed or invalid" },
  ],
  ["AZ-02", "nothing but a power", { scope: "jeton:admin" }, { error: "invalid_scope" }],
  ["AZ-02", "a scope that would end the sentence", { scope: 'x"\r\nSet-Cookie:' }, { error: "invalid_scope" }],
];

t.test("the client is told any other error, with the issuer", async (t) => {
  const before = await codes();
  for (const [id, name, parameters, told] of REFUSED) {
    await t.test(`${id} ${name}`, async (t) => {
      const reply = await alice.get(authorize(parameters));
      const { error_description } = answerOf(reply);
      t.match(error_description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/, "RFC 6749 section 4.1.2.1");
      await toldClient(t, reply, { state: "s", error_description, ...told });
      const posted = await server.post(
        AUTHORIZE["simple-identity-server"],
        Object.fromEntries(new URLSearchParams(authorize(parameters).split("?")[1])),
      );
      t.strictSame(answerOf(posted), answerOf(reply), "AZ-24 and the same in the other dialect, by POST");
    });
  }
  t.equal(await codes(), before, "and no code was made");
});

t.test("AZ-16 a repeated parameter is refused", async (t) => {
  const ONCE = [
    ...[
      "response_type",
      "response_mode",
      "scope",
      "state",
      "nonce",
      "prompt",
      "max_age",
      "display",
      "login_hint",
      "id_token_hint",
    ],
    ...[
      "ui_locales",
      "claims_locales",
      "acr_values",
      "claims",
      "code_challenge",
      "code_challenge_method",
      "request",
      "foo",
    ],
  ];
  for (const name of ONCE) {
    await t.test(name, async (t) => {
      const reply = await alice.get(`${authorize({ [name]: "code" })}&${name}=code`);
      const said = name === "foo" ? "(unknown)" : name;
      const told = { error: "invalid_request", error_description: `the parameter ${said} is repeated` };
      await toldClient(t, reply, name === "state" ? told : { ...told, state: "s" });
    });
  }
});

t.test("AZ-16 each parameter has a size limit, which only a posted form can exceed", async (t) => {
  const OURS = [
    "scope",
    "nonce",
    "login_hint",
    "ui_locales",
    "claims_locales",
    "acr_values",
    "claims",
    "id_token_hint",
    "code_challenge",
    "state",
  ];
  for (const name of OURS) {
    await t.test(name, async (t) => {
      const form = Object.fromEntries(new URLSearchParams(authorize({ [name]: "x".repeat(30_000) }).split("?")[1]));
      const told = malformed(name);
      await toldClient(t, await server.post(AUTHORIZE.oauth2, form), name === "state" ? told : { ...told, state: "s" });
    });
  }
});

t.test("AZ-20 a request makes the server fetch nothing", async (t) => {
  let visits = 0;
  const trap = createServer((socket) => {
    visits += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => trap.listen(0, "127.0.0.1", resolve));
  t.teardown(() => trap.close());
  const url = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/`;
  for (const parameters of [
    { request_uri: url },
    { registration: `{"jwks_uri":"${url}"}` },
    { client_id: url },
    { redirect_uri: url },
    { sector_identifier_uri: url },
  ]) {
    await alice.get(authorize(parameters));
  }
  t.equal(visits, 0);
});

t.test("AZ-19 a state is returned byte for byte", async (t) => {
  const STATES: readonly (readonly [name: string, state: string | undefined])[] = [
    ["none", undefined],
    ["8 KB", "x".repeat(8_192)],
    ["line breaks", "a\r\nb\nc\rLocation: https://evil.example"],
    ["a snowman", "☃"],
    ["a thousand snowmen", "☃".repeat(1_000)],
    ["markup", `"><script>alert(1)</script>`],
    ["quotes", `'"\`\\`],
    ["what means something in a URL", "a b+c%20&state=x&code=y#?=;/@:"],
    ["percent signs", "%%zz%00"],
    ["two spellings of é", "é\u0065\u0301"],
    ["letters from right to left", "\u202egnp.exe"],
    ["a pair of surrogates", "😀"],
    ["__proto__", "__proto__"],
    ["a template", "{{7*7}}${7*7}"],
  ];
  for (const [name, state] of STATES) {
    await t.test(name, async (t) => {
      const answers = [await alice.get(authorize({ state })), await alice.get(authorize({ state, scope: "nonsense" }))];
      for (const reply of answers) {
        t.equal(reply.status, 303);
        t.equal(answerOf(reply).state, state);
        t.match(reply.headers.get("location"), /^[\x21-\x7e]+$/);
        t.equal(new URL(reply.headers.get("location")!).hash, "");
        await holdsInBrowser(t, server, reply);
      }
      const page = await alice.get(authorize({ state, response_mode: "form_post" }));
      t.equal(formOf(page, "form_post").values.state, state);
      await holdsInBrowser(t, server, page);
    });
  }
  await t.test("but a state that no address can carry is refused", async (t) => {
    for (const state of ["x".repeat(60_000), "☃".repeat(6_000)]) {
      const form = Object.fromEntries(new URLSearchParams(authorize({ state }).split("?")[1]));
      await toldClient(t, await server.post(AUTHORIZE.oauth2, form), malformed("state"));
    }
  });
});

t.test("AZ-24 every answer names the issuer exactly as the metadata does", async (t) => {
  const { json } = await server.send("/.well-known/openid-configuration");
  t.equal(json.authorization_response_iss_parameter_supported, true);
  t.equal(json.authorization_endpoint, issuer + AUTHORIZE.oauth2);
  for (const path of Object.values(AUTHORIZE)) {
    for (const parameters of [{}, { scope: "nonsense" }, { prompt: "none" }]) {
      t.equal(answerOf(await alice.get(authorize(parameters, path))).iss, json.issuer);
    }
  }
});

t.test("AZ-25 AZ-26 unknown parameters are ignored", async (t) => {
  const UNKNOWN = {
    foo: "bar",
    return_to: "//evil",
    redirect: "/\\evil",
    next: "/\tevil",
    username: "bob",
    sub: "user-bob",
    code: "x",
    iss: "https://evil.example",
    error: "x",
  };
  for (const [name, value] of Object.entries(UNKNOWN)) {
    const answer = answerOf(await alice.get(authorize({ [name]: value })));
    t.strictSame(Object.keys(answer).sort(), ["code", "iss", "state"], name);
    t.equal(answer.iss, issuer);
  }
});

t.test("AZ-22 no other origin can read a response", async (t) => {
  for (const Origin of ["https://evil.example", "null", "https://app.example", issuer]) {
    for (const path of [authorize(), authorize({ client_id: "nobody" }), authorize({ prompt: "login" })]) {
      await holdsInBrowser(t, server, await alice.get(path, { Origin }));
    }
    const preflight = await server.send(AUTHORIZE.oauth2, {
      method: "OPTIONS",
      headers: { Origin, "Access-Control-Request-Method": "POST" },
    });
    t.equal(preflight.status, 405);
    t.notOk(preflight.headers.get("access-control-allow-origin"));
    await holds(t, server, preflight);
  }
});

t.test("a request may be posted from the client's page", async (t) => {
  const form = (parameters: Form = {}) => Object.fromEntries(new URLSearchParams(authorize(parameters).split("?")[1]));
  const crossSite = { Origin: "https://app.example", "Sec-Fetch-Site": "cross-site" };

  await t.test("it has none of our cookies, and continues with them", async (t) => {
    const reply = await server.post(AUTHORIZE.oauth2, form(), crossSite);
    t.equal(reply.status, 303);
    t.match(reply.headers.get("location"), /^\/interaction\/[\w-]{22}$/);
    t.strictSame(reply.headers.getSetCookie(), [], "a cookie set here would take the place of the browser's own");
    await holdsInBrowser(t, server, reply);
    const answer = await alice.get(reply.headers.get("location")!);
    t.match(answerOf(answer), { code: /^jac_/, state: "s" });
  });

  await t.test("for a person who is not logged in", async (t) => {
    const browser = new Browser(server);
    const { headers } = await server.post(AUTHORIZE.oauth2, form(), crossSite);
    const login = await browser.get(headers.get("location")!);
    const done = await browser.submit(login, "login", { ...ALICE, action: "login" });
    t.match(answerOf(done), { code: /^jac_/ });
  });

  await t.test("AZ-06 it belongs to the first browser that opens it", async (t) => {
    const { headers } = await server.post(AUTHORIZE.oauth2, form({ prompt: "login" }), crossSite);
    const path = headers.get("location")!;
    t.equal((await alice.get(path)).status, 200);
    await refusedHere(t, await new Browser(server).get(path), "this form was opened in another browser");
  });

  await t.test("AZ-11 prompt=none is answered without a page", async (t) => {
    const { headers } = await server.post(AUTHORIZE.oauth2, form({ prompt: "none" }), crossSite);
    t.match(answerOf(await alice.get(headers.get("location")!)), { code: /^jac_/ });
    const other = await server.post(AUTHORIZE.oauth2, form({ prompt: "none" }), crossSite);
    await toldClient(t, await new Browser(server).get(other.headers.get("location")!), {
      error: "login_required",
      error_description: "the person has to log in",
      state: "s",
    });
  });

  await t.test("a malformed form is refused", async (t) => {
    const post = (body: string, type = "application/x-www-form-urlencoded") =>
      server.send(AUTHORIZE.oauth2, { method: "POST", headers: { "Content-Type": type }, body });
    await refusedHere(t, await post("{}", "application/json"), /content type/);
    await refusedHere(t, await post("<x>", "text/html"), /content type/);
    await refusedHere(t, await post(""), /./);
    await refusedHere(t, await post("client_id=web%00"), /not valid/);
    await refusedHere(t, await post("client_id[]=web"), /malformed/);
    await refusedHere(t, await post(`${query(form())}&x=${"x".repeat(70_000)}`), "the body is too large");
    await refusedHere(t, await post(`${query(form())}${"&a=b".repeat(65)}`), /more than 64/);
    t.equal((await post(query(form()), "application/x-www-form-urlencoded; charset=utf-8")).status, 303);
  });
});

/** The members of each kind of answer. */
const ANSWERS = [
  ["a code", {}, ["code", "state", "iss"]],
  ["a refusal", { scope: "nonsense" }, ["error", "error_description", "state", "iss"]],
] as const;

t.test("an answer may be posted to the client", async (t) => {
  for (const [name, parameters, keys] of ANSWERS) {
    await t.test(name, async (t) => {
      const page = await alice.get(authorize({ ...parameters, response_mode: "form_post" }));
      t.equal(page.status, 200);
      const { action, values } = formOf(page, "form_post");
      t.equal(action, CALLBACK);
      t.same(Object.keys(values).sort(), [...keys].sort());
      t.equal(values.iss, issuer);
      const policy = page.headers.get("content-security-policy")!;
      t.match(policy, /script-src 'sha256-[^']+'/);
      t.match(policy, /form-action https:\/\/app\.example;/);
      await holdsInBrowser(t, server, page);
    });
  }
});

t.test("an answer may be the fragment of the redirect URI", async (t) => {
  for (const [name, parameters, keys] of ANSWERS) {
    await t.test(name, async (t) => {
      const reply = await alice.get(authorize({ ...parameters, response_mode: "fragment" }));
      const { search, hash } = new URL(reply.headers.get("location")!);
      t.equal(search, "");
      t.same([...new URLSearchParams(hash.slice(1)).keys()].sort(), [...keys].sort());
      await holdsInBrowser(t, server, reply);
    });
  }
});

t.test("JR-01 each answer may be a signed JWT, which names the server and the client, and expires", async (t) => {
  const WAYS: Readonly<Record<string, (reply: Reply) => Record<string, string>>> = {
    jwt: answerOf,
    "query.jwt": answerOf,
    "fragment.jwt": ({ headers }) =>
      Object.fromEntries(new URLSearchParams(new URL(headers.get("location")!).hash.slice(1))),
    "form_post.jwt": (page) => formOf(page, "form_post").values,
  };
  const keys = createLocalJWKSet((await server.send("/oauth2/jwks")).json);
  for (const [response_mode, read] of Object.entries(WAYS)) {
    for (const [name, parameters, members] of ANSWERS) {
      await t.test(`${name} by ${response_mode}`, async (t) => {
        const { response, ...others } = read(await alice.get(authorize({ ...parameters, response_mode })));
        t.strictSame(others, {}, "nothing is beside it");
        const { payload } = await jwtVerify(response!, keys, {
          ...{ issuer, audience: "web", algorithms: ["RS256"] },
          currentDate: clock.statement(),
        });
        t.same(Object.keys(payload).sort(), [...members, "aud", "exp"].sort());
        t.match(payload, { state: "s", exp: Math.floor(clock.now() / 1000) + 600 });
      });
    }
  }
});

t.test("JR-02 the signed answer of a request is no other token, and of no other request", async (t) => {
  const { response } = answerOf(await alice.get(authorize({ response_mode: "jwt" })));
  const hinted = await new Browser(server).get(authorize({ id_token_hint: response!, prompt: "none" }));
  t.match(answerOf(hinted), { error: "login_required" });
  t.equal(server.log.findLast(({ operation }) => operation === "authorize")?.hint_flaw, "unreadable");
  const userinfo = await server.send("/oauth2/userinfo", { headers: { Authorization: `Bearer ${response}` } });
  t.equal(userinfo.status, 401);
  const form = { code: response!, redirect_uri: CALLBACK };
  t.match(await exchange(server, form), { status: 400, json: { error: "invalid_grant" } });
});

t.test(
  "JR-03 a response in the registered address is dropped, and errors before the mode is known are plain",
  async (t) => {
    const polluted = {
      client_id: "polluted",
      redirect_uri: `${CALLBACK}?code=x&state=y&error=z&iss=w&keep=1&response=old`,
    };
    await server.apply(changed("polluted", { redirect_uris: [polluted.redirect_uri], consent: "implicit" }));
    const reply = await alice.get(authorize({ ...polluted, response_mode: "jwt" }));
    t.strictSame([...new URL(reply.headers.get("location")!).searchParams.keys()], ["keep", "response"]);
    const unknown = await alice.get(authorize({ response_mode: "fragment.jws" }));
    t.match(answerOf(unknown), { error: "invalid_request" });
  },
);

t.test("the login page follows the request", async (t) => {
  const stranger = (parameters: Form) => new Browser(server).open(authorize(parameters));

  await t.test("login_hint fills in the name", async (t) => {
    for (const login_hint of ["alice", `"><script>alert(1)</script>`, "☃"]) {
      const page = await stranger({ login_hint });
      t.equal(formOf(page, "login").values.username, login_hint);
      await holdsInBrowser(t, server, page);
    }
  });

  await t.test("ui_locales chooses the first supported language", async (t) => {
    const LANGUAGES = [
      ["de", "de"],
      ["de-AT", "de"],
      ["fr de en", "de"],
      ["en", "en"],
      ["xx", "en"],
      ["☃", "en"],
      ["../../de", "en"],
    ] as const;
    for (const [ui_locales, language] of LANGUAGES) {
      t.match((await stranger({ ui_locales })).text, `<html lang="${language}">`, ui_locales);
    }
    const browser = new Browser(server);
    const { headers } = await browser.get(authorize());
    t.match(
      (await browser.get(headers.get("location")!, { "Accept-Language": "de-DE,de;q=0.9,en;q=0.5" })).text,
      '<html lang="de">',
    );
  });

  await t.test("display must be one of four values, and changes nothing", async (t) => {
    for (const display of ["page", "popup", "touch", "wap"]) t.match((await stranger({ display })).text, 'id="login"');
  });
});

t.test("a person who is logged in is asked again if the request demands it", async (t) => {
  /** Logs Bob in on the expected login page. */
  const bobsCode = async (browser: Browser, id_token_hint: string) =>
    answerOf(await walk(browser, authorize({ id_token_hint }), BOB)).code;
  const authTime = async (code: string | undefined) =>
    decodeJwt((await exchange(server, { code })).json.id_token).auth_time as number;

  await t.test("AZ-12 max_age asks if the login is older", async (t) => {
    const browser = await loggedIn(server);
    const first = await authTime(answerOf(await browser.get(authorize())).code);
    clock.advance(100);
    for (const max_age of ["101", "1000000000"]) {
      t.equal(await authTime(answerOf(await browser.get(authorize({ max_age }))).code), first, max_age);
    }
    for (const max_age of ["100", "99", "0"]) {
      clock.advance(100);
      const login = await browser.open(authorize({ max_age }));
      t.match(login.text, 'id="login"', max_age);
      const done = await browser.submit(login, "login", { ...ALICE, action: "login" });
      t.ok((await authTime(answerOf(done).code)) > first, "auth_time is that of the new login");
    }
  });

  await t.test("prompt=login, consent and select_account ask", async (t) => {
    const browser = await loggedIn(server);
    for (const [prompt, pages] of [
      ["login", ["login"]],
      ["consent", ["consent"]],
      ["select_account", ["login"]],
      ["login consent", ["login", "consent"]],
      ["", []],
    ] as const) {
      let page = await browser.open(authorize({ prompt }));
      for (const id of pages) {
        t.match(page.text, `id="${id}"`, prompt);
        page = await browser.submit(page, id, id === "login" ? { ...ALICE, action: "login" } : { action: "allow" });
      }
      t.match(answerOf(page), { code: /^jac_/ }, prompt);
    }
  });

  await t.test("AZ-11 prompt=none never asks, and names the reason", async (t) => {
    const CASES = [
      [new Browser(server), {}, "login_required"],
      [alice, { max_age: "0" }, "login_required"],
      [alice, { client_id: "single", scope: "api1" }, "consent_required"],
      [alice, { client_id: "spa", ...challenge }, "consent_required"],
      [alice, { client_id: "trusted" }, undefined],
      [alice, {}, undefined],
    ] as const;
    for (const [browser, parameters, error] of CASES) {
      const reply = await browser.get(authorize({ prompt: "none", ...parameters }));
      t.match(answerOf(reply), error === undefined ? { code: /^jac_/ } : { error, state: "s", iss: issuer });
      await holdsInBrowser(t, server, reply);
    }
  });

  await t.test("AZ-21 an id_token_hint with a flaw is ignored", async (t) => {
    const browser = await loggedIn(server);
    const request = { client_id: "trusted", prompt: "none" };
    const bobs = { aud: "trusted", sub: "user-bob" };
    const unsigned = new UnsecuredJWT({ sub: "user-bob" }).setIssuer(issuer).setAudience("trusted").encode();
    const withSecret = new SignJWT({ sub: "user-bob", auth_time: 1 })
      .setProtectedHeader({ alg: "HS256" })
      .setIssuer(issuer)
      .setAudience("trusted");
    const good = await hint(bobs);
    const HINTS: Readonly<Record<string, string>> = {
      "no JWT": "x",
      "cut short": good.slice(0, -20),
      "it is unsigned": unsigned,
      "signed with a secret": await withSecret.sign(Buffer.from(SECRET)),
      "for another client": await hint({ ...bobs, aud: "other-web" }),
      "for several clients": await hint({ ...bobs, aud: ["trusted", "other-web"] }),
      "of another issuer": await hint({ ...bobs, iss: "https://evil.example" }),
      "an access token": await hint(bobs, { alg: "ES256", typ: "at+jwt" }),
      "a signed userinfo answer": await hint({ ...bobs, auth_time: undefined }),
      "it has no subject": await hint({ ...bobs, sub: undefined }),
    };
    for (const [name, id_token_hint] of Object.entries(HINTS)) {
      t.match(answerOf(await browser.get(authorize({ ...request, id_token_hint }))), { code: /^jac_/ }, name);
      const line = server.log.findLast(({ type }) => type === "decision");
      t.match(line, { operation: "authorize", hint_flaw: /^(unreadable|other_client)$/ }, `${name} is on record`);
      const stranger = await new Browser(server).get(authorize({ ...request, id_token_hint }));
      t.match(answerOf(stranger), { error: "login_required" }, `${name}, without a login`);
    }
    for (const id_token_hint of [good, await hint({ ...bobs, exp: 1 })]) {
      const answer = answerOf(await browser.get(authorize({ ...request, id_token_hint })));
      t.match(answer, { error: "login_required" }, "a valid one of another person counts, even if it has expired");
    }
  });

  await t.test("id_token_hint and the claims parameter must name the same person", async (t) => {
    const browser = await loggedIn(server);
    const wish = (value: string) => JSON.stringify({ id_token: { sub: { value } } });
    const [alices, bobs] = [await hint({}), await hint({ sub: "user-bob" })];
    for (const [id_token_hint, claims, answer] of [
      [alices, wish("user-alice"), { code: /^jac_/ }],
      [alices, wish("user-bob"), { error: "login_required" }],
      [bobs, wish("user-alice"), { error: "login_required" }],
      ["unreadable", wish("user-bob"), { error: "login_required" }],
      ["unreadable", wish("user-alice"), { code: /^jac_/ }],
    ] as const) {
      t.match(answerOf(await browser.get(authorize({ prompt: "none", id_token_hint, claims }))), answer);
    }
  });

  await t.test("prompt=none with a bad hint still respects max_age", async (t) => {
    const browser = await loggedIn(server);
    clock.advance(100);
    for (const id_token_hint of ["unreadable", await hint({ exp: 1 }), await hint({ iss: "https://evil.example" })]) {
      const asked = (max_age: string) => browser.get(authorize({ prompt: "none", max_age, id_token_hint }));
      t.match(answerOf(await asked("50")), { error: "login_required" });
      t.match(answerOf(await asked("1000")), { code: /^jac_/ });
    }
  });

  await t.test("AZ-21 id_token_hint never switches the person silently", async (t) => {
    const browser = await loggedIn(server);
    const own = await hint({ exp: 1 });
    t.match(answerOf(await browser.get(authorize({ id_token_hint: own }))), { code: /^jac_/ }, "her own, long expired");
    const bobs = await hint({ sub: "user-bob" });
    t.match(answerOf(await browser.get(authorize({ id_token_hint: bobs, prompt: "none" }))), {
      error: "login_required",
    });
    const login = await browser.open(authorize({ id_token_hint: bobs }));
    t.match(login.text, 'id="login"');
    const again = await browser.submit(login, "login", { ...ALICE, action: "login" });
    t.match(answerOf(again), { error: "login_required" }, "the wrong person gets no code");
    const code = await bobsCode(browser, bobs);
    t.equal(decodeJwt((await exchange(server, { code })).json.id_token).sub, "user-bob");
  });
});

t.test("the claims parameter requests single claims", async (t) => {
  const idToken = async (parameters: Form) => {
    const code = await getCode(alice, parameters);
    return decodeJwt((await exchange(server, { code }, basic(parameters.client_id ?? "web", SECRET))).json.id_token);
  };
  const asking = (id_token: object) => JSON.stringify({ id_token });

  await t.test("claims for the id_token, beyond the requested scope", async (t) => {
    const claims = await idToken({
      scope: "openid",
      claims: asking({ name: null, email: { essential: true }, department: {} }),
    });
    t.match(claims, { name: "Alice Example", email: "alice@example.com", department: "R&D" });
    t.notOk("email_verified" in claims);
  });

  await t.test("claims in the requested languages", async (t) => {
    const claims = await idToken({ scope: "openid", claims: asking({ name: null }), claims_locales: "fr de" });
    t.match(claims, { name: "Alice Example", "name#de": "Alice Beispiel" });
  });

  await t.test("but no claim outside the client's scopes, and none that the token itself defines", async (t) => {
    const wishes = asking({
      email: { essential: true },
      phone_number: null,
      iss: null,
      aud: null,
      exp: null,
      constructor: null,
      password_hash: null,
    });
    const claims = await idToken({
      client_id: "signer",
      scope: "openid",
      claims: wishes,
    });
    t.notOk("email" in claims || "phone_number" in claims || "password_hash" in claims);
    t.match(claims, { iss: issuer, aud: "signer" });
  });

  await t.test("acr, if it is requested", async (t) => {
    t.equal((await idToken({ acr_values: "1" })).acr, "1");
    t.equal((await idToken({ acr_values: "urn:example:gold" })).acr, "1", "a wish is not an order");
    t.equal((await idToken({ claims: asking({ acr: { essential: true, values: ["2", "1"] } }) })).acr, "1");
    t.equal((await idToken({ claims: asking({ acr: { value: "2" } }) })).acr, "1");
    const reply = await alice.get(
      authorize({ claims: asking({ acr: { essential: true, value: "urn:example:gold" } }) }),
    );
    t.match(answerOf(reply), { error: "login_required" }, "an order that cannot be met");
  });

  await t.test("sub names the expected person", async (t) => {
    t.match(answerOf(await alice.get(authorize({ claims: asking({ sub: { value: "user-alice" } }) }))), {
      code: /^jac_/,
    });
    const bobs = asking({ sub: { value: "user-bob" } });
    t.match((await alice.open(authorize({ claims: bobs }))).text, 'id="login"');
    t.match(answerOf(await alice.get(authorize({ claims: bobs, prompt: "none" }))), { error: "login_required" });
  });
});
