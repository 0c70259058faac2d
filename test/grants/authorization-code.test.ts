import { createHash } from "node:crypto";
import { decodeJwt, decodeProtectedHeader } from "jose";
import t, { type Test } from "tap";
import { setUserDisabled } from "../../src/store/users.js";
import { TestClock } from "../support/clock.js";
import { sql } from "../support/database.js";
import { decided } from "../support/decided.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Instance, type Reply } from "../support/instance.js";
import { holds, holdsInBrowser, nothingLeaked } from "../support/oracle.js";
import { statementsOf } from "../support/statements.js";
import { answerOf, Browser, pkce } from "../support/web.js";
import {
  authorize,
  AUTHORIZE,
  CALLBACK,
  change,
  exchange,
  getCode,
  loggedIn,
  OTHER_CALLBACK,
  WEB,
} from "../support/web-fleet.js";
import { isActive, refresh } from "../support/tokens.js";

/** Where each dialect has the two ends of the flow, and how it answers a refusal. */
const STANDARD = { name: "oauth2", authorize: AUTHORIZE.oauth2, token: "/oauth2/token" } as const;
const SIS = {
  name: "simple-identity-server",
  authorize: AUTHORIZE["simple-identity-server"],
  token: "/token",
} as const;
type Dialect = typeof STANDARD | typeof SIS;

const clock = new TestClock();
const server = await startInstance(t, { provision: WEB, clock });
const alice = await loggedIn(server);
const spa = { client_id: "spa" };

const refreshByBasic = (on: Instance, refresh_token: string, form: Form = {}, client_id = "web") =>
  refresh(on, refresh_token, { client_id: undefined, ...form }, basic(client_id, SECRET));

/** What a refusal says, in few words. */
const said = ({ status, json }: Reply) => ({ status, error: json?.error, says: json?.error_description });

const INVALID = { status: 400, error: "invalid_grant", says: "the authorization code is not correct" };
const WRONG_VERIFIER = { status: 400, error: "invalid_grant", says: "the code verifier is not correct" };

