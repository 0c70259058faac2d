import { decodeJwt, UnsecuredJWT } from "jose";
import t, { type Test } from "tap";
import { authorizationAt, isLoggedIn } from "../support/authorization.js";
import { TestClock } from "../support/clock.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form } from "../support/instance.js";
import { holdsInBrowser, nothingLeaked } from "../support/oracle.js";
import { introspect, isActive, logIn, refresh } from "../support/tokens.js";
import { answerOf, Browser, formOf, query } from "../support/web.js";
import { authorize, BOB, exchange, getCode, GOODBYE, loggedIn, OTHER_CALLBACK, WEB } from "../support/web-fleet.js";

const clock = new TestClock();
const server = await startInstance(t, { provision: WEB, clock });
const { issuer } = server.core;
const { refusedHere } = authorizationAt(server);

const NOT_REGISTERED = "the post_logout_redirect_uri is not registered for this client";
const FOREIGN_FORM = "this form was not sent from its own page";

const logout = (parameters: Form = {}) => `/oauth2/logout?${query(parameters)}`;
const idToken = async (claims: object = {}, typ = "JWT") =>
  (
    await server.core.ring.sign("RS256", typ, {
      iss: issuer,
      aud: "web",
      sub: "user-alice",
      auth_time: 1,
      exp: clock.now() / 1000 + 600,
      ...claims,
    })
  ).text;
const HINT = await idToken();

/** Checks that a browser is logged out: its cookie is removed, and the session behind the cookie has ended. */
async function loggedOut(t: Test, browser: Browser, cookie: string): Promise<void> {
  t.notOk(browser.cookies.has("jeton_session"));
  const thief = new Browser(server);
  thief.setCookie("jeton_session", cookie);
  t.notOk(await isLoggedIn(thief), "the session itself is over");
}

t.test("an id_token_hint of the person who is logged in ends the session at once", async (t) => {
  const ROWS: readonly (readonly [name: string, parameters: Form, location: string | undefined])[] = [
    ["no question is asked", { id_token_hint: HINT }, undefined],
    [
      "until its time is over by any clock",
      { id_token_hint: await idToken({ exp: clock.now() / 1000 - 14 }) },
      undefined,
    ],
    ["and goes where it is registered", { id_token_hint: HINT, post_logout_redirect_uri: GOODBYE }, GOODBYE],
    [
      "with its state",
      { id_token_hint: HINT, post_logout_redirect_uri: GOODBYE, state: `☃"&=\r\n` },
      `${GOODBYE}?state=${encodeURIComponent(`☃"&=\r\n`)}`,
    ],
    [
      "RU-12 with one state, and what else is its own",
      { id_token_hint: HINT, post_logout_redirect_uri: `${GOODBYE}?state=theirs&code=1`, state: "ours" },
      `${GOODBYE}?code=1&state=ours`,
    ],
    [
      "with the client named as well",
      { id_token_hint: HINT, client_id: "web", post_logout_redirect_uri: GOODBYE },
      GOODBYE,
    ],
    [
      "AZ-25 with unknown parameters",
      { id_token_hint: HINT, logout_hint: "x", foo: "bar", redirect_uri: "https://evil.example" },
      undefined,
    ],
  ];
  for (const [name, parameters, location] of ROWS) {
    for (const way of ["GET", "POST"] as const) {
      await t.test(`${name}, ${way}`, async (t) => {
        const browser = await loggedIn(server);
        const cookie = browser.cookies.get("jeton_session")!;
        const form = Object.fromEntries(new URLSearchParams(query(parameters)));
        const reply =
          way === "GET" ? await browser.get(logout(parameters)) : await browser.post("/oauth2/logout", form);
        await holdsInBrowser(t, server, reply);
        await loggedOut(t, browser, cookie);
        if (location !== undefined) {
          t.equal(reply.status, 303);
          t.equal(reply.headers.get("location"), location);
          return;
        }
        // Reloading the page must not post the form again.
        if (way === "POST")
          t.equal(
            reply.headers.get("location"),
            "/oauth2/logout?client_id=web",
            "the client is who the page leads back to",
          );
        t.match(way === "GET" ? reply.text : (await browser.get("/oauth2/logout")).text, "You are signed out");
      });
    }
  }
});

