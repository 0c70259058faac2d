import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createRemoteJWKSet, decodeJwt, jwtVerify, type JWTPayload } from "jose";
import t, { type Test } from "tap";
import { BackChannelLogout } from "../../src/logout/back-channel.js";
import { runCommand } from "../support/commands.js";
import { TestClock } from "../support/clock.js";
import { sql } from "../support/database.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { basic, startInstance, type Form, type Instance } from "../support/instance.js";
import { holdsInBrowser } from "../support/oracle.js";
import { refresh } from "../support/tokens.js";
import { until } from "../support/until.js";
import { answerOf, Browser, query } from "../support/web.js";
import { BOB, CALLBACK, exchange, GOODBYE, loggedIn, walk, authorize } from "../support/web-fleet.js";

/** Clients are told when a session ends (OpenID Connect Back-Channel Logout 1.0, Front-Channel Logout 1.0). */

/** What the clients of a test were sent. */
interface Received {
  readonly path: string;
  readonly type: string | undefined;
  readonly claims: JWTPayload;
  readonly header: object;
  readonly token: string;
}

const received: Received[] = [];
/** The status that the clients answer with. */
let status = 204;

const receiver = createServer(async (request, response) => {
  const form = new URLSearchParams(await text(request));
  const token = form.get("logout_token") ?? "";
  const { payload, protectedHeader } = await jwtVerify(token, keys, { currentDate: new Date(clock.now()) });
  received.push({
    path: request.url!,
    type: request.headers["content-type"],
    claims: payload,
    header: protectedHeader,
    token,
  });
  response.writeHead(status).end();
});
const origin = await listen(t, receiver);

const APP = {
  client_secret: SECRET,
  grant_types: ["authorization_code", "refresh_token", "password"],
  scope: "openid profile api1 offline_access",
  redirect_uris: [CALLBACK],
  post_logout_redirect_uris: [GOODBYE],
  consent: "implicit",
};
const CLIENTS = [
  { ...APP, client_id: "told", backchannel_logout_uri: `${origin}/told?x=1` },
  {
    ...APP,
    client_id: "strict",
    backchannel_logout_uri: `${origin}/strict`,
    backchannel_logout_session_required: true,
    id_token_signed_response_alg: "ES256",
  },
  { ...APP, client_id: "untold" },
  { ...APP, client_id: "closed", backchannel_logout_uri: `${origin}/closed` },
  {
    ...APP,
    client_id: "framed",
    frontchannel_logout_uri: "https://app.example/out?a=1",
    frontchannel_logout_session_required: true,
  },
  { ...APP, client_id: "simple", frontchannel_logout_uri: "https://app.example/gone" },
  { client_id: "backend", client_secret: SECRET, grant_types: ["client_credentials"], scope: "api1" },
];
const USERS = [
  { sub: "user-alice", preferred_username: "Alice", password: ALICE.password, name: "Alice Example" },
  { sub: "user-bob", preferred_username: "bob", password: BOB.password },
];

const clock = new TestClock();
const env = { JWKS_URI_ALLOW_PRIVATE: "true" };
const server = await startInstance(t, { provision: { clients: CLIENTS, users: USERS }, clock, env });
const keys = createRemoteJWKSet(new URL(`${server.url}/oauth2/jwks`));

async function listen(t: Test, one: Server): Promise<string> {
  one.listen(0, "127.0.0.1");
  await once(one, "listening");
  t.teardown(() => {
    one.closeAllConnections();
    one.close();
  });
  return `http://127.0.0.1:${(one.address() as AddressInfo).port}`;
}

/** Signs the user of a browser in to a client; its tokens. */
async function signIn(browser: Browser, client_id: string, form: Form = {}, person = ALICE) {
  const reply = await walk(browser, authorize({ client_id, scope: "openid api1", ...form }), person);
  const tokens = await exchange(server, { code: answerOf(reply).code }, basic(client_id, SECRET));
  return { ...(tokens.json as Record<"id_token" | "refresh_token", string>), sid: sidOf(tokens.json.id_token) };
}

const sidOf = (id_token: string | undefined) => id_token && (decodeJwt(id_token).sid as string);

async function logOut(browser: Browser): Promise<void> {
  await browser.submit(await browser.open("/oauth2/logout"), "logout", { action: "logout" });
}