t.test("a web app logs its user in with an authorization code", async (t) => {
  await t.test("the user logs in and consents, and the app exchanges the code for tokens", async (t) => {
    const browser = new Browser(server);
    const { verifier, challenge } = pkce();
    const login = await browser.open(
      authorize({ client_id: "web", scope: "openid profile offline_access docs", nonce: "n-1", ...challenge }),
    );
    t.equal(login.status, 200);
    const consent = await browser.submit(login, "login", {
      username: "bob",
      password: "hunter2 hunter2",
      action: "login",
    });
    t.match(consent.text, "The Web App");
    t.match(consent.text, "Read your documents", "in the scope's own words");
    const done = await browser.submit(consent, "consent", { action: "allow" });
    t.equal(done.status, 303);
    const answer = answerOf(done);
    t.match(answer, { code: /^jac_/, state: "s", iss: server.core.issuer });

    const { status, json, headers } = await exchange(server, { code: answer.code, code_verifier: verifier });
    t.equal(status, 200);
    t.equal(headers.get("cache-control"), "no-store");
    t.same(Object.keys(json).sort(), [
      "access_token",
      "expires_in",
      "id_token",
      "refresh_token",
      "scope",
      "token_type",
    ]);
    t.equal(json.scope, "openid profile offline_access docs");
    const claims = decodeJwt(json.id_token);
    t.match(claims, { iss: server.core.issuer, sub: "user-bob", aud: "web", nonce: "n-1", amr: ["pwd"] });
    t.match(claims, { auth_time: Number, at_hash: String, sid: String, exp: claims.iat! + 600 });
    t.notOk("azp" in claims, "of one audience there is no azp to tell");
    t.notOk("acr" in claims, "the client asked for no method");
    t.equal(decodeProtectedHeader(json.id_token).alg, "RS256");
    t.match(await server.core.ring.verify(json.id_token, "JWT"), { claims: { sub: "user-bob", aud: "web" } });
  });

  await t.test("scopes that do not apply are ignored, and the answer names those that are granted", async (t) => {
    const ROWS = [
      ["web", "openid nonsense docs openid jeton:admin", "openid docs"],
      ["offline", "openid offline_access api1", "openid api1"],
      ["offline", undefined, "openid api1"],
    ] as const;
    for (const [client_id, scope, granted] of ROWS) {
      const code = await getCode(alice, { client_id, scope });
      const { json } = await exchange(server, { code }, basic(client_id, SECRET));
      t.equal(json.scope, granted, `${client_id}: ${scope}`);
    }
  });

  await t.test("a second authorization request of a logged-in user shows no page", async (t) => {
    await getCode(alice);
    t.match(answerOf(await alice.get(authorize())), { code: String, state: "s" });
    t.match(answerOf(await alice.get(authorize({ prompt: "none" }))), { code: String });
  });

  await t.test("the id_token is signed with the algorithm that the client registered", async (t) => {
    const { json } = await exchange(
      server,
      { code: await getCode(alice, { client_id: "signer" }) },
      basic("signer", SECRET),
    );
    t.equal(decodeProtectedHeader(json.id_token).alg, "ES256");
  });

  await t.test("the response has no id_token if the scope openid was not requested", async (t) => {
    const { json } = await exchange(server, { code: await getCode(alice, { scope: "api1" }) });
    t.equal(json.id_token, undefined);
    t.equal(json.scope, "api1");
  });

  await t.test(
    "the SimpleIdentityServer dialect answers with its own members and puts claims into the id_token",
    async (t) => {
      const code = await getCode(alice, {}, SIS.authorize);
      const { status, json } = await exchange(server, { code }, basic("web", SECRET), SIS.token);
      t.equal(status, 200);
      t.same(json.scope, ["openid", "profile"]);
      t.match(
        decodeJwt(json.id_token),
        { sub: "user-alice", name: "Alice Example" },
        "its id_token carries the claims of the scopes",
      );
    },
  );

  await t.test("a refreshed id_token describes the same login and has no nonce", async (t) => {
    const code = await getCode(alice, { nonce: "n-2", scope: "openid api1", acr_values: "1" });
    const first = (await exchange(server, { code })).json;
    clock.advance(500);
    const second = (await refreshByBasic(server, first.refresh_token)).json;
    const [before, after] = [decodeJwt(first.id_token), decodeJwt(second.id_token)];
    t.equal(before.nonce, "n-2");
    t.notOk("nonce" in after, "OpenID Connect Core section 12.2");
    for (const name of ["sub", "aud", "iss", "auth_time", "amr", "acr", "sid"]) t.same(after[name], before[name], name);
    t.equal(after.iat, before.iat! + 500);
    t.ok(await isActive(server, second.access_token));
  });

  await t.test("a client without the refresh_token grant gets no refresh token", async (t) => {
    const headers = basic("codes-only", SECRET);
    const { json } = await exchange(server, { code: await getCode(alice, { client_id: "codes-only" }) }, headers);
    t.type(json.access_token, "string");
    t.notOk("refresh_token" in json);
    t.type(decodeJwt(json.access_token).grant_id, "string", "its token ends with its grant all the same");
  });

  await t.test("redirect_uri may be omitted if the authorization request omitted it", async (t) => {
    const headers = basic("single", SECRET);
    const got = () => getCode(alice, { client_id: "single", scope: "api1", redirect_uri: undefined });
    t.equal((await exchange(server, { code: await got(), redirect_uri: undefined }, headers)).status, 200);
    t.equal((await exchange(server, { code: await got() }, headers)).status, 200, "and may be named");
    t.match(said(await exchange(server, { code: await got(), redirect_uri: OTHER_CALLBACK }, headers)), {
      error: "invalid_grant",
    });
  });
});