t.test("AZ-27 without such a hint the person is asked", async (t) => {
  const ROWS: readonly (readonly [name: string, parameters: Form])[] = [
    ["no hint", {}],
    ["no hint, but a client", { client_id: "web" }],
    ["no hint, and somewhere to go", { client_id: "web", post_logout_redirect_uri: GOODBYE, state: "s" }],
    [
      "a hint of another person",
      { id_token_hint: await idToken({ sub: "user-bob" }), post_logout_redirect_uri: GOODBYE, state: "s" },
    ],
  ];
  for (const [name, parameters] of ROWS) {
    await t.test(name, async (t) => {
      const browser = await loggedIn(server);
      const cookie = browser.cookies.get("jeton_session")!;
      const page = await browser.get(logout(parameters), { "Sec-Fetch-Site": "cross-site" });
      t.equal(page.status, 200);
      t.match(page.text, "Alice Example");
      t.ok(await isLoggedIn(browser), "until then nothing happens");
      await holdsInBrowser(t, server, page);
      const done = await browser.submit(page, "logout", { action: "logout" });
      t.equal(
        done.headers.get("location") ?? undefined,
        parameters.post_logout_redirect_uri === undefined ? undefined : `${GOODBYE}?state=s`,
      );
      await loggedOut(t, browser, cookie);
    });
  }

  await t.test("the person may stay", async (t) => {
    const browser = await loggedIn(server);
    const page = await browser.get(logout({ client_id: "web", post_logout_redirect_uri: GOODBYE }));
    t.match(page.headers.get("content-security-policy"), /form-action 'self' https:\/\/app\.example;/);
    const stayed = await browser.submit(page, "logout", { action: "cancel" });
    t.equal(stayed.status, 200);
    t.match(stayed.text, "Your account");
    t.ok(await isLoggedIn(browser));
  });

  await t.test("the form must be the person's own", async (t) => {
    const browser = await loggedIn(server);
    const { values } = formOf(await browser.get(logout()), "logout");
    const other = formOf(await (await loggedIn(server)).get(logout()), "logout").values.csrf!;
    const account = formOf(await browser.open(authorize({ client_id: "other-web", prompt: "login" })), "login").values
      .csrf!;
    for (const csrf of ["", "x", other, account, `${values.csrf}x`]) {
      await refusedHere(t, await browser.post("/oauth2/logout", { ...values, csrf, action: "logout" }), FOREIGN_FORM);
      await refusedHere(t, await browser.get(logout({ ...values, csrf, action: "logout" })), FOREIGN_FORM);
    }
    const stranger = new Browser(server);
    stranger.setCookie("jeton_session", browser.cookies.get("jeton_session")!);
    await refusedHere(t, await stranger.post("/oauth2/logout", { ...values, action: "logout" }), FOREIGN_FORM);
    for (const action of ["x", "LOGOUT", "allow"]) {
      t.match(
        (await browser.post("/oauth2/logout", { ...values, action })).text,
        'id="logout"',
        `${action} is no answer`,
      );
    }
    t.ok(await isLoggedIn(browser));
  });

  await t.test("a form from an earlier session is refused", async (t) => {
    const browser = await loggedIn(server);
    const page = await browser.get(logout());
    const login = await browser.open(authorize({ client_id: "trusted", prompt: "login" }));
    await browser.submit(login, "login", { ...BOB, action: "login" });
    await refusedHere(t, await browser.submit(page, "logout", { action: "logout" }), FOREIGN_FORM);
    t.ok(await isLoggedIn(browser));
  });

  await t.test("the parameters of the request come back unchanged from the page", async (t) => {
    for (const state of [`"><script>alert(1)</script>`, "☃", "a\r\nb", "csrf", "x".repeat(8_000)]) {
      const browser = await loggedIn(server);
      const page = await browser.get(logout({ client_id: "web", post_logout_redirect_uri: GOODBYE, state }));
      await holdsInBrowser(t, server, page);
      t.equal(answerOf(await browser.submit(page, "logout", { action: "logout" })).state, state);
    }
  });

  await t.test("the page has the requested language", async (t) => {
    const browser = await loggedIn(server);
    const page = await browser.get(logout({ ui_locales: "de" }));
    t.match(page.text, '<html lang="de">');
    t.match((await browser.submit(page, "logout", { action: "logout" })).text, "Sie sind abgemeldet");
  });
});

