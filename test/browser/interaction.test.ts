import Fastify from "fastify";
import t from "tap";
import { browserRoutes, methodsOf, type BrowserRoute } from "../../src/browser/routes.js";
import type { Step } from "../../src/browser/step.js";
import { notFoundHandler } from "../../src/dialects/not-found.js";
import { oauth2 } from "../../src/dialects/oauth2.js";
import { browserPages } from "../../src/pages/plugin.js";
import { endEverythingOf } from "../../src/store/epochs.js";
import { setUserDisabled } from "../../src/store/users.js";
import type { Tx } from "../../src/store/open.js";
import { authorizationAt, isLoggedIn } from "../support/authorization.js";
import { TestClock } from "../support/clock.js";
import { sql } from "../support/database.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form } from "../support/instance.js";
import { holdsInBrowser, nothingLeaked } from "../support/oracle.js";
import { answerOf, Browser, formOf, pkce } from "../support/web.js";
import {
  authorize,
  BOB,
  CALLBACK,
  change,
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
const { refusedHere, atLogin, atConsent } = authorizationAt(server);
/** Every value that must not appear in the log. */
const secrets = new Set<string | undefined>([SECRET, ALICE.password, BOB.password]);

const EXPIRED = "this form has expired or was already answered";
const ANSWERED = "this form was already answered: you signed in and were sent on";
const FOREIGN_BROWSER = "this form was opened in another browser";
const FOREIGN_FORM = "this form was not sent from its own page";

const consents = (sub: string, client_id: string) =>
  sql(server.database, "SELECT scope FROM consents WHERE sub = $1 AND client_id = $2", [sub, client_id]);
const inOneGo = (work: (tx: Tx) => Promise<unknown>) => server.core.db.prisma.$transaction(work);

t.test("a path of the browser's refuses any other method, and names the methods that it has", async (t) => {
  for (const route of browserRoutes([oauth2])) {
    const path = route.path.replace(":id", "x");
    const reply = await server.send(path, { method: "PUT" });
    const methods = methodsOf(route);
    t.equal(reply.status, methods.length === 0 ? 404 : 405, path);
    t.equal(reply.headers.get("allow"), methods.length === 0 ? null : methods.join(", "), path);
    for (const method of methods) {
      const { status } = await server.send(path, { method, headers: { Accept: "text/html" } });
      t.notOk(status === 405, `${method} ${path}`);
    }
  }
});

t.test("a new row of the table is a route, and the refusal of its other methods", async (t) => {
  const step: Step = async (_parts, { form, facts }) => {
    facts.client_id = form.parameters.get("client_id")!;
    return { kind: "go", path: "/toy/done" };
  };
  const routes: readonly BrowserRoute[] = [{ path: "/toy/:name", operation: "toy", steps: { POST: step } }];
  const app = Fastify({ exposeHeadRoutes: false });
  t.teardown(() => app.close());
  app.decorate("core", server.core);
  app.decorateRequest("decision", undefined);
  app.setNotFoundHandler(notFoundHandler([oauth2], routes, () => undefined));
  await app.register(browserPages(routes));
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const url = "/toy/x";

  const own = await app.inject({
    method: "POST",
    url,
    headers: { ...headers, origin: issuer },
    payload: "client_id=web",
  });
  t.match([own.statusCode, own.headers.location], [303, "/toy/done"]);
  const foreign = { ...headers, origin: "https://evil.example" };
  const refused = await app.inject({ method: "POST", url, headers: foreign, payload: "client_id=web" });
  t.match(refused.body, FOREIGN_FORM, "a row refuses foreign forms unless it says otherwise");
  const other = await app.inject({ method: "GET", url });
  t.match([other.statusCode, other.headers.allow], [405, "POST"]);
});

t.test("a form belongs to its browser, its page and its step", async (t) => {
  await t.test("AZ-06 an interaction of another browser is refused", async (t) => {
    const { action, values } = await atLogin();
    const thief = new Browser(server);
    await thief.open(authorize());
    await refusedHere(t, await thief.get(action), FOREIGN_BROWSER);
    await refusedHere(t, await thief.post(action, { ...values, ...ALICE, action: "login" }), FOREIGN_BROWSER);
    await refusedHere(t, await new Browser(server).get(action), FOREIGN_BROWSER);
    await refusedHere(
      t,
      await new Browser(server).post(action, { ...values, ...ALICE, action: "login" }),
      FOREIGN_BROWSER,
    );
    t.notOk(thief.cookies.has("jeton_session"));
  });

  await t.test("AZ-06 a consent from another browser is refused", async (t) => {
    const { browser, action, values } = await atConsent();
    const thief = await loggedIn(server);
    await refusedHere(t, await thief.post(action, { ...values, action: "allow" }), FOREIGN_BROWSER);
    t.match(answerOf(await browser.submit(await browser.get(action), "consent", { action: "allow" })), {
      code: /^jac_/,
    });
  });

  await t.test("AZ-07 a consent before the login is refused", async (t) => {
    const { browser, page, action, values } = await atLogin({ client_id: "codes-only" });
    for (const step of ["allow", "deny", "logout", "withdraw", "__proto__", "constructor"]) {
      await refusedHere(t, await browser.post(action, { ...values, action: step }), EXPIRED);
    }
    await refusedHere(t, await browser.post(action, { csrf: values.csrf!, ...ALICE, action: "" }), EXPIRED);
    t.strictSame(await consents("user-alice", "codes-only"), []);
    t.match(
      (await browser.submit(page, "login", { ...ALICE, action: "login" })).text,
      'id="consent"',
      "and it goes on where it was",
    );
  });

  await t.test("AZ-07 a form that is sent again changes nothing", async (t) => {
    const { browser, page } = await atLogin({ client_id: "other-web", prompt: "consent" });
    const login = formOf(page, "login");
    const consent = await browser.submit(page, "login", { ...ALICE, action: "login" });
    const session = browser.cookies.get("jeton_session");
    const again = await browser.post(login.action, { ...login.values, ...BOB, action: "login" });
    t.match(again, { status: 303, text: "" }, "a second click on a button that has done its work");
    t.equal(again.headers.get("location"), login.action);
    t.equal(browser.cookies.get("jeton_session"), session, "does nothing");
    const { action, values } = formOf(consent, "consent");
    await refusedHere(t, await browser.post(action, { ...values, ...ALICE, action: "login" }), EXPIRED);
    t.match(answerOf(await browser.submit(consent, "consent", { action: "allow" })), { code: /^jac_/ });
    for (const step of ["allow", "deny"]) {
      await refusedHere(t, await browser.post(action, { ...values, action: step }), ANSWERED);
    }
    await refusedHere(t, await browser.get(action), ANSWERED);
  });

  await t.test("AZ-04 further parameters of a form are ignored", async (t) => {
    const { browser, action, values } = await atConsent({ scope: "openid" }, ALICE);
    const forged = {
      client_id: "web",
      scope: "openid profile api1",
      redirect_uri: OTHER_CALLBACK,
      sub: "user-bob",
      state: "theirs",
      consent: "allowed",
    };
    const reply = await browser.post(action, { ...values, ...forged, action: "allow" });
    const done = await browser.get(reply.headers.get("location")!);
    t.ok(done.headers.get("location")!.startsWith(`${CALLBACK}?`));
    t.equal(answerOf(done).state, "s");
    const { json } = await exchange(server, { code: answerOf(done).code }, basic("other-web", SECRET));
    t.equal(json.scope, "openid");
  });

  await t.test("AZ-04 a form needs its own token", async (t) => {
    const { browser, action, values } = await atLogin();
    const other = await atLogin();
    const second = formOf(await browser.open(authorize()), "login");
    const TOKENS = [
      undefined,
      "",
      "x",
      other.values.csrf,
      second.values.csrf,
      `${values.csrf}x`,
      values.csrf!.slice(1),
      values.csrf!.toLowerCase(),
      "☃",
    ];
    for (const csrf of TOKENS) {
      const reply = await browser.post(action, { ...ALICE, action: "login", ...(csrf === undefined ? {} : { csrf }) });
      await refusedHere(t, reply, FOREIGN_FORM);
      t.match(reply.text, `href="${action}"`, "and the way back is shown");
    }
    t.notOk(browser.cookies.has("jeton_session"));
  });

  await t.test("AZ-04 a form from another site is refused, even with the right token", async (t) => {
    const { browser, action, values } = await atLogin();
    const form = { ...values, ...ALICE, action: "login" };
    const FOREIGN: readonly Record<string, string>[] = [
      { Origin: "https://evil.example" },
      { Origin: "https://app.example" },
      { Origin: `${issuer}.evil.example` },
      { Origin: issuer.replace("http:", "https:") },
      { Origin: "" },
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site" },
      { "Sec-Fetch-Site": "cross-site", Origin: issuer },
      { "Sec-Fetch-Site": "CROSS-SITE" },
    ];
    for (const headers of FOREIGN) await refusedHere(t, await browser.post(action, form, headers), FOREIGN_FORM);
    t.notOk(browser.cookies.has("jeton_session"));
    for (const headers of [
      { Origin: issuer },
      { Origin: "null" },
      { "Sec-Fetch-Site": "same-origin", Origin: "null" },
      { "Sec-Fetch-Site": "none" },
    ]) {
      const next = await atLogin();
      const reply = await next.browser.post(next.action, { ...next.values, ...ALICE, action: "login" }, headers);
      t.ok(next.browser.cookies.has("jeton_session"), JSON.stringify(headers));
      t.equal(reply.status, 303);
    }
  });

  await t.test("an expired form shows an explanation and a link to start again", async (t) => {
    const { browser, action, values } = await atLogin({ state: `"><i>` });
    clock.advance(15 * 60 + 1);
    for (const reply of [
      await browser.get(action),
      await browser.post(action, { ...values, ...ALICE, action: "login" }),
    ]) {
      await refusedHere(t, reply, EXPIRED);
      t.match(reply.text, "This form is no longer valid");
      const again = /id="again" href="([^"]*)"/.exec(reply.text)?.[1]?.replaceAll("&amp;", "&");
      t.match(await browser.open(again!), { status: 200, text: /id="login"/ });
      const done = await walk(browser, again!);
      t.equal(answerOf(done).state, `"><i>`);
      browser.setCookie("jeton_session", "");
    }
    t.match((await browser.get(action, { "Accept-Language": "de" })).text, "Dieses Formular gilt nicht mehr");
  });

  await t.test("a malformed or unknown id is refused", async (t) => {
    const { browser, values } = await atLogin();
    for (const id of [
      "%00",
      "x",
      "%2e%2e",
      "..%2f..%2fetc%2fpasswd",
      "' or 1=1--",
      "a".repeat(22),
      "a".repeat(3_000),
      "%E2%98%83",
      "__proto__",
      "<script>",
      "%ED%A0%80",
    ]) {
      const path = `/interaction/${id.startsWith("%") ? id : encodeURIComponent(id)}`;
      for (const reply of [
        await browser.get(path),
        await browser.post(path, { ...values, ...ALICE, action: "login" }),
      ]) {
        t.ok(reply.status >= 400 && reply.status < 500, `${id}: ${reply.status}`);
        t.notMatch(reply.text, /<script>/);
        t.equal(reply.headers.get("x-content-type-options"), "nosniff");
      }
    }
  });
});