/** What each message of the exchange is called, in the order in which the SimpleIdentityServer dialect documents them. */
const MESSAGES = {
  6: "the parameter code is missing",
  26: "Based on the RFC-3986 the redirection-uri is not well formed",
  8: "the client doesn't exist",
  9: "the client cannot be authenticated with secret basic",
  22: "the client no-codes doesn't support the grant type authorization_code",
  23: "the client 'tokens-only' doesn't support the response type: 'code'",
  27: "the authorization code is not correct",
  verifier: "the code verifier is not correct",
  client: "the authorization code has not been issued for the given client id other-web",
  redirect: "the redirection url is not the same than the one passed in the authorization request",
  obsolete: "the authorization code is obsolete",
  unregistered: `the redirect url ${OTHER_CALLBACK} doesn't exist or is not valid`,
} as const;

/** Each request has every fault that comes later too, so that the order shows. */
for (const dialect of [SIS, STANDARD] as Dialect[]) {
  t.test(`the exchange checks its faults in the documented order: ${dialect.name}`, async (t) => {
    const sis = dialect === SIS;
    const verifier = pkce().verifier;
    const post = (form: Form, headers: Record<string, string> = basic("web", SECRET)) =>
      server.post(dialect.token, { grant_type: "authorization_code", redirect_uri: CALLBACK, ...form }, headers);
    const check = (
      name: string,
      message: keyof typeof MESSAGES,
      [word, status]: readonly [string, number],
      ask: () => Promise<Reply>,
    ) =>
      t.test(`${name}: ${MESSAGES[message]}`, async (t) => {
        const reply = await ask();
        t.strictSame(said(reply), { status, error: word, says: MESSAGES[message] });
        t.equal(reply.json.error_uri, sis ? null : undefined);
        await holds(t, server, reply);
      });
    const malformed = ["invalid_request", 400] as const;
    const client = ["invalid_client", sis ? 400 : 401] as const;
    const notAllowed = [sis ? "invalid_client" : "unauthorized_client", 400] as const;
    const grant = ["invalid_grant", 400] as const;
    const unknown = basic("nobody", "x");
    const faulty = { code: "x", redirect_uri: "https://evil.example/", code_verifier: verifier };

    await check("no code", 6, malformed, () => post({ ...faulty, code: undefined, redirect_uri: "x" }, unknown));
    await check("an empty code", 6, malformed, () => post({ ...faulty, code: "", redirect_uri: undefined }, unknown));
    for (const uri of [
      "cb",
      "/cb",
      "//app.example/cb",
      "https://",
      "https://app.example/a b",
      "https:app example",
      "1a:b",
      "https://a\\b",
      "http://127.0.0.1:99999/",
    ]) {
      await check(`redirect_uri ${uri}`, 26, malformed, () => post({ ...faulty, redirect_uri: uri }, unknown));
    }
    if (sis) {
      await check("no redirect_uri", 26, malformed, () => post({ ...faulty, redirect_uri: undefined }, unknown));
    } else {
      await check("no redirect_uri, though the request had one", "redirect", grant, async () =>
        post({ code: await getCode(alice, {}, dialect.authorize), redirect_uri: undefined }),
      );
    }
    await check("an unknown client", 8, client, () => post(faulty, unknown));
    await check("a disabled client", 8, client, () => post(faulty, basic("closed", SECRET)));
    await check("a wrong secret", 9, client, () => post(faulty, basic("no-codes", "wrong")));
    await check("a client without the grant", 22, notAllowed, () => post(faulty, basic("no-codes", SECRET)));
    await check("a client without the response type", 23, notAllowed, () => post(faulty, basic("tokens-only", SECRET)));
    await check("a code that was never issued", 27, grant, () => post(faulty));

    const { challenge, verifier: right } = pkce();
    const got = () => getCode(alice, { ...challenge, redirect_uri: OTHER_CALLBACK }, dialect.authorize);
    const other = basic("other-web", SECRET);
    const late = async () => {
      const code = await got();
      clock.advance(61);
      return code;
    };
    await check("a wrong verifier", "verifier", grant, async () => post({ ...faulty, code: await late() }, other));
    await check("another client", "client", grant, async () =>
      post({ ...faulty, code: await late(), code_verifier: right }, other),
    );

    const redirect_uris = [CALLBACK, OTHER_CALLBACK];
    const unregistered = async (ask: (code: string) => Promise<Reply>, take = late) => {
      const code = await take();
      await change(server, "web", { redirect_uris: [CALLBACK] });
      const reply = await ask(code);
      await change(server, "web", { redirect_uris });
      return reply;
    };
    await check("another redirect_uri", "redirect", grant, () =>
      unregistered((code) => post({ ...faulty, code, code_verifier: right })),
    );
    await check("an expired code", "obsolete", grant, () =>
      unregistered((code) => post({ code, redirect_uri: OTHER_CALLBACK, code_verifier: right })),
    );
    await check("CO-11 a redirect_uri that is no longer registered", "unregistered", grant, () =>
      unregistered((code) => post({ code, redirect_uri: OTHER_CALLBACK, code_verifier: right }), got),
    );
  });
}