t.test("a request from a client's page has none of our cookies, and continues with a GET", async (t) => {
  const browser = await loggedIn(server);
  const form = { id_token_hint: HINT, post_logout_redirect_uri: GOODBYE, state: "s" };
  const reply = await server.post("/oauth2/logout", form, {
    Origin: "https://app.example",
    "Sec-Fetch-Site": "cross-site",
  });
  t.equal(reply.status, 303);
  t.match(reply.headers.get("location"), /^\/oauth2\/logout\?/, "the browser comes back by itself");
  t.strictSame(reply.headers.getSetCookie(), []);
  const done = await browser.get(reply.headers.get("location")!);
  t.equal(done.headers.get("location"), `${GOODBYE}?state=s`);
  t.notOk(await isLoggedIn(browser));
});

t.test("a person who is not logged in sees the final page", async (t) => {
  for (const [parameters, location] of [
    [{}, undefined],
    [{ id_token_hint: HINT }, undefined],
    [{ client_id: "web", post_logout_redirect_uri: GOODBYE, state: "s" }, `${GOODBYE}?state=s`],
  ] as const) {
    const reply = await new Browser(server).get(logout(parameters));
    t.equal(reply.headers.get("location") ?? undefined, location);
    await holdsInBrowser(t, server, reply);
  }
});

/** RU-15: the attacks on redirect URIs, on this endpoint. */
const LOOKALIKES: readonly (readonly [id: string, uri: string])[] = [
  ...["/", "?x=1", "#f", "#", "?", "%2F", "/../bye", ";x", ".", "\\", "/.", "//"].map(
    (end) => ["RU-01", GOODBYE + end] as const,
  ),
  ...[
    "https://app.example/BYE",
    "https://app.example/b%79e",
    "https://app.example/x/../bye",
    "https://app.example",
  ].map((uri) => ["RU-01", uri] as const),
  ...[
    "https://app.example.evil.example/bye",
    "https://evil.example/?https://app.example/bye",
    "https://sub.app.example/bye",
  ].map((uri) => ["RU-02", uri] as const),
  ...["https://app.example@evil.example/bye", "https://app.example\\@evil.example", "https://user@app.example/bye"].map(
    (uri) => ["RU-04", uri] as const,
  ),
  ...[
    "https://app.example\t/bye",
    "\nhttps://app.example/bye",
    " https://app.example/bye",
    "https://app.example/bye\r\nSet-Cookie: a=b",
  ].map((uri) => ["RU-05", uri] as const),
  ...[
    "https:app.example/bye",
    "HTTPS://APP.EXAMPLE/bye",
    "https://app.example:443/bye",
    "http://app.example/bye",
    "//app.example/bye",
    "//evil",
    "/\\evil",
    "/\tevil",
  ].map((uri) => ["RU-06", uri] as const),
  ["RU-07", "https://appXexample/bye"],
  ["RU-10", "https://app.example:8443/bye"],
  ["RU-11", "https://other.example/bye"],
  ["RU-11", OTHER_CALLBACK],
  ["XS-04", "javascript:alert(1)"],
];