/** What the clients are told of a user after a deed: as many notices as are expected, by path. */
async function toldAfter(deed: () => Promise<unknown>, count: number, sub?: string): Promise<readonly Received[]> {
  received.length = 0;
  const ofUser = () => received.filter(({ claims }) => sub === undefined || claims.sub === sub);
  await deed();
  await until(`${count} notices came`, () => ofUser().length >= count);
  await until("none is left", async () => (await notices()).length === 0);
  return ofUser().sort((one, other) => one.path.localeCompare(other.path));
}

const notices = () =>
  sql(server.database, "SELECT client_id, sub, sid, attempts FROM logout_notices ORDER BY client_id");

/** Sends what is due, as an instance does by itself every ten seconds. */
function deliveries(on: Instance, allowPrivate = true) {
  const lines: { line: Record<string, unknown>; message: string }[] = [];
  const warn = (line: object, message: string) => void lines.push({ line: { ...line }, message });
  return { lines, logouts: new BackChannelLogout({ core: on.core, log: { warn }, allowPrivate }) };
}

t.test("a logout is told to each client that got an id_token in the session", async (t) => {
  const browser = await loggedIn(server);
  const { sid } = await signIn(browser, "told");
  await signIn(browser, "strict");
  await signIn(browser, "untold");
  await signIn(browser, "closed", { scope: "api1" });
  await signIn(await loggedIn(server), "closed");
  await walk(browser, authorize({ client_id: "closed", scope: "openid" }));
  const [strict, told, ...more] = await toldAfter(() => logOut(browser), 2);
  t.equal(more.length, 0, "not a client without openid, without a redeemed code, or of another session");
  t.match(told, { path: "/told?x=1", type: "application/x-www-form-urlencoded" });
  t.strictSame(told!.header, { alg: "RS256", typ: "logout+jwt", kid: (told!.header as { kid: string }).kid });
  const { iat, exp, jti, ...claims } = told!.claims;
  t.strictSame(claims, {
    iss: server.core.issuer,
    aud: "told",
    sub: "user-alice",
    sid,
    events: { "http://schemas.openid.net/event/backchannel-logout": {} },
  });
  t.equal(exp! - iat!, 120);
  t.match(jti, /^[\w-]{22}$/);
  t.match(strict, { path: "/strict", header: { alg: "ES256" }, claims: { aud: "strict", sid } });
});

t.test("BL-01 a logout token is no id_token, no hint and no access token", async (t) => {
  const browser = await loggedIn(server);
  await signIn(browser, "told");
  const [told] = await toldAfter(() => logOut(browser), 1);
  const { token } = told!;
  t.notOk("nonce" in decodeJwt(token));
  const next = await loggedIn(server);
  const page = await next.open(`/oauth2/logout?${query({ id_token_hint: token })}`);
  t.match(page.text, 'id="logout"', "the user is asked, because it is no hint");
  const reply = await server.post("/oauth2/introspect", { token }, basic("told", SECRET));
  t.strictSame(reply.json, { active: false });
});