t.test("a code is valid for one minute and one use", async (t) => {
  await t.test("CO-05 a code is accepted after 59 s and obsolete from 60 s on", async (t) => {
    for (const [seconds, expected] of [
      [59, 200],
      [60, 400],
      [61, 400],
      [3600, 400],
    ] as const) {
      const code = await getCode(alice);
      clock.advance(seconds);
      const reply = await exchange(server, { code });
      t.equal(reply.status, expected, `${seconds} s`);
      if (expected === 400)
        t.match(said(reply), { error: "invalid_grant", says: "the authorization code is obsolete" });
    }
  });

  await t.test("CO-01 reuse of a code revokes the tokens of its first use", async (t) => {
    const code = await getCode(alice, { scope: "openid api1 offline_access" });
    const first = (await exchange(server, { code })).json;
    const second = (await refreshByBasic(server, first.refresh_token)).json;
    const before = server.log.length;
    const reply = await exchange(server, { code });
    t.strictSame(said(reply), INVALID);
    t.match(
      server.log.slice(before).find(({ type }) => type === "decision"),
      { level: "warn", alarm: "code_replayed", client_id: "web" },
    );
    for (const token of [first.access_token, second.access_token, second.refresh_token])
      t.notOk(await isActive(server, token));
    t.equal((await refreshByBasic(server, second.refresh_token)).json.error, "invalid_grant");
    t.equal(
      (await server.send("/oauth2/userinfo", { headers: { Authorization: `Bearer ${second.access_token}` } })).status,
      401,
    );
    await holds(t, server, reply);
  });

  await t.test("CO-01 reuse revokes those tokens also from another client or after the code expired", async (t) => {
    for (const [headers, wait] of [
      [basic("other-web", SECRET), 0],
      [basic("web", SECRET), 600],
    ] as const) {
      const code = await getCode(alice);
      const { access_token } = (await exchange(server, { code })).json;
      clock.advance(wait);
      t.strictSame(said(await exchange(server, { code }, headers)), INVALID);
      t.notOk(await isActive(server, access_token));
    }
  });

  await t.test(
    "CO-02 of fifty simultaneous exchanges on two instances one succeeds, and the others revoke its tokens",
    async (t) => {
      const second = await startInstance(t, { database: server.database, clock, env: { ISSUER: server.core.issuer } });
      const code = await getCode(alice, { scope: "openid offline_access" });
      const replies = await Promise.all(
        Array.from({ length: 50 }, (_, i) => decided(() => exchange(i % 2 === 0 ? server : second, { code }))),
      );
      const [won, ...more] = replies.filter(({ status }) => status === 200);
      t.ok(won);
      t.equal(more.length, 0);
      for (const reply of replies.filter((one) => one !== won)) t.strictSame(said(reply), INVALID);
      for (const instance of [server, second]) {
        t.notOk(await isActive(instance, won!.json.access_token));
        t.equal((await refreshByBasic(instance, won!.json.refresh_token)).json.error, "invalid_grant");
      }
      const { grant_id } = decodeJwt(won!.json.access_token);
      const rows = await sql(server.database, "SELECT code_uses, ended_because FROM grants WHERE id = $1", [grant_id]);
      t.strictSame(rows, [{ code_uses: 50, ended_because: "code_replayed" }]);
    },
  );

  await t.test("CO-07 one wrong code_verifier uses the code up", async (t) => {
    const { verifier, challenge } = pkce();
    const code = await getCode(alice, challenge);
    t.strictSame(said(await exchange(server, { code, code_verifier: pkce().verifier })), WRONG_VERIFIER);
    t.strictSame(said(await exchange(server, { code, code_verifier: verifier })), INVALID);
  });

  await t.test("a client that fails authentication or lacks the grant does not use the code up", async (t) => {
    const code = await getCode(alice);
    t.equal((await exchange(server, { code }, basic("web", "wrong"))).status, 401);
    t.equal((await exchange(server, { code }, {})).status, 401);
    t.equal((await exchange(server, { code }, basic("no-codes", SECRET))).status, 400);
    t.equal((await exchange(server, { code, redirect_uri: "cb" })).status, 400);
    t.equal((await exchange(server, { code })).status, 200);
  });

  await t.test(
    "CO-04 redirect_uri must equal the one of the authorization request, character for character",
    async (t) => {
      for (const redirect_uri of [
        undefined,
        "",
        OTHER_CALLBACK,
        `${CALLBACK}/`,
        `${CALLBACK}?`,
        "HTTPS://app.example/cb",
        "https://app.example:443/cb",
      ]) {
        const code = await getCode(alice);
        const reply = await exchange(server, { code, redirect_uri });
        t.match(said(reply), { status: 400, error: "invalid_grant", says: MESSAGES.redirect }, `${redirect_uri}`);
      }
    },
  );
});