t.test("RU-15 no browser is redirected to an address that is not registered for logout", async (t) => {
  const alice = await loggedIn(server);
  for (const [id, post_logout_redirect_uri] of LOOKALIKES) {
    await t.test(`${id} ${JSON.stringify(post_logout_redirect_uri)}`, async (t) => {
      for (const browser of [alice, new Browser(server)]) {
        for (const whose of [{ id_token_hint: HINT }, { client_id: "web" }]) {
          await refusedHere(t, await browser.get(logout({ ...whose, post_logout_redirect_uri })), NOT_REGISTERED);
        }
      }
    });
  }
  await t.test("RU-05 an address with a NUL in it", async (t) =>
    refusedHere(
      t,
      await alice.get(logout({ client_id: "web", post_logout_redirect_uri: `${GOODBYE}\0` })),
      /not valid/,
    ),
  );
  await t.test("without a client", async (t) =>
    refusedHere(t, await alice.get(logout({ post_logout_redirect_uri: GOODBYE })), NOT_REGISTERED),
  );
  await t.test("RU-10 a loopback address may differ in its port", async (t) => {
    const allowed = await new Browser(server).get(
      logout({ client_id: "native", post_logout_redirect_uri: "http://127.0.0.1:51004/bye" }),
    );
    t.equal(allowed.headers.get("location"), "http://127.0.0.1:51004/bye");
    for (const uri of [
      "http://127.0.0.1:1/other",
      "http://localhost:1/bye", // Only 127.0.0.1 is registered.
      "http://127.0.0.1:99999/bye",
      "http://2130706433/bye",
      "http://user@127.0.0.1/bye",
    ]) {
      await refusedHere(
        t,
        await alice.get(logout({ client_id: "native", post_logout_redirect_uri: uri })),
        NOT_REGISTERED,
      );
    }
  });
  t.ok(await isLoggedIn(alice), "and a refused request logs no user out");
});

t.test("an expired hint names the client, but the person is asked", async (t) => {
  const old = await idToken({ exp: clock.now() / 1000 - 16, sid: "x" });
  const SENT: readonly (readonly [name: string, place: Form, location: string | undefined])[] = [
    ["and without a redirect URI it ends on our page", {}, undefined],
    [
      "and goes where its client has people sent",
      { post_logout_redirect_uri: GOODBYE, state: "s" },
      `${GOODBYE}?state=s`,
    ],
    ["its client named as well", { post_logout_redirect_uri: GOODBYE, client_id: "web" }, GOODBYE],
  ];
  for (const [name, place, location] of SENT) {
    await t.test(name, async (t) => {
      const browser = await loggedIn(server);
      const cookie = browser.cookies.get("jeton_session")!;
      const page = await browser.get(logout({ id_token_hint: old, ...place }), { "Sec-Fetch-Site": "cross-site" });
      t.equal(page.status, 200);
      t.match(formOf(page, "logout").values, { client_id: "web" }, "it says which client asks");
      t.ok(await isLoggedIn(browser), "until then nothing happens");
      await holdsInBrowser(t, server, page);
      const done = await browser.submit(page, "logout", { action: "logout" });
      t.equal(done.headers.get("location") ?? undefined, location);
      await loggedOut(t, browser, cookie);
      const gone = await new Browser(server).get(logout({ id_token_hint: old, ...place }));
      t.equal(gone.headers.get("location") ?? undefined, location, "without a login there is no question");
    });
  }

  await t.test("it leads to no address that its client has not registered", async (t) => {
    const alice = await loggedIn(server);
    for (const post_logout_redirect_uri of ["https://evil.example/", OTHER_CALLBACK, `${GOODBYE}/`]) {
      const reply = await alice.get(logout({ id_token_hint: old, post_logout_redirect_uri }));
      await refusedHere(t, reply, NOT_REGISTERED);
    }
  });

  await t.test("and sent without a session it ends no other session", async (t) => {
    const idle = await loggedIn(server);
    const { id_token, access_token } = (await exchange(server, { code: await getCode(idle) })).json;
    const { sid } = decodeJwt(id_token);
    t.type(sid, "string");
    const leaked = await idToken({ exp: clock.now() / 1000 - 16, sid });
    t.equal((await new Browser(server).get(logout({ id_token_hint: leaked }))).status, 200);
    t.ok(await isLoggedIn(idle));
    const { json } = await introspect(server, access_token);
    t.match(json, { active: true });
  });

  await t.test("the log line names the flaw of a hint, and quotes nothing of it", async (t) => {
    const ROWS: readonly (readonly [id_token_hint: string | undefined, more: Form, flaw: string | undefined])[] = [
      [undefined, {}, undefined],
      [HINT, {}, undefined],
      [old, {}, "expired"],
      ["a-foreign-text", {}, "unreadable"],
      [BAD_HINTS["another issuer"], {}, "unreadable"],
      [HINT, { client_id: "other-web" }, "other_client"],
    ];
    for (const [id_token_hint, more, flaw] of ROWS) {
      const browser = new Browser(server);
      await browser.get(logout({ ...(id_token_hint && { id_token_hint }), ...more }));
      t.equal(server.log.findLast(({ type }) => type === "decision")?.hint_flaw, flaw, String(flaw));
    }
    nothingLeaked(t, server, ["a-foreign-text", old.split(".")[1], old.split(".")[2]]);
  });
});