t.test("the steps of an interaction", async (t) => {
  await t.test("AZ-14 each step redirects to the next with 303", async (t) => {
    const browser = new Browser(server);
    const start = await browser.get(authorize({ client_id: "other-web", prompt: "consent" }));
    const at = start.headers.get("location")!;
    const login = await browser.get(at);
    const afterLogin = await browser.post(at, { ...formOf(login, "login").values, ...ALICE, action: "login" });
    const consent = await browser.get(at);
    const afterConsent = await browser.post(at, { ...formOf(consent, "consent").values, action: "allow" });
    const answer = await browser.get(at);
    for (const reply of [start, afterLogin, afterConsent, answer]) {
      t.equal(reply.status, 303);
      await holdsInBrowser(t, server, reply);
    }
    for (const reply of [login, consent]) await holdsInBrowser(t, server, reply);
    t.same(
      [afterLogin, afterConsent].map(({ headers }) => headers.get("location")),
      [at, at],
    );
    t.match(consent.headers.get("content-security-policy"), /form-action 'self' https:\/\/app\.example;/);
  });

  await t.test("a second click on Allow gets no second code", async (t) => {
    for (let times = 0; times < 5; times += 1) {
      const { browser, action, values } = await atConsent();
      const before = (await sql(server.database, "SELECT count(*)::int AS n FROM grants"))[0]!.n as number;
      const clicks = await Promise.all([1, 2, 3].map(() => browser.post(action, { ...values, action: "allow" })));
      for (const reply of clicks) t.equal(reply.headers.get("location"), action);
      const answers = await Promise.all([1, 2, 3].map(() => browser.get(action)));
      t.equal(answers.filter(({ status }) => status === 303).length, 1);
      for (const reply of answers.filter(({ status }) => status !== 303)) await refusedHere(t, reply, ANSWERED);
      const after = (await sql(server.database, "SELECT count(*)::int AS n FROM grants"))[0]!.n;
      t.equal(after, before + 1);
    }
  });

  await t.test("a wrong name and a wrong password look the same, and allow another attempt", async (t) => {
    const { browser, page } = await atLogin();
    const pages: string[] = [];
    const WRONG = [
      { username: "alice", password: "wrong" },
      { username: "nobody", password: ALICE.password },
      { username: "gone", password: "was here once" },
      { username: "", password: ALICE.password },
      { username: "alice", password: "" },
      { username: "alice@example.com\u202e", password: "x" },
      { username: "x".repeat(30_000), password: "x" },
      { username: `${"x".repeat(254)}😀`, password: "x" },
      { username: "' or 1=1--", password: "x".repeat(30_000) },
      { username: `"><script>alert(1)</script>`, password: "{{7*7}}" },
    ];
    let current = page;
    for (const person of WRONG) {
      const before = server.log.length;
      current = await browser.submit(current, "login", { ...person, action: "login" });
      t.match(current.text, 'id="login-error"');
      t.notOk(browser.cookies.has("jeton_session"));
      const decision = server.log.slice(before).find((line) => line.refused_with !== undefined);
      t.match(decision, { refused_with: "resource_owner_credentials_wrong", operation: "interaction" });
      pages.push(current.text.replace(/value="[^"]*"/g, ""));
      await holdsInBrowser(t, server, current);
    }
    const [first, second, third] = pages;
    t.equal(second, first, "unknown");
    t.equal(third, first, "switched off");
    await browser.submit(current, "login", { ...ALICE, action: "login" });
    t.ok(browser.cookies.has("jeton_session"));
  });

  await t.test("PA-09 a name that the database would not accept", async (t) => {
    const { browser, action, values } = await atLogin();
    await refusedHere(
      t,
      await browser.post(action, { ...values, username: "a\0b", password: "x", action: "login" }),
      /not valid/,
    );
    await refusedHere(
      t,
      await browser.post(action, { ...values, username: "x".repeat(70_000), password: "x", action: "login" }),
      /too large/,
    );
  });

  await t.test("a cancelled login is answered to the client", async (t) => {
    const { browser, page } = await atLogin();
    const left = await browser.submit(page, "login", { action: "cancel" });
    t.match(answerOf(left), { error: "access_denied", state: "s", iss: issuer });
    await holdsInBrowser(t, server, left);
    const asked = await atConsent({ client_id: "single", scope: "profile" });
    const denied = await asked.browser.submit(asked.page, "consent", { action: "deny" });
    t.strictSame(answerOf(denied), {
      error: "access_denied",
      error_description: "the person did not agree",
      state: "s",
      iss: issuer,
    });
    t.strictSame(await consents("user-bob", "single"), [], "a denial is not remembered as anything");
    t.match((await asked.browser.open(authorize({ client_id: "single", scope: "profile" }))).text, 'id="consent"');
  });

  await t.test("AZ-10 cancelling a second login leaves the first session, and gives no code for it", async (t) => {
    const browser = await loggedIn(server);
    const before = browser.cookies.get("jeton_session");
    const login = await browser.open(authorize({ client_id: "trusted", prompt: "login" }));
    t.match(answerOf(await browser.submit(login, "login", { action: "cancel" })), { error: "access_denied" });
    t.equal(browser.cookies.get("jeton_session"), before);
    t.ok(await isLoggedIn(browser));
  });

  await t.test("a consent counts for the person who gave it", async (t) => {
    const { browser, page } = await atConsent({ scope: "openid api1" }, ALICE);
    await sql(server.database, "DELETE FROM consents WHERE client_id = 'other-web'");
    const other = await browser.open(authorize({ client_id: "trusted", prompt: "login" }));
    await browser.submit(other, "login", { ...BOB, action: "login" });
    await refusedHere(t, await browser.submit(page, "consent", { action: "allow" }), FOREIGN_FORM);
    t.strictSame(await consents("user-bob", "other-web"), []);
    t.strictSame(await consents("user-alice", "other-web"), []);
  });
});

t.test("changes during an interaction take effect", async (t) => {
  await t.test("a client that was disabled", async (t) => {
    const { browser, action, values } = await atConsent();
    await change(server, "other-web", { disabled: true });
    await refusedHere(t, await browser.get(action), "the client doesn't exist");
    await refusedHere(t, await browser.post(action, { ...values, action: "allow" }), "the client doesn't exist");
    await change(server, "other-web", { disabled: false });
  });

  await t.test("no browser is redirected to an address that was removed", async (t) => {
    const { browser, action, page } = await atConsent();
    await change(server, "other-web", { redirect_uris: [OTHER_CALLBACK] });
    await refusedHere(
      t,
      await browser.submit(page, "consent", { action: "allow" }),
      "the redirect_uri is not registered for this client",
    );
    await refusedHere(t, await browser.get(action), "the redirect_uri is not registered for this client");
    await change(server, "other-web", { redirect_uris: [CALLBACK] });
  });

  await t.test("a person who is disabled at the consent page must log in again, and fails", async (t) => {
    const { browser, action, page } = await atConsent();
    await inOneGo((tx) => setUserDisabled(tx, "user-bob", true));
    await refusedHere(t, await browser.submit(page, "consent", { action: "allow" }), FOREIGN_FORM);
    const login = await browser.get(action);
    t.match(login.text, 'id="login"');
    t.match((await browser.submit(login, "login", { ...BOB, action: "login" })).text, 'id="login-error"');
    await inOneGo((tx) => setUserDisabled(tx, "user-bob", false));
  });
});

t.test("a session", async (t) => {
  await t.test("AZ-05 has a new id after each login, and the old id is invalid", async (t) => {
    const browser = new Browser(server);
    browser.setCookie("jeton_session", "fixed-by-an-attacker");
    const login = await browser.open(authorize({ client_id: "trusted" }));
    await browser.submit(login, "login", { ...ALICE, action: "login" });
    const first = browser.cookies.get("jeton_session")!;
    t.match(first, /^[\w-]{43}$/);
    const victim = new Browser(server);
    victim.setCookie("jeton_session", "fixed-by-an-attacker");
    t.notOk(await isLoggedIn(victim));

    const again = await browser.open(authorize({ client_id: "trusted", prompt: "login" }));
    await browser.submit(again, "login", { ...ALICE, action: "login" });
    const second = browser.cookies.get("jeton_session")!;
    t.not(second, first);
    victim.setCookie("jeton_session", first);
    t.notOk(await isLoggedIn(victim), "the old id has no session");
    t.ok(await isLoggedIn(browser));
    for (const one of [first, second]) secrets.add(one);
  });

  await t.test("is not extended by a failed login", async (t) => {
    const browser = await loggedIn(server);
    const before = browser.cookies.get("jeton_session");
    const login = await browser.open(authorize({ prompt: "login" }));
    await browser.submit(login, "login", { username: "alice", password: "wrong", action: "login" });
    t.equal(browser.cookies.get("jeton_session"), before);
  });

  await t.test("ends after half an hour without use", async (t) => {
    const browser = await loggedIn(server);
    for (const seconds of [1799, 1799, 1799]) {
      clock.advance(seconds);
      t.ok(await isLoggedIn(browser));
    }
    clock.advance(1800);
    t.notOk(await isLoggedIn(browser));
    t.match((await browser.open(authorize())).text, 'id="login"');
  });

  await t.test("ends twelve hours after the login in any case", async (t) => {
    const browser = await loggedIn(server);
    for (let minutes = 20; minutes < 12 * 60; minutes += 20) {
      clock.advance(20 * 60);
      t.ok(await isLoggedIn(browser), `after ${minutes} minutes`);
    }
    clock.advance(20 * 60);
    t.notOk(await isLoggedIn(browser));
  });

  await t.test("AD-05 ends when everything of its person is revoked", async (t) => {
    const ENDS = {
      endEverythingOf: (tx: Tx) => endEverythingOf(tx, "user-bob"),
      "switched off": (tx: Tx) => setUserDisabled(tx, "user-bob", true),
    };
    for (const [name, end] of Object.entries(ENDS)) {
      const browser = await loggedIn(server, BOB);
      t.ok(await isLoggedIn(browser));
      await inOneGo(end);
      t.notOk(await isLoggedIn(browser), name);
      await inOneGo((tx) => setUserDisabled(tx, "user-bob", false));
      t.notOk(await isLoggedIn(browser), "also when switched on again");
    }
  });

  await t.test("has a cookie that no script and no other site can read", async (t) => {
    const browser = new Browser(server);
    const start = await browser.get(authorize());
    const login = await browser.get(start.headers.get("location")!);
    const done = await browser.post(start.headers.get("location")!, {
      ...formOf(login, "login").values,
      ...ALICE,
      action: "login",
    });
    const lines = [...start.headers.getSetCookie(), ...done.headers.getSetCookie()];
    t.equal(lines.length, 3);
    const known = lines.pop()!;
    for (const line of lines) t.match(line, /^jeton_(browser|session)=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
    t.match(known, /^jeton_known=[\w.-]{66}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=31536000$/);
  });

  await t.test("has a cookie over https that no subdomain can set", async (t) => {
    const secure = await startInstance(t, { database: server.database, clock, env: { ISSUER: "https://id.example" } });
    const { headers } = await secure.send(authorize());
    t.match(headers.getSetCookie(), [/^__Host-jeton_browser=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/]);
    t.match(headers.get("location"), /^\/interaction\//);
    const cookie = (await loggedIn(server)).cookies.get("jeton_session");
    const plain = await secure.send(authorize({ client_id: "trusted", prompt: "none" }), {
      headers: { Cookie: `jeton_session=${cookie}` },
    });
    t.match(
      answerOf(plain),
      { error: "login_required", iss: "https://id.example" },
      "a cookie without the prefix is none",
    );
    const prefixed = await secure.send(authorize({ client_id: "trusted", prompt: "none" }), {
      headers: { Cookie: `__Host-jeton_session=${cookie}` },
    });
    t.match(answerOf(prefixed), { code: /^jac_/ });
  });

  await t.test("has one cookie, and two are refused", async (t) => {
    const cookie = (await loggedIn(server)).cookies.get("jeton_session");
    const ask = (Cookie: string) =>
      server.send(authorize({ client_id: "trusted", prompt: "none" }), { headers: { Cookie } });
    t.match(answerOf(await ask(`a=b; jeton_session=${cookie}; c=d`)), { code: /^jac_/ });
    const HOSTILE = [
      `jeton_session=x; jeton_session=${cookie}`,
      `jeton_session=${cookie}; jeton_session=`,
      "jeton_session=",
      "jeton_session",
      "=",
      ";;;",
      `jeton_session=${"x".repeat(9_000)}`,
      `JETON_SESSION=${cookie}`,
      `jeton_session="${cookie}"`,
    ];
    for (const header of HOSTILE)
      t.match(answerOf(await ask(header)), { error: "login_required" }, header.slice(0, 40));
  });
});

t.test("a consent", async (t) => {
  const browser = await loggedIn(server);
  const asks = async (parameters: Form) => (await browser.open(authorize(parameters))).text.includes('id="consent"');

  await t.test("is remembered until the client requests more", async (t) => {
    await getCode(browser, { scope: "openid email" });
    t.notOk(await asks({ scope: "openid email" }));
    t.notOk(await asks({ scope: "email" }), "less is in it");
    t.ok(await asks({ scope: "openid email phone" }));
    await getCode(browser, { scope: "openid phone" });
    t.notOk(await asks({ scope: "openid email phone" }), "what was allowed adds up");
    t.ok(await asks({ client_id: "other-web", scope: "openid" }), "for this client");
    t.ok(
      (
        await walk(await loggedIn(server, BOB), authorize({ scope: "openid email" })).then(async () =>
          consents("user-bob", "web"),
        )
      ).length === 1,
    );
  });

  await t.test("AZ-09 is asked for each time for a public client", async (t) => {
    const { challenge } = pkce();
    for (let times = 0; times < 2; times += 1) {
      t.ok(await asks({ client_id: "spa", ...challenge }));
      await getCode(browser, { client_id: "spa", ...challenge });
    }
    t.match(answerOf(await browser.get(authorize({ client_id: "spa", prompt: "none", ...challenge }))), {
      error: "consent_required",
    });
  });

  await t.test("is not needed for a first-party client", async (t) => {
    t.match(answerOf(await browser.get(authorize({ client_id: "trusted" }))), { code: /^jac_/ });
    t.strictSame(await consents("user-alice", "trusted"), []);
  });

  await t.test("LI-02 is listed, and withdrawing it ends its grants at once", async (t) => {
    const code = await getCode(browser, { scope: "openid offline_access" });
    const { json } = await exchange(server, { code });
    for (const one of [code, json.refresh_token]) secrets.add(one);
    const page = await browser.get("/account");
    t.match(page.text, "The Web App");
    await holdsInBrowser(t, server, page);
    const { action, values } = formOf(page, "consent-web");
    for (const headers of [{ Origin: "https://evil.example" }, { "Sec-Fetch-Site": "cross-site" }] as Record<
      string,
      string
    >[]) {
      await refusedHere(t, await browser.post(action, { ...values, action: "withdraw" }, headers), FOREIGN_FORM);
    }
    for (const csrf of ["", "x"])
      await refusedHere(t, await browser.post(action, { ...values, csrf, action: "withdraw" }), FOREIGN_FORM);
    t.equal((await consents("user-alice", "web")).length, 1);
    const reply = await browser.post(action, { ...values, action: "withdraw" });
    t.equal(reply.status, 303);
    t.notMatch((await browser.get("/account")).text, "The Web App");
    t.ok(await asks({ scope: "openid" }));
    const { json: refused } = await server.post(
      "/oauth2/token",
      { grant_type: "refresh_token", refresh_token: json.refresh_token },
      basic("web", SECRET),
    );
    t.equal(refused.error, "invalid_grant");
    t.equal(
      (await server.send("/oauth2/userinfo", { headers: { Authorization: `Bearer ${json.access_token}` } })).status,
      401,
    );
    t.equal((await consents("user-bob", "web")).length, 1, "another person's stays");
  });

  await t.test("is not withdrawn by a malformed form", async (t) => {
    const { values } = formOf(await browser.get("/account"), "consent-spa");
    for (const form of [
      { client_id: "nobody" },
      { client_id: "" },
      { client_id: "' or 1=1--" },
      { client_id: "x".repeat(9_000) },
      { action: "x" },
    ]) {
      const reply = await browser.post("/account", { ...values, action: "withdraw", ...form });
      t.ok(reply.status < 500, `${reply.status}`);
    }
    t.equal((await consents("user-alice", "spa")).length, 1);
  });
});

t.test("LG-01 the log contains no secret", async (t) => {
  const { browser, page, values } = await atConsent();
  secrets.add(values.csrf);
  const code = answerOf(await browser.submit(page, "consent", { action: "allow" })).code;
  for (const one of [code, ...browser.cookies.values()]) secrets.add(one);
  nothingLeaked(t, server, secrets);
});