t.test("CO-06 only a code is accepted as a code, and it is accepted as no other token", async (t) => {
  const code = await getCode(alice);
  const used = await getCode(alice);
  const { access_token, refresh_token, id_token } = (await exchange(server, { code: used })).json;
  const login = await new Browser(server).open(authorize());
  const csrf = /name="csrf"[^>]*value="([^"]*)"/.exec(login.text)![1]!;
  const interaction = /action="\/interaction\/([^"]*)"/.exec(login.text)![1]!;
  const OTHERS = {
    access_token,
    refresh_token,
    id_token,
    csrf,
    interaction,
    session: alice.cookies.get("jeton_session")!,
    browser: alice.cookies.get("jeton_browser")!,
  };
  for (const [kind, text] of Object.entries(OTHERS)) {
    for (const spelling of [text, `jac_${text}`, text.replace(/^j[ar][tt]_/, "jac_"), `jac_${text.slice(-66)}`]) {
      const reply = await exchange(server, { code: spelling });
      t.strictSame(said(reply), INVALID, kind);
      await holds(t, server, reply);
    }
  }
  t.match(said(await refreshByBasic(server, code)), { status: 400, error: "invalid_grant" });
  t.match(said(await refreshByBasic(server, code.replace("jac_", "jrt_").replace(".", ".0."))), {
    status: 400,
    error: "invalid_grant",
  });
  t.notOk(await isActive(server, code));
  t.equal((await server.send("/oauth2/userinfo", { headers: { Authorization: `Bearer ${code}` } })).status, 401);
  t.equal((await server.post("/oauth2/revoke", { token: code }, basic("web", SECRET))).status, 200);
  t.equal((await exchange(server, { code })).status, 200, "and it is none the worse");
});