/** Hints that prove nothing, each for another reason. */
const BAD_HINTS: Readonly<Record<string, string>> = {
  "no JWT": "x",
  "cut short": HINT.slice(0, -20),
  "it is unsigned": new UnsecuredJWT({ sub: "user-alice" }).setIssuer(issuer).setAudience("web").encode(),
  "another issuer": await idToken({ iss: "https://evil.example" }),
  "for several clients": await idToken({ aud: ["web", "other-web"] }),
  "for a client that is gone": await idToken({ aud: "gone", sub: "user-bob" }),
  "for a client that is closed": await idToken({ aud: "closed", sub: "user-bob" }),
  "an access token": await idToken({}, "at+jwt"),
  "it has no subject": await idToken({ sub: undefined }),
  "a signed userinfo answer": await idToken({ auth_time: undefined }),
};

t.test(
  "AZ-21 a hint with a flaw is ignored: the person is asked, and may be redirected to a registered address",
  async (t) => {
    const places: readonly Form[] = [
      {},
      { post_logout_redirect_uri: GOODBYE, state: "s" },
      { post_logout_redirect_uri: GOODBYE, state: "s", client_id: "web" },
    ];
    for (const [name, id_token_hint] of Object.entries(BAD_HINTS)) {
      for (const place of places) {
        await t.test(`${name}, ${Object.keys(place).join(" ")}`, async (t) => {
          const browser = await loggedIn(server);
          const cookie = browser.cookies.get("jeton_session")!;
          const page = await browser.get(logout({ id_token_hint, ...place }));
          t.equal(page.status, 200);
          t.match(page.text, "Alice Example");
          t.ok(await isLoggedIn(browser), "until then nothing happens");
          await holdsInBrowser(t, server, page);
          const done = await browser.submit(page, "logout", { action: "logout" });
          const expected = place.post_logout_redirect_uri === undefined ? undefined : `${GOODBYE}?state=s`;
          t.equal(done.headers.get("location") ?? undefined, expected);
          await loggedOut(t, browser, cookie);
          const stranger = new Browser(server);
          const gone = await stranger.get(logout({ id_token_hint, ...place }));
          t.ok(gone.status < 400, "nor is it an error without a login");
        });
      }
    }

    await t.test("a hint of a deleted or disabled client proves nothing", async (t) => {
      for (const aud of ["gone", "closed"]) {
        const browser = await loggedIn(server);
        const page = await browser.get(logout({ id_token_hint: await idToken({ aud }) }));
        t.match(page.text, 'id="logout"', aud);
        t.ok(await isLoggedIn(browser), aud);
      }
    });

    await t.test("a hint of another client than client_id", async (t) => {
      const browser = await loggedIn(server);
      const page = await browser.get(logout({ id_token_hint: HINT, client_id: "other-web" }));
      t.equal(page.status, 200);
      t.ok(await isLoggedIn(browser));
    });

    await t.test("no browser is redirected to an address of a disabled client", async (t) => {
      const browser = await loggedIn(server);
      for (const id_token_hint of ["x", BAD_HINTS["another issuer"]!]) {
        for (const post_logout_redirect_uri of ["https://evil.example/", `${GOODBYE}/`, OTHER_CALLBACK]) {
          const reply = await browser.get(logout({ id_token_hint, post_logout_redirect_uri }));
          await refusedHere(t, reply, NOT_REGISTERED);
        }
      }
      const other = { id_token_hint: "x", client_id: "other-web", post_logout_redirect_uri: GOODBYE };
      await refusedHere(t, await browser.get(logout(other)), NOT_REGISTERED);
    });
  },
);