t.test("everything that ends a session is told", async (t) => {
  const person = { username: "carol", password: "carol carol carol" };
  const carol = { sub: "user-carol", preferred_username: "carol", password: person.password };
  type Deed = (browser: Browser, tokens: { readonly id_token: string }) => Promise<unknown>;
  const ofSession: Readonly<Record<string, Deed>> = {
    "the logout page": logOut,
    "a client with a fresh hint": (browser, { id_token }) =>
      browser.get(`/oauth2/logout?${query({ id_token_hint: id_token })}`),
    "a client whose browser has lost its cookie": (_browser, { id_token }) =>
      new Browser(server).get(`/oauth2/logout?${query({ id_token_hint: id_token })}`),
    "another user in the same browser": async (browser) => {
      const login = await browser.open(authorize({ client_id: "untold", prompt: "login" }));
      await browser.submit(login, "login", { ...BOB, action: "login" });
    },
  };
  const ofUser: Readonly<Record<string, Deed>> = {
    "jeton user disable": () => runCommand(server, ["user", "disable", "carol"]),
    "a provisioning file that disables the user": () => server.apply({ users: [{ ...carol, disabled: true }] }),
    "jeton user passwd": () => runCommand(server, ["user", "passwd", "carol", "--password-stdin"], "another one\n"),
    "jeton revoke --user": () => runCommand(server, ["revoke", "--user", "carol"]),
    "jeton revoke --all": () => runCommand(server, ["revoke", "--all"]),
    "jeton user delete": () => runCommand(server, ["user", "delete", "carol"]),
  };
  for (const [name, deed] of [...Object.entries(ofSession), ...Object.entries(ofUser)]) {
    await t.test(name, async (t) => {
      // Another entry each time, so that it is written whole.
      await server.apply({ users: [{ ...carol, nickname: name }] });
      const browser = await loggedIn(server, person);
      const tokens = await signIn(browser, "told", {}, person);
      await signIn(browser, "strict", {}, person);
      const [strict, told] = await toldAfter(() => deed(browser, tokens), 2, "user-carol");
      t.match(strict, { path: "/strict", claims: { sub: "user-carol", sid: tokens.sid } });
      t.match(told, { path: "/told?x=1", claims: { sub: "user-carol" } });
      const isOfUser = name in ofUser;
      t.equal(told!.claims.sid, isOfUser ? undefined : tokens.sid, isOfUser ? "all sessions of the user" : "this one");
      t.equal((await refresh(server, tokens.refresh_token, {}, basic("told", SECRET))).status, 400);
    });
  }
});

t.test("a user who logs in again keeps the session, so clients know it when it ends", async (t) => {
  const browser = await loggedIn(server);
  const cookie = browser.cookies.get("jeton_session");
  const { sid } = await signIn(browser, "told");
  const login = await browser.open(authorize({ client_id: "untold", prompt: "login" }));
  await browser.submit(login, "login", { ...ALICE, action: "login" });
  t.not(browser.cookies.get("jeton_session"), cookie, "the cookie is new");
  t.equal((await signIn(browser, "strict")).sid, sid);
  const told = await toldAfter(() => logOut(browser), 2);
  t.strictSame(
    told.map(({ claims }) => claims.sid),
    [sid, sid],
  );
});

t.test("BL-03 a client that does not answer is told again, with growing pauses, also after a restart", async (t) => {
  const first = await startInstance(t, {
    database: server.database,
    clock,
    env: { ...env, ISSUER: server.core.issuer },
  });
  status = 500;
  const browser = await loggedIn(server);
  await signIn(browser, "told");
  received.length = 0;
  await logOut(browser);
  await until("the first attempt failed", () => received.length === 1);
  await first.stop();
  const { lines, logouts } = deliveries(server);
  await logouts.deliver();
  t.equal(received.length, 1, "the next attempt is not due");
  t.equal(logouts.waiting, 1, "and the metrics show that it waits");
  for (const pause of [10, 60, 300, 1800, 7200]) {
    clock.advance(pause);
    await logouts.deliver();
  }
  t.equal(received.length, 6);
  t.equal(new Set(received.map(({ claims }) => claims.jti)).size, 6, "each attempt has a token of its own");
  t.match(lines.at(-1), {
    line: { type: "backchannel_logout", client_id: "told", attempts: 6, reason: "answered 500" },
    message: "a client could not be told of a logout; it is retried",
  });
  clock.advance(21_600);
  await logouts.deliver();
  t.match(lines.at(-1), { line: { attempts: 7 }, message: "a client could not be told of a logout; it is given up" });
  t.strictSame(await notices(), [], "so what waits is bounded");
  t.equal(logouts.waiting, 0);
  status = 204;

  await t.test("and one that fails does not delay the others", async (t) => {
    const silent = createServer(() => {});
    const address = await listen(t, silent);
    await server.apply({ clients: [{ ...CLIENTS[0], backchannel_logout_uri: address }] });
    const forty = "SELECT $1, 'user-' || n, 's', 6 FROM generate_series(1, 40) n";
    await sql(server.database, `INSERT INTO logout_notices (client_id, sub, sid, attempts) ${forty}`, ["told"]);
    await sql(server.database, "UPDATE logout_notices SET due_at = $1", [new Date(clock.now() - 1_000)]);
    await sql(
      server.database,
      "INSERT INTO logout_notices (client_id, sub, sid, attempts, due_at) VALUES ('strict', 'user-alice', 's', 1, $1)",
      [new Date(clock.now())],
    );
    received.length = 0;
    const { logouts, lines } = deliveries(server);
    const round = logouts.deliver();
    silent.on("connection", (socket) => socket.destroy());
    await until("the other client was told", () => received.length === 1);
    await round;
    t.ok(lines.length <= 16, "one batch of the failing client");
    await sql(server.database, "DELETE FROM logout_notices", []);
    await server.apply({ clients: [CLIENTS[0]!] });
  });
});