t.test("CO-12 hostile codes are refused and leave the real code valid", async (t) => {
  const code = await getCode(alice);
  const [grant, mac] = code.slice(4).split(".") as [string, string];
  const long = { status: 400, error: "invalid_request", says: "the parameter code is malformed" };
  const notText = {
    status: 400,
    error: "invalid_request",
    says: "the body is not valid application/x-www-form-urlencoded UTF-8 text",
  };
  const HOSTILE: readonly (readonly [name: string, code: string, expect: object])[] = [
    ["NUL", "\0", notText],
    ["a trailing NUL", `${code}\0`, notText],
    ["SQL", "' or 1=1--", INVALID],
    ["SQL in place of the grant id", `jac_' or 1=1--aaaaaaaaaaaa.${mac}`, INVALID],
    ["a path", "../../etc/passwd", INVALID],
    ["markup", "<script>alert(1)</script>", INVALID],
    ["__proto__", "__proto__", INVALID],
    ["no MAC", `jac_${grant}`, INVALID],
    ["an empty MAC", `jac_${grant}.`, INVALID],
    ["another MAC", `jac_${grant}.${mac.replace(/^./, (one) => (one === "A" ? "B" : "A"))}`, INVALID],
    ["another grant", `jac_${grant.replace(/^./, (one) => (one === "A" ? "B" : "A"))}.${mac}`, INVALID],
    ["a leading space", ` ${code}`, INVALID],
    ["a trailing line break", `${code}\n`, INVALID],
    ["padding", `${code}=`, INVALID],
    ["in capitals", code.toUpperCase(), INVALID],
    ["the code twice", code + code, INVALID],
    ["a look-alike letter", code.replace("a", "а"), INVALID],
    ["8,000 characters", "x".repeat(8_000), INVALID],
    ["30,000 characters", "x".repeat(30_000), long],
    ["a megabyte", "x".repeat(1 << 20), { status: 413, error: "invalid_request", says: "the body is too large" }],
  ];
  for (const [name, hostile, expect] of HOSTILE) {
    await t.test(name, async (t) => {
      const reply = await exchange(server, { code: hostile });
      t.strictSame(said(reply), expect);
      await holds(t, server, reply);
    });
  }
  t.equal((await exchange(server, { code })).status, 200, "the code itself is none the worse");
});

t.test("the exchange sees changes that were made after the authorization", async (t) => {
  const disable = (disabled: boolean) =>
    server.core.db.prisma.$transaction((tx) => setUserDisabled(tx, "user-bob", disabled));

  await t.test("CO-09 the code of a disabled user is refused, also after the user is enabled again", async (t) => {
    const code = await getCode(await loggedIn(server, { username: "bob", password: "hunter2 hunter2" }));
    await disable(true);
    t.strictSame(said(await exchange(server, { code })), INVALID);
    await disable(false);
    t.strictSame(said(await exchange(server, { code })), INVALID, "and not when switched on again");
  });

  await t.test("CO-11 a client that lost the grant type is refused", async (t) => {
    const code = await getCode(alice, { client_id: "other-web" });
    await change(server, "other-web", { grant_types: ["refresh_token"] });
    const reply = await exchange(server, { code }, basic("other-web", SECRET));
    t.match(said(reply), { status: 400, error: "unauthorized_client" });
    await change(server, "other-web", { grant_types: ["authorization_code", "refresh_token"] });
  });

  await t.test("CO-11 a scope that the client lost is not granted", async (t) => {
    const code = await getCode(alice, { client_id: "other-web" });
    await change(server, "other-web", { scope: "openid api1" });
    const { json } = await exchange(server, { code }, basic("other-web", SECRET));
    t.equal(json.scope, "openid");
    await change(server, "other-web", { scope: "openid profile api1" });
  });

  await t.test("CO-11 a disabled client is refused", async (t) => {
    const code = await getCode(alice, { client_id: "other-web" });
    await change(server, "other-web", { disabled: true });
    t.match(said(await exchange(server, { code }, basic("other-web", SECRET))), {
      status: 401,
      error: "invalid_client",
    });
    await change(server, "other-web", { disabled: false });
  });

  await t.test("CO-10 the exchange ignores the parameter scope", async (t) => {
    for (const scope of ["api1", "openid jeton:admin", "nonsense", "\u2603"]) {
      const { status, json } = await exchange(server, { code: await getCode(alice), scope });
      t.equal(status, 200);
      t.equal(json.scope, "openid profile");
      t.equal(decodeJwt(json.access_token).scope, "openid profile");
    }
  });
});

