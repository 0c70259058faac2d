import { decodeJwt } from "jose";
import t, { type Test } from "tap";
import { openSweep } from "../../src/store/sweep.js";
import { setUserDisabled } from "../../src/store/users.js";
import { TestClock } from "../support/clock.js";
import { runCommand, showToken } from "../support/commands.js";
import { sql } from "../support/database.js";
import { decided } from "../support/decided.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Instance, type Reply } from "../support/instance.js";
import { dpopKey, prover } from "../support/dpop.js";
import { errorDetail, holds, holdsInBrowser, nothingLeaked } from "../support/oracle.js";
import { isActive, refresh } from "../support/tokens.js";
import { Browser, formOf } from "../support/web.js";
import { BOB, loggedIn, WEB } from "../support/web-fleet.js";

/** The device authorization grant (RFC 8628), from the device and from the browser of its user. */

const GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const SCOPE = "openid profile api1 offline_access";

const device = (client_id: string, more: object = {}) => ({
  client_id,
  token_endpoint_auth_method: "none",
  grant_types: [GRANT, "refresh_token"],
  scope: SCOPE,
  ...more,
});
const withSecret = { token_endpoint_auth_method: undefined, client_secret: SECRET };

const DEVICES = [
  device("tv", { client_name: "The Big TV" }),
  device("radio"),
  device("box", withSecret),
  device("trusting", { ...withSecret, consent: "implicit" }),
  device("brief", { grant_types: [GRANT] }),
  device("fading", withSecret),
];

const clock = new TestClock();
const provision = { ...WEB, clients: [...WEB.clients, ...DEVICES] };
const server = await startInstance(t, { provision, clock, env: { TRUST_PROXY: "127.0.0.0/8" } });
const alice = await loggedIn(server);

/** Asks for codes: as a public client that sends its id, or as one with a secret. */
function ask(form: Form = {}, headers: Record<string, string> = {}, on: Instance = server): Promise<Reply> {
  const client = headers.Authorization === undefined ? { client_id: "tv" } : {};
  return on.post("/oauth2/device_authorization", { ...client, ...form }, headers);
}

function poll(device_code: string, form: Form = {}, headers: Record<string, string> = {}, on: Instance = server) {
  const client = headers.Authorization === undefined ? { client_id: "tv" } : {};
  return on.post("/oauth2/token", { grant_type: GRANT, device_code, ...client, ...form }, headers);
}

/** Types a code; the page that follows for a user who is logged in. */
async function type(browser: Browser, user_code: string, action = "continue"): Promise<Reply> {
  return browser.submit(await browser.open("/device"), "device", { user_code, action });
}

/** Types a code and presses a button of the consent page. */
async function answer(browser: Browser, user_code: string, action: "allow" | "deny" = "allow"): Promise<Reply> {
  return browser.submit(await type(browser, user_code), "consent", { action });
}

const said = ({ status, json }: Reply) => ({ status, error: json?.error, says: json?.error_description });
const refusal = (error: string) => ({ status: 400, error });
const INVALID = { status: 400, error: "invalid_grant", says: "the device code is not correct" };
const NOT_VALID = "That code is not valid";