t.test("BL-04 of two instances one sends a notice", async (t) => {
  const second = await startInstance(t, {
    database: server.database,
    clock,
    env: { ...env, ISSUER: server.core.issuer },
  });
  const insert =
    "INSERT INTO logout_notices (client_id, sub, sid) SELECT 'told', 'user-' || n, 's' FROM generate_series(1, 60) n";
  const subs = await toldAfter(async () => {
    await sql(server.database, insert, []);
    await Promise.all(
      [server, second].flatMap((on) => [deliveries(on), deliveries(on)]).map((one) => one.logouts.deliver()),
    );
  }, 60);
  t.equal(subs.length, 60);
  t.equal(new Set(subs.map(({ claims }) => claims.sub)).size, 60);
});

t.test("BL-02 a client's address inside the network is not called", async (t) => {
  const { lines, logouts } = deliveries(server, false);
  const insert =
    "INSERT INTO logout_notices (client_id, sub, sid, attempts, due_at) VALUES ('told', 'user-alice', 's', 1, $1)";
  await sql(server.database, insert, [new Date(clock.now())]);
  received.length = 0;
  await logouts.deliver();
  t.match(lines, [{ line: { client_id: "told", reason: "the host's address may not be reached this way" } }]);
  t.equal(received.length, 0);
  await sql(server.database, "DELETE FROM logout_notices", []);

  await t.test("and a client that is disabled, deleted or without an address is not told", async (t) => {
    const ids = ["closed", "untold", "gone"];
    await server.apply({ clients: [{ ...CLIENTS[3], disabled: true }] });
    for (const client_id of ids)
      await sql(server.database, insert.replace("'told'", `'${client_id}'`), [new Date(clock.now())]);
    await deliveries(server).logouts.deliver();
    t.strictSame(await notices(), []);
    t.equal(received.length, 0);
  });
});

t.test("a logout page has a frame for each client that wants one", async (t) => {
  const signedIn = async () => {
    const browser = await loggedIn(server);
    const { id_token, sid } = await signIn(browser, "framed");
    await signIn(browser, "simple");
    await signIn(browser, "untold");
    const withSession = `https://app.example/out?a=1&iss=${encodeURIComponent(server.core.issuer)}&sid=${sid}`;
    return { browser, id_token, frames: [withSession, "https://app.example/gone"] };
  };
  const framesIn = (page: string) =>
    [...page.matchAll(/<iframe[^>]*src="([^"]*)"/g)].map(([, src]) => src!.replaceAll("&amp;", "&"));

  await t.test("on our own page", async (t) => {
    const { browser, frames } = await signedIn();
    const done = await browser.submit(await browser.open("/oauth2/logout"), "logout", { action: "logout" });
    t.strictSame(framesIn(done.text), frames);
    t.match(done.headers.get("content-security-policy"), /; frame-src https:\/\/app\.example; /);
    t.notMatch(done.text, "http-equiv");
    await holdsInBrowser(t, server, done);
    t.strictSame(framesIn((await browser.open("/oauth2/logout")).text), [], "and once");
  });
  await t.test("FL-02 on the way back to a client, which is its registered address", async (t) => {
    const { browser, id_token, frames } = await signedIn();
    const back = { id_token_hint: id_token, post_logout_redirect_uri: GOODBYE, state: `s"'><b>` };
    const done = await browser.open(`/oauth2/logout?${query(back)}`);
    t.strictSame(framesIn(done.text), frames);
    const next = `${GOODBYE}?state=s%22'%3E%3Cb%3E`;
    t.match(done.text.replaceAll("&#39;", "'"), `<meta http-equiv="refresh" content="1; url=${next}">`);
    t.match(
      done.text.replaceAll("&#39;", "'"),
      `id="next" href="${next}"`,
      "a link too, for a frame that does not load",
    );
    await holdsInBrowser(t, server, done);
  });
  await t.test("without such a client nothing is different", async (t) => {
    const browser = await loggedIn(server);
    const { id_token } = await signIn(browser, "untold");
    const back = { id_token_hint: id_token, post_logout_redirect_uri: GOODBYE };
    t.equal((await browser.open(`/oauth2/logout?${query(back)}`)).headers.get("location"), GOODBYE);
  });
});