t.test("a code_challenge is enforced for every client that sent one", async (t) => {
  const { verifier, challenge } = pkce();
  const challenge_value = challenge.code_challenge;
  const VERIFIERS: readonly (readonly [
    id: string,
    name: string,
    code_verifier: string | undefined,
    status: 200 | 400,
  ])[] = [
    ["PK-02", "none", undefined, 400],
    ["PK-02", "an empty one", "", 400],
    ["PK-05", "the challenge itself", challenge_value, 400],
    ["PK-06", "42 characters", verifier.slice(0, 42), 400],
    ["PK-06", "129 characters", "a".repeat(129), 400],
    ["PK-06", "one too many", `${verifier}a`, 400],
    ["PK-06", "a character outside the alphabet", `${verifier.slice(0, 42)}!`, 400],
    ["PK-06", "letters beyond ASCII", `${verifier.slice(0, 42)}é`, 400],
    ["PK-06", "another case", verifier.toUpperCase(), 400],
    ["PK-06", "padding", `${verifier}=`, 400],
    ["PK-06", "a trailing line break", `${verifier}\n`, 400],
    ["PK-07", "a single letter", "a", 400],
    ["", "the right one", verifier, 200],
  ];
  for (const [client_id, auth] of [
    ["web", basic("web", SECRET)],
    ["spa", {}],
    ["strict", basic("strict", SECRET)],
  ] as const) {
    for (const [id, name, code_verifier, status] of VERIFIERS) {
      await t.test(`${id} ${client_id} sends the code_verifier: ${name}`, async (t) => {
        const code = await getCode(alice, { client_id, ...challenge });
        const reply = await exchange(server, { code, code_verifier, ...(client_id === "spa" ? spa : {}) }, { ...auth });
        t.equal(reply.status, status);
        if (status === 400) t.strictSame(said(reply), WRONG_VERIFIER);
        await holds(t, server, { ...reply, text: status === 200 ? "" : reply.text });
      });
    }
  }

  await t.test("PK-06 verifiers of 43 and of 128 characters are accepted", async (t) => {
    for (const length of [43, 128]) {
      const code_verifier = "aA0-._~".repeat(20).slice(0, length);
      const code_challenge = createHash("sha256").update(code_verifier).digest("base64url");
      const code = await getCode(alice, { code_challenge, code_challenge_method: "S256" });
      t.equal((await exchange(server, { code, code_verifier })).status, 200);
    }
  });

  await t.test("PK-06 a repeated or bracketed code_verifier is refused, and the code stays valid", async (t) => {
    const code = await getCode(alice, challenge);
    const body = (more: string) =>
      `grant_type=authorization_code&code=${code}&redirect_uri=${encodeURIComponent(CALLBACK)}&${more}`;
    for (const more of [`code_verifier[]=${verifier}`, `code_verifier=${verifier}&code_verifier=${verifier}`]) {
      const headers = { "Content-Type": "application/x-www-form-urlencoded", ...basic("web", SECRET) };
      const reply = await server.send("/oauth2/token", { method: "POST", headers, body: body(more) });
      t.match(said(reply), { status: 400, error: "invalid_request" });
    }
    t.equal((await exchange(server, { code, code_verifier: verifier })).status, 200);
  });

  await t.test("a code_verifier is refused if the authorization request had no code_challenge", async (t) => {
    t.strictSame(said(await exchange(server, { code: await getCode(alice), code_verifier: verifier })), WRONG_VERIFIER);
  });

  await t.test("PK-10 the metadata lists S256 as the only code_challenge method", async (t) => {
    const { json } = await server.send("/.well-known/openid-configuration");
    t.same(json.code_challenge_methods_supported, ["S256"]);
  });
});