t.test("a device gets tokens once its user has allowed it", async (t) => {
  const asked = await ask({ scope: "openid profile api1 offline_access" });
  await holds(t, server, asked);
  const { device_code, user_code, ...rest } = asked.json as Record<string, string>;
  t.match(device_code, /^jdc_/);
  t.match(user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  t.strictSame(rest, {
    verification_uri: `${server.core.issuer}/device`,
    verification_uri_complete: `${server.core.issuer}/device?user_code=${user_code}`,
    expires_in: 600,
    interval: 5,
  });
  t.match(said(await poll(device_code!)), refusal("authorization_pending"));
  t.match(await showToken(server, device_code!), { kind: "device_code", in_force: true, client_id: "tv" });

  const browser = new Browser(server);
  const page = await browser.open(`/device?user_code=${user_code}`);
  await holdsInBrowser(t, server, page);
  t.equal(formOf(page, "device").values.user_code, user_code);
  t.match(page.text, "Compare this code with the one on your device", "the code of a link is compared");
  const login = await browser.submit(page, "device", { action: "continue" });
  t.match(login.text, "The Big TV", "the login page names the client");
  const consent = await browser.submit(login, "login", { ...ALICE, action: "login" });
  await holdsInBrowser(t, server, consent);
  for (const text of ["The Big TV", user_code!, "started this yourself", "Stay signed in when you are away"]) {
    t.match(consent.text, text, `the consent page has: ${text}`);
  }
  clock.advance(5);
  t.match(said(await poll(device_code!)), refusal("authorization_pending"));
  const done = await browser.submit(consent, "consent", { action: "allow" });
  await holdsInBrowser(t, server, done);
  t.match(done.text, "Your device is connected");

  const tokens = await poll(device_code!);
  t.equal(tokens.status, 200);
  await holds(t, server, tokens);
  const { access_token, refresh_token, id_token, scope } = tokens.json as Record<string, string>;
  t.equal(scope, SCOPE);
  t.ok(await isActive(server, access_token!));
  const shown = await showToken(server, device_code!);
  t.match(shown, { in_force: false, reasons: ["used"], sub: "user-alice" });
  t.match(await runCommand(server, ["grant", "show", shown.grant_id]), {
    dialect: "oauth2",
    code: { kind: "device_code", uses: 1 },
  });
  t.match(decodeJwt(id_token!), { sub: "user-alice", aud: "tv", sid: String, amr: ["pwd"] });
  t.equal((await refresh(server, refresh_token!, { client_id: "tv" })).status, 200);
  t.match((await browser.open("/account")).text, "The Big TV", "the account page lists the client");
  t.match(await browser.open(done.headers.get("location") ?? "/device"), { status: 200 });
  nothingLeaked(t, server, [device_code, user_code, user_code!.replace("-", ""), refresh_token]);
});

t.test("the tokens of a device are bound to the key of its DPoP proof, the refresh token too", async (t) => {
  const prove = prover(server.core.issuer, clock);
  const key = dpopKey();
  const { device_code, user_code } = (await ask()).json;
  await answer(alice, user_code);
  clock.advance(5);
  const { json } = await poll(device_code, {}, { DPoP: prove(key, "POST", "/oauth2/token") });
  t.equal(json.token_type, "DPoP");
  t.match(decodeJwt(json.access_token), { cnf: { jkt: key.jkt } });
  t.equal((await refresh(server, json.refresh_token, { client_id: "tv" })).status, 400);
});

t.test(
  "DA-08 the consent is explicit each time, also for a client whose consent is implicit or remembered",
  async (t) => {
    for (const client_id of ["box", "trusting"]) {
      for (const round of ["first", "second"]) {
        const { user_code } = (await ask({}, basic(client_id, SECRET))).json;
        t.match((await type(alice, user_code)).text, 'id="consent"', `${client_id}, ${round}`);
        t.match((await answer(alice, user_code)).text, "Your device is connected");
      }
    }
  },
);

t.test("the page of devices answers other methods as the standard does", async (t) => {
  const reply = await fetch(`${server.url}/device`, { method: "PUT" });
  t.equal(reply.status, 405);
  t.equal(reply.headers.get("allow"), "GET, POST");
  t.match(await reply.json(), { error: "invalid_request", error_description: String });
});

t.test("a user code is read in any case and with any separators", async (t) => {
  const { user_code } = (await ask()).json as { user_code: string };
  const [first, second] = user_code.toLowerCase().split("-");
  for (const typed of [user_code, `${first}${second}`, ` ${first} – ${second}.`, [...user_code].join("_")]) {
    t.match((await type(alice, typed)).text, 'id="consent"', typed);
  }
  for (const typed of ["", "x", `${user_code}B`, user_code.slice(1), "AEIO-UAEI", "<b>", "B".repeat(4_000)]) {
    const page = await type(alice, typed);
    t.match(page.text, NOT_VALID, JSON.stringify(typed).slice(0, 20));
    await holdsInBrowser(t, server, page);
  }
});

t.test("DA-05 the scope rules are those of the token endpoint", async (t) => {
  await ask();
  const line = server.log.findLast(({ operation }) => operation === "deviceAuthorization");
  t.strictSame(line?.scope_requested, SCOPE.split(" "), "the log has the scopes, also if the request names none");
  t.match(said(await ask({ scope: "openid email" })), { status: 400, error: "invalid_scope", says: /email/ });
  const { device_code, user_code } = (await ask({ scope: "api1" })).json;
  await answer(alice, user_code);
  const tokens = await poll(device_code, { scope: "openid profile" });
  t.equal(tokens.json.scope, "api1", "the poll cannot widen it");
  t.notOk(tokens.json.id_token, "without openid there is no id_token");
  const all = (await ask({ client_id: "brief" })).json;
  await answer(alice, all.user_code);
  const reply = await poll(all.device_code, { client_id: "brief" });
  t.equal(reply.json.scope, SCOPE, "no scope means that of the client");
  t.notOk(reply.json.refresh_token, "without the grant there is no refresh token");
});

t.test("DA-06 a client authenticates at both endpoints as it is registered", async (t) => {
  for (const reply of [
    await ask({ client_id: "box" }),
    await ask({ client_id: undefined }),
    await ask({}, basic("box", "wrong")),
    await ask({ client_id: "nobody" }),
  ]) {
    t.match(said(reply), { status: /40[01]/, error: /^invalid_(client|request)$/ });
  }
  t.match(said(await ask({}, basic("web", SECRET))), refusal("unauthorized_client"));
  t.match(said(await ask({ scope: "x".repeat(20_000) })), refusal("invalid_request"));
  const { device_code } = (await ask()).json;
  t.match(said(await poll(device_code, {}, basic("web", SECRET))), refusal("unauthorized_client"));
  t.strictSame(said(await poll(device_code, { client_id: "radio" })), INVALID, "another client has no such code");
  for (const code of ["x", `${device_code}x`, device_code.replace("jdc_", "jac_"), device_code.slice(0, -1), "☃"]) {
    t.strictSame(said(await poll(code)), INVALID, JSON.stringify(code));
  }
  t.match(said(await poll(device_code, { device_code: undefined })), {
    ...refusal("invalid_request"),
    says: "the parameter device_code is missing",
  });
  t.match(said(await poll(device_code)), refusal("authorization_pending"), "and none of it uses the code up");
});

t.test("each poll that comes too soon adds five seconds to the interval, over all instances", async (t) => {
  const second = await startInstance(t, { database: server.database, clock, env: { ISSUER: server.core.issuer } });
  const { device_code } = (await ask()).json;
  const errorOn = async (on: Instance) => (await poll(device_code, {}, {}, on)).json.error as string;
  t.equal(await errorOn(server), "authorization_pending");
  t.equal(await errorOn(second), "slow_down", "the interval is 10 s now");
  clock.advance(8);
  t.equal(await errorOn(server), "slow_down", "and 15 s");
  clock.advance(14);
  t.equal(await errorOn(second), "authorization_pending", "a second is forgiven, because networks delay requests");
  const several = await Promise.all([server, second, server, second].map(errorOn));
  t.strictSame(several, ["slow_down", "slow_down", "slow_down", "slow_down"]);
  const rows = await sql(server.database, "SELECT max(poll_interval) AS most FROM device_codes", []);
  t.strictSame(rows, [{ most: 35 }]);

  await t.test("DA-02 of thirty polls at once on two instances one gets tokens", async (t) => {
    const { device_code, user_code } = (await ask()).json;
    await answer(alice, user_code);
    const polls = Array.from({ length: 30 }, (_, index) => (index % 2 === 0 ? server : second));
    const replies = await Promise.all(polls.map((on) => decided(() => poll(device_code, {}, {}, on))));
    const [won, ...more] = replies.filter(({ status }) => status === 200);
    t.ok(won);
    t.equal(more.length, 0);
    for (const reply of replies.filter((one) => one !== won)) t.strictSame(said(reply), INVALID);
    t.notOk(await isActive(server, won!.json.access_token), "the second use ended its tokens");
  });

  await t.test("of two browsers that answer at once one counts", async (t) => {
    const { device_code, user_code } = (await ask()).json;
    const pages = await Promise.all([alice, await loggedIn(server, BOB)].map((one) => type(one, user_code)));
    const bob = await loggedIn(server, BOB);
    const late = await type(bob, user_code);
    t.match((await alice.submit(pages[0]!, "consent", { action: "allow" })).text, "Your device is connected");
    t.match((await bob.submit(late, "consent", { action: "allow" })).text, "This code is no longer valid");
    t.equal(decodeJwt((await poll(device_code)).json.id_token).sub, "user-alice");
    const open = await sql(
      server.database,
      "SELECT 1 FROM grants WHERE client_id = 'tv' AND sub = 'user-bob' AND ended_at IS NULL",
      [],
    );
    t.strictSame(open, [], "and the other one leaves no grant");
  });
});

t.test("a user may decline, at the consent and at the login", async (t) => {
  const denied = (await ask()).json;
  const page = await answer(alice, denied.user_code, "deny");
  t.match(page.text, "Your device gets no access");
  t.match(said(await poll(denied.device_code)), { ...refusal("access_denied"), says: /denied/ });
  t.match((await type(alice, denied.user_code)).text, NOT_VALID, "an answered code can be answered no more");

  const stranger = new Browser(server);
  const cancelled = (await ask()).json;
  const login = await type(stranger, cancelled.user_code);
  t.match((await stranger.submit(login, "login", { action: "cancel" })).text, "Your device gets no access");
  t.match(said(await poll(cancelled.device_code)), refusal("access_denied"));

  const { user_code, device_code } = (await ask()).json;
  const { action, values } = formOf(await alice.open("/device"), "device");
  const left = await alice.post(action, { ...values, user_code, action: "cancel" });
  t.equal(left.headers.get("location"), "/", "a user whose codes differ leaves");
  t.match(said(await poll(device_code)), refusal("authorization_pending"), "and answers nothing");
});

t.test("DA-04 a page that is too late or sent twice changes nothing, and shows a way out", async (t) => {
  const shown = async (t: Test, reply: Reply, text: string | RegExp, link: string) => {
    t.match(reply.text, text);
    t.match(reply.text, link, "there is a way out");
    await holdsInBrowser(t, server, reply);
  };
  await t.test("the back button after the answer", async (t) => {
    const { user_code } = (await ask()).json;
    const consent = await type(alice, user_code);
    await alice.submit(consent, "consent", { action: "allow" });
    await shown(t, await alice.submit(consent, "consent", { action: "deny" }), "This is done", 'href="/device"');
    await shown(t, await alice.open(formOf(consent, "consent").action), "This is done", 'href="/device"');
  });
  await t.test("another browser opens the address of the interaction", async (t) => {
    const { user_code } = (await ask()).json;
    const { action } = formOf(await type(alice, user_code), "consent");
    await shown(t, await new Browser(server).open(action), "This form is no longer valid", "error-detail");
  });
  await t.test("the session ends between the two pages", async (t) => {
    const { user_code, device_code } = (await ask()).json;
    const browser = await loggedIn(server);
    const consent = await type(browser, user_code);
    await browser.submit(await browser.open("/oauth2/logout"), "logout", { action: "logout" });
    const { action } = formOf(consent, "consent");
    await shown(t, await browser.submit(consent, "consent", { action: "allow" }), "This form", `href="${action}"`);
    const login = await browser.open(action);
    const again = await browser.submit(login, "login", { ...BOB, action: "login" });
    await browser.submit(again, "consent", { action: "allow" });
    t.equal(decodeJwt((await poll(device_code)).json.id_token).sub, "user-bob");
  });
  await t.test("a form of another site, or of another browser", async (t) => {
    const { user_code } = (await ask()).json;
    const foreign = { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
    const { values } = formOf(await alice.open("/device"), "device");
    const replies = [
      await alice.post("/device", { ...values, user_code, action: "continue" }, foreign),
      await alice.post("/device", { user_code, action: "continue" }),
      await new Browser(server).post("/device", { ...values, user_code, action: "continue" }),
    ];
    for (const reply of replies) t.match(errorDetail(reply), "this form was not sent from its own page");
    for (const reply of replies.slice(1)) t.match(reply.text, 'href="/device"');
  });
  await t.test("the code expires at the consent page", async (t) => {
    const { user_code, device_code } = (await ask()).json;
    const consent = await type(alice, user_code);
    clock.advance(600);
    const late = await alice.submit(consent, "consent", { action: "allow" });
    await shown(t, late, "This code is no longer valid", 'href="/device"');
    t.match(said(await poll(device_code)), refusal("expired_token"));
    await shown(t, await type(alice, user_code), NOT_VALID, 'id="device"');
  });
});

t.test("DA-07 everything that ends a grant of a code ends the grant of a device", async (t) => {
  const allowed = async (browser: Browser, client_id = "tv", headers = {}) => {
    const form = headers === undefined ? {} : { client_id };
    const { device_code, user_code } = (await ask(form, headers)).json;
    await answer(browser, user_code);
    return device_code as string;
  };
  await t.test("before its tokens are issued", async (t) => {
    const bob = await loggedIn(server, BOB);
    const code = await allowed(bob);
    await setUserDisabled(server.core.db.prisma, "user-bob", true);
    t.strictSame(said(await poll(code)), INVALID, "a disabled user");
    await setUserDisabled(server.core.db.prisma, "user-bob", false);
    t.strictSame(said(await poll(code)), INVALID, "and their code stays used up");
  });
  await t.test("and afterwards", async (t) => {
    const browser = await loggedIn(server);
    const { device_code, user_code } = (await ask({ scope: "openid api1" })).json;
    await answer(browser, user_code);
    const { access_token, refresh_token } = (await poll(device_code)).json;
    t.ok(await isActive(server, access_token));
    await browser.submit(await browser.open("/oauth2/logout"), "logout", { action: "logout" });
    t.notOk(await isActive(server, access_token), "a logout, without offline_access");
    t.equal((await refresh(server, refresh_token, { client_id: "tv" })).json.error, "invalid_grant");
  });
  await t.test("a disabled client, at each step", async (t) => {
    const { user_code, device_code } = (await ask({}, basic("fading", SECRET))).json;
    const waiting = (await ask({}, basic("fading", SECRET))).json;
    const consent = await type(alice, waiting.user_code);
    await server.apply({ clients: [device("fading", { ...withSecret, disabled: true })] });
    t.match((await type(alice, user_code)).text, NOT_VALID);
    t.match(errorDetail(await alice.submit(consent, "consent", { action: "allow" })), "the client doesn&#39;t exist");
    t.equal((await poll(device_code, {}, basic("fading", SECRET))).status, 401);
    t.equal((await ask({}, basic("fading", SECRET))).status, 401);
  });
});

t.test("DA-01 user codes cannot be guessed", async (t) => {
  const from = async (address: string) => {
    const browser = new Browser(server);
    const { action, values } = formOf(await browser.open("/device"), "device");
    return (user_code: string) =>
      browser.post(action, { ...values, user_code, action: "continue" }, { "X-Forwarded-For": address });
  };
  await sql(server.database, "DELETE FROM tries", []);
  const attempt = await from("203.0.113.1");
  for (let count = 0; count < 50; count += 1) await attempt("BBBB-BBBB");
  const { user_code } = (await ask()).json;
  const refused = await attempt(user_code);
  t.equal(refused.status, 429, "after fifty codes that do not exist even the right one has to wait");
  t.ok(Number(refused.headers.get("retry-after")) >= 1);
  t.match(refused.text, 'href="/device"', "and there is a way out");
  t.match((await (await from("203.0.113.2"))(user_code)).headers.get("location"), /^\/interaction\//);
  clock.advance(2);
  t.match((await attempt(user_code)).headers.get("location"), /^\/interaction\//, "slowed, never shut out");
  const [{ count }] = (await sql(server.database, "SELECT max(count) AS count FROM tries", [])) as [{ count: number }];
  t.equal(count, 50, "codes that exist are not counted");

  await t.test("over all networks together there is a limit too", async (t) => {
    await sql(server.database, "UPDATE tries SET count = 5000 WHERE count = 50", []);
    await (
      await from("203.0.113.3")
    )("BBBB-BBBB");
    const next = await (await from("203.0.113.4"))("BBBB-BBBB");
    t.equal(next.status, 429);
    t.equal(next.headers.get("retry-after"), "1", "one attempt per second remains for everybody");
  });
});

t.test("DA-03 codes for public clients are limited by network, those of a confidential client by client", async (t) => {
  await sql(server.database, "DELETE FROM tries", []);
  t.equal((await ask()).status, 200);
  await sql(server.database, "UPDATE tries SET count = 199", []);
  t.equal((await ask()).status, 200);
  t.equal((await ask()).status, 429, "the next one after two hundred");
  t.equal((await ask({ client_id: "radio" })).status, 429, "with the id of any public client");
  t.equal((await ask({}, basic("box", SECRET))).status, 200);

  await t.test("and expired ones are swept after a day", async (t) => {
    const count = () => sql(server.database, "SELECT count(*)::int AS n FROM device_codes", []);
    t.not((await count())[0]!.n, 0);
    clock.advance(2 * 24 * 60 * 60);
    await openSweep(server.core.db)(clock.statement());
    t.strictSame(await count(), [{ n: 0 }]);
  });
});