t.test("AZ-21 an unknown client is refused", async (t) => {
  const alice = await loggedIn(server);
  for (const client_id of ["nobody", "closed", "WEB", "x".repeat(300)]) {
    await t.test(`client ${client_id.slice(0, 20)}`, async (t) =>
      refusedHere(t, await alice.get(logout({ client_id })), "the client doesn't exist"),
    );
  }
  await t.test("AZ-16 each parameter may be sent once, and has a size limit", async (t) => {
    for (const name of [
      "id_token_hint",
      "client_id",
      "post_logout_redirect_uri",
      "state",
      "ui_locales",
      "action",
      "csrf",
      "foo",
    ]) {
      await refusedHere(
        t,
        await alice.get(`${logout({ [name]: "x" })}&${name}=x`),
        `the parameter ${name === "foo" ? "(unknown)" : name} is repeated`,
      );
    }
    for (const name of ["id_token_hint", "state", "ui_locales"]) {
      await refusedHere(
        t,
        await alice.post("/oauth2/logout", { [name]: "x".repeat(30_000) }),
        `the parameter ${name} is malformed`,
      );
    }
  });
  t.ok(await isLoggedIn(alice), "and a refused request logs no user out");
});

t.test("a logout ends the grants of its session, except those with offline access", async (t) => {
  const tokensOf = async (browser: Browser, scope: string) =>
    (await exchange(server, { code: await getCode(browser, { scope }) })).json as {
      access_token: string;
      refresh_token: string;
      id_token: string;
    };
  const statusOfRefresh = async ({ refresh_token }: { refresh_token: string }) =>
    (await refresh(server, refresh_token, { client_id: undefined }, basic("web", SECRET))).status;

  const browser = await loggedIn(server);
  const elsewhere = await loggedIn(server);
  const bob = await loggedIn(server, BOB);
  const online = await tokensOf(browser, "openid profile");
  const offline = await tokensOf(browser, "openid offline_access");
  const others = await tokensOf(elsewhere, "openid profile");
  const bobs = await tokensOf(bob, "openid profile");
  const unused = await getCode(browser);
  const unusedOffline = await getCode(browser, { scope: "openid offline_access" });
  const password = (await logIn(server)).json;

  await browser.get(logout({ id_token_hint: online.id_token }));
  t.notOk(await isActive(server, online.access_token), "its access tokens end");
  t.equal(await statusOfRefresh(online), 400, "and its refresh tokens");
  t.equal((await exchange(server, { code: unused })).status, 400, "and codes that were not used yet");
  t.ok(await isActive(server, offline.access_token), "but not what was given offline_access");
  t.equal(await statusOfRefresh(offline), 200);
  t.equal((await exchange(server, { code: unusedOffline })).status, 200);
  t.ok(await isActive(server, password.access_token), "nor what came without a browser");
  t.ok(await isLoggedIn(elsewhere), "nor the session of another browser");
  t.ok(await isActive(server, others.access_token));
  t.equal(await statusOfRefresh(others), 200);
  t.ok(await isLoggedIn(bob), "nor another person's");
  t.ok(await isActive(server, bobs.access_token));

  await t.test("a second login of the same person keeps the grants", async (t) => {
    const login = await elsewhere.open(authorize({ client_id: "trusted", prompt: "login" }));
    await elsewhere.submit(login, "login", { ...ALICE, action: "login" });
    t.ok(await isActive(server, others.access_token));
    await elsewhere.get(logout({ id_token_hint: others.id_token }));
    t.notOk(
      await isActive(server, others.access_token),
      "which ends with the new session as it would have with the old",
    );
  });
  await t.test("a login of another person ends what a logout would end", async (t) => {
    const login = await bob.open(authorize({ client_id: "trusted", prompt: "login" }));
    await bob.submit(login, "login", { ...ALICE, action: "login" });
    t.notOk(await isActive(server, bobs.access_token));
  });
  await t.test("a hint ends the session that it was issued in, even an idle one", async (t) => {
    const idle = await loggedIn(server);
    const tokens = await tokensOf(idle, "openid profile");
    await new Browser(server).get(logout({ id_token_hint: tokens.id_token }));
    t.notOk(await isActive(server, tokens.access_token));
    t.notOk(await isLoggedIn(idle));
  });
  await t.test("LG-01 the log contains no secret", async (t) => {
    nothingLeaked(t, server, [
      SECRET,
      ALICE.password,
      unused,
      online.refresh_token,
      HINT.split(".")[2],
      ...elsewhere.cookies.values(),
    ]);
  });
});