t.test("a code can be exchanged in each dialect that its client may use", async (t) => {
  for (const [from, to] of [
    [STANDARD, SIS],
    [SIS, STANDARD],
  ] as const) {
    await t.test(`TE-01 a code of ${from.name} can be exchanged in ${to.name}`, async (t) => {
      const { verifier, challenge } = pkce();
      const code = await getCode(alice, challenge, from.authorize);
      t.equal((await exchange(server, { code, code_verifier: verifier }, basic("web", SECRET), to.token)).status, 200);
    });
    await t.test(`TE-02 a code of ${from.name} passes the same checks in ${to.name}`, async (t) => {
      const { challenge } = pkce();
      const unproven = await getCode(alice, challenge, from.authorize);
      t.match(said(await exchange(server, { code: unproven }, basic("web", SECRET), to.token)), WRONG_VERIFIER);
      const stolen = await getCode(alice, {}, from.authorize);
      const reply = await exchange(server, { code: stolen }, basic("other-web", SECRET), to.token);
      t.match(said(reply), { status: 400, error: "invalid_grant", says: MESSAGES.client });
      const replayed = await getCode(alice, {}, from.authorize);
      const { access_token } = (await exchange(server, { code: replayed }, basic("web", SECRET), from.token)).json;
      t.strictSame(said(await exchange(server, { code: replayed }, basic("web", SECRET), to.token)), INVALID);
      t.notOk(await isActive(server, access_token));
    });
  }

  for (const [client_id, own, foreign] of [
    ["modern", STANDARD, SIS],
    ["classic", SIS, STANDARD],
  ] as const) {
    await t.test(`TE-01 the client ${client_id} may not use ${foreign.name}`, async (t) => {
      const code = await getCode(alice, { client_id }, own.authorize);
      const auth = basic(client_id, SECRET);
      t.match(said(await exchange(server, { code }, auth, foreign.token)), {
        error: "invalid_client",
        says: "the client doesn't exist",
      });
      const page = await alice.open(authorize({ client_id }, foreign.authorize));
      t.notOk(page.headers.get("location"));
      t.match(page.text, "the client doesn&#39;t exist");
      await holdsInBrowser(t, server, page);
      t.equal((await exchange(server, { code }, auth, own.token)).status, 200, "which leaves the code as it was");
    });
  }
});

t.test("an exchange runs one statement, and so does userinfo", async (t) => {
  const codes = [await getCode(alice), await getCode(alice), await getCode(alice, { client_id: "sealed" })];
  const [first, second, sealed] = codes as [string, string, string];
  await exchange(server, { code: first });
  const count = async (work: () => Promise<unknown>) => (await statementsOf(work)).length;
  let reply: Reply | undefined;
  t.equal(await count(async () => (reply = await exchange(server, { code: second }))), 1);
  t.equal(reply?.status, 200);
  t.equal(await count(() => exchange(server, { code: second })), 1, "a replay");
  t.equal(await count(() => exchange(server, { code: "garbage" })), 0, "what is no code");
  const { access_token } = (await exchange(server, { code: await getCode(alice) })).json;
  const opaque = (await exchange(server, { code: sealed }, basic("sealed", SECRET))).json.access_token;
  for (const token of [access_token, opaque]) {
    const ask = () => server.send("/oauth2/userinfo", { headers: { Authorization: `Bearer ${token}` } });
    await ask();
    t.equal(await count(ask), 1);
  }
});

t.test("LG-01 the log has no code, verifier, token, secret or password", async (t: Test) => {
  const { verifier, challenge } = pkce();
  const code = await getCode(alice, { ...challenge, state: "MARKED-state", nonce: "MARKED-nonce" });
  const { access_token, refresh_token, id_token } = (await exchange(server, { code, code_verifier: verifier })).json;
  await exchange(server, { code, code_verifier: verifier });
  const parts = [access_token, id_token].flatMap((jwt: string) => jwt.split(".").slice(1));
  const mac = code.split(".")[1];
  nothingLeaked(t, server, [
    SECRET,
    ALICE.password,
    code,
    mac,
    verifier,
    refresh_token,
    ...parts,
    "MARKED",
    ...alice.cookies.values(),
  ]);
});