t.test("FL-01 logout addresses are checked when they are registered", async (t) => {
  const wrong = async (settings: object) => {
    const file = { clients: [{ ...APP, client_id: "new", ...settings }] };
    return server.apply(file).then(
      () => "accepted",
      (error: Error) => error.message,
    );
  };
  const frontchannel_logout_uri = "https://evil.example/out";
  t.match(await wrong({ frontchannel_logout_uri }), /frontchannel_logout_uri.* must have the origin of a redirect URI/);
  for (const uri of ["app:/out", "https://app.example/out#f", "javascript:alert(1)"]) {
    t.match(await wrong({ backchannel_logout_uri: uri }), /backchannel_logout_uri/, uri);
    t.match(await wrong({ frontchannel_logout_uri: uri }), /frontchannel_logout_uri/, uri);
  }
  const { json } = await server.send("/.well-known/openid-configuration");
  t.match(json, {
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
  });
});

t.test("an operator ends the session of a stolen login, and its clients are told", async (t) => {
  const show = (token: string) => runCommand(server, ["token", "show", "--token-stdin"], token);
  const list = (...words: readonly string[]) => runCommand(server, ["session", "list", ...words]);
  const browser = await loggedIn(server, BOB);
  const code = answerOf(await walk(browser, authorize({ client_id: "told", scope: "openid api1" }), BOB)).code!;
  const described = await show(code);
  t.match(described, { kind: "authorization_code", in_force: true, client_id: "told", sub: "user-bob", sid: String });
  const { sid, grant_id } = described;
  const { refresh_token, id_token } = (await exchange(server, { code }, basic("told", SECRET))).json;
  t.match(await show(code), { in_force: false, reasons: ["used"] });
  t.match(await show(id_token), { kind: "id_token", in_force: true, sid, client_id: "told" });
  const offline = await signIn(browser, "strict", { scope: "openid offline_access", prompt: "consent" }, BOB);
  t.equal(offline.sid, sid);
  t.match(await runCommand(server, ["grant", "show", grant_id]), {
    dialect: "oauth2",
    code: { kind: "authorization_code", redirect_uri: CALLBACK, pkce: false, uses: 1 },
    session: { sid, state: "in_force" },
    state: "in_force",
  });

  const session = { sid, sub: "user-bob", username: "bob", amr: ["pwd"], state: "in_force" };
  const listed = await list("--user", "bob");
  const times = listed.map(({ auth_time }: { auth_time: string }) => auth_time);
  t.strictSame(times, [...times].sort().reverse(), "the last login first");
  t.match(listed[0], session);
  t.match(
    (await list("--client", "told")).filter((one: { sid: string }) => one.sid === sid),
    [session],
    "once, whatever it got",
  );
  t.match(await runCommand(server, ["session", "show", sid]), session);

  const told = await toldAfter(
    async () => t.strictSame(await runCommand(server, ["session", "revoke", sid]), { sid, revoked: true }),
    2,
    "user-bob",
  );
  t.strictSame(
    told.map(({ path }) => path),
    ["/strict", "/told?x=1"],
  );
  t.match(await runCommand(server, ["session", "show", sid]), { state: "ended", ended_at: String });
  t.strictSame(await runCommand(server, ["session", "revoke", sid]), { sid, revoked: false });
  t.match(await show(refresh_token), { in_force: false, reasons: ["grant_ended"], ended_because: "logout" });
  t.match(await show(offline.refresh_token), { in_force: true });
  t.match(await runCommand(server, ["grant", "show", grant_id]), {
    state: "ended",
    because: "logout",
    session: { sid, state: "ended" },
  });
  t.equal(await runCommand(server, ["session", "revoke", "none"]), "there is no session none");
  t.equal(await list(), "give exactly one of --user SUB, --client ID");
});
