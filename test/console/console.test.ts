import t, { type Test } from "tap";
import { makeConsoleClient } from "../../src/console/client.js";
import { SERVED } from "../../src/console/commands.js";
import { placeOf } from "../../src/console/place.js";
import { TestClock } from "../support/clock.js";
import { runCommand } from "../support/commands.js";
import { sql } from "../support/database.js";
import { SECRET } from "../support/fleet.js";
import { startInstance, type Instance, type Reply } from "../support/instance.js";
import { requestsTo } from "../support/requests.js";
import { Browser, formOf } from "../support/web.js";

/** The console over HTTP: its login, and what attackers try there. */

const MARKUP = `"><img src=x onerror=alert(1)>`;

const REDIRECT_URI = `https://app.example/cb?x=${encodeURIComponent(MARKUP)}`;

const PASSWORD = "correct horse battery staple";
const person = (sub: string, roles: readonly string[], name: string) => ({
  ...{ sub, roles, name, preferred_username: sub, password: PASSWORD },
});
const PROVISION = {
  clients: [
    {
      client_id: `app-${MARKUP}`,
      client_name: MARKUP,
      client_secret: SECRET,
      grant_types: ["authorization_code"],
      redirect_uris: [REDIRECT_URI],
      scope: "openid",
    },
    {
      client_id: "phone",
      token_endpoint_auth_method: "none",
      grant_types: ["password", "refresh_token"],
      scope: "openid",
    },
  ],
  users: [
    person("root", ["jeton:admin"], "Rita Root"),
    person("reader", ["jeton:admin:read"], MARKUP),
    person("visitor", ["editor"], "Vic Visitor"),
    person("fired", ["jeton:admin"], "Fay Fired"),
    person("demoted", ["jeton:admin"], "Dan Demoted"),
  ],
};

const clock = new TestClock();
const server = await startInstance(t, { provision: PROVISION, clock, env: { ADMIN: "on" } });
const { issuer, db } = server.core;

/** Follows redirects on this server. */
async function follow(browser: Browser, first: Reply, origin = issuer): Promise<Reply> {
  let reply = first;
  for (let hops = 0; hops < 12 && reply.status === 303; hops += 1) {
    const location = reply.headers.get("location")!;
    if (!location.startsWith("/") && !location.startsWith(origin)) return reply;
    reply = await browser.get(location.replace(origin, ""));
  }
  return reply;
}

const visit = async (browser: Browser, path: string) => follow(browser, await browser.get(path));

/** Sends a form of a page, and follows where that leads. */
async function submit(browser: Browser, page: Reply, id: string, fields: Record<string, string> = {}): Promise<Reply> {
  const { action, values } = formOf(page, id);
  return follow(browser, await browser.post(action, { ...values, ...fields }));
}

/** A browser in which a person is logged in to the console, and the page that they wanted. */
async function signIn(username: string, path = "/admin/"): Promise<{ browser: Browser; page: Reply }> {
  const browser = new Browser(server);
  const login = await visit(browser, path);
  return { browser, page: await submit(browser, login, "login", { username, password: PASSWORD, action: "login" }) };
}

/** Everything that the form of a command would send. */
function typedIn({ text }: Reply): Record<string, string> {
  const form = /<form[^>]*id="command"[\s\S]*?<\/form>/.exec(text)![0];
  const plain = (value = "") =>
    value
      .replaceAll("&quot;", '"')
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&#10;", "\n")
      .replaceAll("&amp;", "&");
  const inputs = [...form.matchAll(/<input[^>]*>/g)]
    .map(([tag]) => tag)
    .filter((tag) => !tag.includes('type="checkbox"') || tag.includes(" checked"))
    .map((tag) => [/name="([^"]*)"/.exec(tag)![1]!, plain(/value="([^"]*)"/.exec(tag)?.[1])] as const);
  const areas = [...form.matchAll(/<textarea name="([^"]*)"[^>]*>([^<]*)</g)].map(
    ([, name, value]) => [name!, plain(value)] as const,
  );
  const selects = [...form.matchAll(/<select name="([^"]*)"[\s\S]*?<\/select>/g)].map(
    ([tag, name]) => [name!, plain(/<option value="([^"]*)" selected/.exec(tag)?.[1])] as const,
  );
  return Object.fromEntries([...inputs, ...areas, ...selects]);
}

const heading = ({ text }: Reply) => /<h1>([\s\S]*?)<\/h1>/.exec(text)?.[1]?.replace(/<[^>]*>/g, "");
const csrfOf = (page: Reply, id: string) => formOf(page, id).values.csrf!;
const isDisabled = async (client_id: string) =>
  (await sql(server.database, "SELECT disabled FROM clients WHERE client_id = $1", [client_id]))[0]?.disabled;

const HOSTILE = `app-${MARKUP}`;
const DISABLE = `/admin/commands/client.disable?client_id=${encodeURIComponent(HOSTILE)}`;

t.test("the console is a client of the server: code, PKCE, a secret, and a cookie that no script reads", async (t) => {
  const browser = new Browser(server);
  const first = await browser.get("/admin/");
  const request = new URL(first.headers.get("location")!);
  t.equal(request.origin + request.pathname, `${issuer}/oauth2/authorize`);
  t.match(Object.fromEntries(request.searchParams), {
    client_id: "jeton-console",
    redirect_uri: `${issuer}/admin/callback`,
    code_challenge_method: "S256",
    code_challenge: /^[\w-]{43}$/,
    state: /^[\w-]{22}$/,
  });
  const { page } = await signIn("root");
  t.equal(page.status, 200);
  t.equal(heading(page), "Is everything all right?");
  const login = await visit(browser, "/admin/");
  const { action, values } = formOf(login, "login");
  const sent = await browser.post(action, { ...values, username: "root", password: PASSWORD, action: "login" });
  const back = await browser.get(sent.headers.get("location")!);
  const arrived = await browser.get(back.headers.get("location")!.replace(issuer, ""));
  const [cookie] = arrived.headers.getSetCookie();
  t.match(cookie, /^jeton_console=jat_[\w-]+; Path=\/; HttpOnly; SameSite=Lax$/);
  t.match(page.headers.get("content-security-policy"), "frame-ancestors 'none'");
  t.match(page.headers.get("content-security-policy"), /script-src 'sha256-[^']+'; img-src/);
  t.equal(page.headers.get("x-frame-options"), "DENY");
  t.equal(page.headers.get("cache-control"), "no-store");
});

t.test(
  "its client is made once, by how many instances ever, and never over one of the operator or of a user",
  async (t) => {
    const place = placeOf(issuer);
    await db.prisma.client.delete({ where: { client_id: "jeton-console" } });
    t.strictSame(await Promise.all([1, 2, 3].map(() => makeConsoleClient(server.core, place))), [true, true, true]);
    const other = placeOf("https://admin.example:9443");
    await Promise.all([1, 2].map(() => makeConsoleClient(server.core, other)));
    const read = () => sql(server.database, "SELECT redirect_uris FROM clients WHERE client_id = 'jeton-console'");
    t.strictSame(await read(), [
      { redirect_uris: [`${issuer}/admin/callback`, "https://admin.example:9443/admin/callback"] },
    ]);
    await db.prisma.clientSecret.deleteMany({ where: { client_id: "jeton-console" } });
    t.equal(await makeConsoleClient(server.core, placeOf("https://elsewhere.example")), false, "it has another secret");
    t.match(await read(), [{ redirect_uris: { length: 2 } }]);
    await db.prisma.client.delete({ where: { client_id: "jeton-console" } });
    await server.apply({
      users: [{ sub: "of-that-name", preferred_username: "jeton-console", password: "long enough" }],
    });
    t.equal(await makeConsoleClient(server.core, place), false, "a user has its name");
    t.match(await runCommand(server, ["user", "delete", "of-that-name"]), { deleted: true });
    t.equal(await makeConsoleClient(server.core, place), true);
  },
);

t.test("CN-07: a code that another program of the machine receives is worth nothing to it", async (t) => {
  const redirect_uri = "http://localhost:1/admin/callback";
  const verifier = "v".repeat(43);
  const form = { grant_type: "authorization_code", code: "jac_x", redirect_uri, code_verifier: verifier };
  const answer = await server.post("/oauth2/token", { ...form, client_id: "jeton-console" });
  t.match(answer, { status: 401, json: { error: "invalid_client" } });
});

t.test("CN-01: a form counts only from its own page, in its own login", async (t) => {
  const { browser, page } = await signIn("root", DISABLE);
  const { action, values } = formOf(page, "command");
  t.equal(values.client_id, HOSTILE);
  const { page: another } = await signIn("fired", DISABLE);
  const elsewhere = await browser.get("/admin/commands/client.enable?client_id=x");
  const attempts: readonly (readonly [string, Record<string, string>, Record<string, string>?])[] = [
    ["without a token", { client_id: HOSTILE }],
    ["a token that is made up", { ...values, csrf: "x".repeat(43) }],
    ["the token of another form", { ...values, csrf: csrfOf(elsewhere, "command") }],
    ["the token of another login", { ...values, csrf: csrfOf(another, "command") }],
    ["from another site", values, { "Sec-Fetch-Site": "cross-site" }],
    ["from another port of this machine", values, { "Sec-Fetch-Site": "same-site" }],
    ["from another origin, in an old browser", values, { Origin: "https://evil.example" }],
  ];
  for (const [name, fields, headers] of attempts) {
    const reply = await browser.post(action, fields, headers);
    t.equal(reply.status, 400, name);
    t.equal(heading(reply), "This form is no longer valid", name);
    t.match(reply.text, 'href="/admin/"', "there is a way on");
  }
  t.equal(await isDisabled(HOSTILE), false);
  const done = await submit(browser, page, "command");
  t.equal(done.status, 200);
  t.match(done.text, 'id="done"');
  t.equal(await isDisabled(HOSTILE), true);
  const line = server.log.findLast(({ command }) => command !== undefined);
  const said = { outcome: "granted", operation: "administration", command: "client disable" };
  t.match(line, { ...said, sub: "root", client_id: "jeton-console" });
});

t.test("CN-02: a person who may only read is offered nothing else, and refused", async (t) => {
  const { browser, page } = await signIn("reader", "/admin/commands");
  t.match(page.text, "client.list");
  t.notMatch(page.text, "client.add");
  const refused = await browser.get("/admin/commands/client.add");
  t.equal(refused.status, 403);
  t.equal(heading(refused), "You may not do this");
  const shown = await browser.get(`/admin/clients/${encodeURIComponent(HOSTILE)}`);
  t.equal(shown.status, 200);
  t.notMatch(shown.text, "client.disable");
  const { browser: root, page: form } = await signIn("root", DISABLE.replace("disable", "enable"));
  const { action, values } = formOf(form, "command");
  t.equal((await browser.post(action, values)).status, 400, "nor with another person's form");
  t.equal(await isDisabled(HOSTILE), true);
  await root.post(action, values);
});

t.test("CN-03: a person without a role sees why, and can change the account", async (t) => {
  const { browser, page } = await signIn("visitor");
  t.equal(page.status, 403);
  t.equal(heading(page), "The console is for administrators");
  const form = /<form method="post" action="(\/admin\/sign-out)">[\s\S]*?name="csrf"[^>]*value="([^"]*)"/g;
  const [, action, csrf] = [...page.text.matchAll(form)].at(-1)!;
  const out = await follow(browser, await browser.post(action!, { csrf: csrf! }));
  t.equal(heading(out), "You are signed out of the console");
});

t.test("CN-04: an administrator who is disabled or loses the role is out with the next request", async (t) => {
  const { browser: fired, page: form } = await signIn("fired", DISABLE);
  await sql(server.database, "UPDATE users SET disabled = true WHERE sub = 'fired'");
  const { action, values } = formOf(form, "command");
  const late = await fired.post(action, values);
  t.match(late.headers.get("location"), `${issuer}/oauth2/authorize`, "the login comes first");
  t.equal(await isDisabled(HOSTILE), false);

  const { browser: demoted } = await signIn("demoted");
  t.equal((await demoted.get("/admin/")).status, 200);
  await sql(server.database, "UPDATE users SET roles = '{}' WHERE sub = 'demoted'");
  t.equal((await demoted.get("/admin/")).status, 403);
});

t.test(
  "CN-10: what changes something needs a login of the last fifteen minutes, and keeps what was typed",
  async (t) => {
    const { browser, page } = await signIn("root", "/admin/commands/client.add");
    clock.advance(16 * 60);
    const reading = await browser.get("/admin/clients");
    t.equal(reading.status, 200, "who reads is not asked");
    const { action, values } = formOf(page, "command");
    const secret = { client_secret: "typed-secret-of-at-least-32-characters" };
    const typed = { client_id: "typed", client_name: "Typed <Name>", ...secret };
    const choice = { "grant_types:client_credentials": "true" };
    const asked = await browser.post(action, { ...typed, ...choice, csrf: values.csrf! });
    const address = new URL(asked.headers.get("location")!);
    t.equal(address.searchParams.get("max_age"), "870");
    t.notMatch(address.href, "typed", "nothing of it is in an address");
    const [stored] = await sql(server.database, "SELECT string_agg(request::text, ' ') AS text FROM interactions");
    t.notMatch(String(stored!.text), "typed", "and it is sealed in the store");
    t.equal(await isDisabled("typed"), undefined, "nothing has changed");

    const login = await follow(browser, asked);
    const again = await submit(browser, login, "login", { username: "root", password: PASSWORD, action: "login" });
    const form = formOf(again, "command");
    t.match(form.values, typed);
    t.match(again.text, /name="grant_types:client_credentials"[^>]* checked/);
    const done = await browser.post(action, { ...typed, ...choice, csrf: form.values.csrf! });
    t.match(done.text, 'id="done"');
    t.equal(await isDisabled("typed"), false);
  },
);

t.test("a form of an update has the present values, and sends the changed ones alone", async (t) => {
  const { browser } = await signIn("root");
  const path = `/admin/commands/client.update?client_id=${encodeURIComponent(HOSTILE)}`;
  const [first, second] = [await browser.get(path), await browser.get(path)];
  const values = typedIn(first);
  t.match(values, { client_name: MARKUP, redirect_uris: REDIRECT_URI, scope: "openid" });
  const done = await browser.post("/admin/commands/client.update", { ...values, client_name: "Renamed" });
  t.match(done.text, 'id="done"');
  const read = "SELECT client_name, redirect_uris, require_pkce FROM clients WHERE client_id = $1";
  const [row] = await sql(server.database, read, [HOSTILE]);
  t.match(row, { client_name: "Renamed", redirect_uris: [REDIRECT_URI] });

  const late = await browser.post("/admin/commands/client.update", { ...typedIn(second), scope: "openid email" });
  t.equal(late.status, 412, "the other administrator does not undo it");
  t.match(late.text, "it was changed since it was read");
  t.equal(typedIn(late).scope, "openid email", "and loses nothing that was typed");
  const reset = await browser.post("/admin/commands/client.update", { ...typedIn(late), client_name: "" });
  t.match(reset.text, 'id="done"', "an empty field resets a setting");
  t.match(await sql(server.database, read, [HOSTILE]), [{ client_name: null }]);
  await sql(server.database, "UPDATE clients SET client_name = $2 WHERE client_id = $1", [HOSTILE, MARKUP]);
});

t.test("every command has a page with its form or its result", async (t) => {
  const { browser } = await signIn("root");
  for (const { name } of SERVED) {
    const { status, text } = await browser.get(`/admin/commands/${name.replaceAll(" ", ".")}`);
    t.ok(status < 500 && /id="(?:command|result)"/.test(text), `${name}: ${status}`);
  }
});

t.test("CN-05: a login belongs to its browser, and ends once", async (t) => {
  const browser = new Browser(server);
  const login = await visit(browser, "/admin/");
  const { action, values } = formOf(login, "login");
  const sent = await browser.post(action, { ...values, username: "root", password: PASSWORD, action: "login" });
  const back = (await browser.get(sent.headers.get("location")!)).headers.get("location")!.replace(issuer, "");
  const stranger = await new Browser(server).get(back);
  t.equal(stranger.status, 400);
  t.equal(heading(stranger), "Please sign in once more");
  t.strictSame(stranger.headers.getSetCookie(), []);
  const elsewhere = back.replace(/iss=[^&]*/, "iss=https%3A%2F%2Fother.example");
  t.equal((await browser.get(elsewhere)).status, 400, "the answer of another server");
  t.equal((await browser.get(back)).status, 400, "which has ended this login");
  const another = new Browser(server);
  const denied = await submit(another, await visit(another, "/admin/"), "login", { action: "cancel" });
  t.equal(denied.status, 403);
  t.equal(heading(denied), "You are not signed in");
});

t.test("CN-08: signing out ends the cookie, also a copy of it", async (t) => {
  const { browser, page } = await signIn("root");
  const copy = browser.cookies.get("jeton_console")!;
  const csrf = /action="\/admin\/sign-out"[^>]*>[\s\S]*?value="([^"]*)"/.exec(page.text)![1]!;
  t.equal((await browser.post("/admin/sign-out", {})).status, 400, "not without its form");
  await browser.post("/admin/sign-out", { csrf });
  const thief = new Browser(server);
  thief.setCookie("jeton_console", copy);
  t.equal((await thief.get("/admin/")).status, 303);
  for (const value of ["", "x", "jat_x", copy.slice(0, -1)]) {
    thief.setCookie("jeton_console", value);
    t.equal((await thief.get("/admin/")).status, 303, "a cookie that is made up");
  }
});

t.test("CN-06: stored markup stays text on every page", async (t) => {
  const { browser } = await signIn("reader", "/admin/");
  const id = encodeURIComponent(HOSTILE);
  const paths = [
    ...["/admin/", "/admin/clients", `/admin/clients/${id}`, "/admin/people", "/admin/keys", "/admin/commands"],
    ...["/admin/commands/client.list", `/admin/commands/client.show?client_id=${id}`, `/admin/${id}`],
    `/admin/commands/client.show?client_id=${encodeURIComponent(`${MARKUP}-missing`)}`,
    `/admin/commands/${id}`,
  ];
  for (const path of paths) {
    const { text, status } = await browser.get(path);
    t.ok(status < 500, path);
    t.notMatch(text, "<img", path);
    t.equal(text.match(/<script>/g)?.length, 1, "the script of the console alone");
  }
});

t.test("every fault has a page with a way on", async (t) => {
  const { browser } = await signIn("root");
  const faults: readonly (readonly [string, number, string])[] = [
    ["/admin/nothing", 404, "There is nothing here"],
    ["/admin/clients/nothing", 404, "There is nothing here"],
    ["/admin/commands/nothing.there", 404, "There is nothing here"],
    ["/admin/clients?cursor=made-up", 400, "This request cannot be answered"],
    ["/admin/commands/client.list?cursor=e30.AAAA", 400, "List clients"],
    ["/admin/commands/client.add?form=AAAAAAAAAAAAAAAAAAAAAA", 400, "Please sign in once more"],
    ["/admin/clients?a=1&a=2", 400, "This request cannot be answered"],
  ];
  for (const [path, status, title] of faults) {
    const reply = await browser.get(path);
    t.equal(reply.status, status, path);
    t.equal(heading(reply), title, path);
    t.match(reply.text, /<a class="button[^"]*"[^>]*href="\/admin/, path);
    t.equal(reply.headers.get("content-type"), "text/html; charset=utf-8");
  }
  const german = await browser.get("/admin/nothing", { "Accept-Language": "de" });
  t.equal(heading(german), "Hier ist nichts");
});

t.test("CN-09: a token in hand is never in an address", async (t) => {
  const { browser, page } = await signIn("root");
  const csrf = /action="\/admin\/search"[^>]*>[\s\S]*?value="([^"]*)"/.exec(page.text)![1]!;
  const token = browser.cookies.get("jeton_console")!;
  const shown = await browser.post("/admin/search", { q: token, csrf });
  t.equal(shown.status, 200);
  t.equal(heading(shown), "Token in hand");
  t.equal(shown.text.split(token).length, 2, "it is in the form that ends it, and nowhere else");
  const end = await browser.post("/admin/commands/revoke", formOf(shown, "end-token").values);
  t.match(end.text, 'id="done"');
  t.equal((await browser.get("/admin/")).status, 303, "it was the token of this console");
  const { browser: next, page: start } = await signIn("root");
  const other = /action="\/admin\/search"[^>]*>[\s\S]*?value="([^"]*)"/.exec(start.text)![1]!;
  const found = await next.post("/admin/search", { q: "jeton-console", csrf: other });
  t.equal(found.headers.get("location"), "/admin/search?q=jeton-console");
});

t.test("the start page says in a sentence whether everything is all right, and counts what was decided", async (t) => {
  const verdictOf = ({ text }: Reply) =>
    /id="verdict"[^>]*>([\s\S]*?)<\/(?:p|div)>/.exec(text)![1]!.replace(/<[^>]*>/g, "");
  const { browser, page } = await signIn("root");
  t.equal(verdictOf(page), "Yes. Everything is all right.");
  t.match(page.text, /aria-label="Refused: \d+ in the last hour, at most \d+ in a minute, \d+ in the last minute"/);
  const form = { client_id: "phone", scope: "openid", grant_type: "password", username: "root", password: PASSWORD };
  const refresh = (refresh_token: string) =>
    server.post("/oauth2/token", { grant_type: "refresh_token", client_id: "phone", refresh_token });
  const { refresh_token } = (await server.post("/oauth2/token", form)).json;
  const { json } = await refresh(refresh_token);
  await refresh(json.refresh_token);
  clock.advance(60);
  await refresh(refresh_token);
  const alarmed = await browser.get("/admin/");
  t.match(
    verdictOf(alarmed).replace(/\s+/g, " "),
    "No. This needs your attention: Alarms in the last hour: 1. They may mean an attack.",
  );
  t.match(alarmed.text, "1 × a used refresh token came again");
  clock.advance(61 * 60);
  const { page: later } = await signIn("root");
  t.equal(verdictOf(later), "Yes. Everything is all right.", "an hour later it is no news");
});

t.test("at an address of its own, the login goes to the issuer and comes back", async (t) => {
  const own = await startInstance(t, { database: server.database, clock, env: { ADMIN: "127.0.0.1:0" } });
  const url = String(own.log.find(({ type }) => type === "administration")!.address);
  t.equal((await own.send("/admin/")).status, 404, "nothing of it is beside everything else");
  const { page, token } = await signInAcross(t, url, own);
  t.equal(heading(page), "Is everything all right?");
  t.match(page.headers.get("content-security-policy"), `form-action 'self' ${own.core.issuer}`);
  t.match(token, /^jat_/);
});

/** Logs in to a console whose address is not the issuer's. */
async function signInAcross(t: Test, url: string, own: Instance): Promise<{ page: Reply; token: string }> {
  const desk = new Browser(requestsTo(url));
  const house = new Browser(own);
  const start = await desk.get("/admin/");
  const login = await visitAt(house, start.headers.get("location")!, own.core.issuer);
  const { action, values } = formOf(login, "login");
  const sent = await house.post(action, { ...values, username: "root", password: PASSWORD, action: "login" });
  const answer = await house.get(sent.headers.get("location")!);
  const back = answer.headers.get("location")!;
  t.ok(back.startsWith(`${url}/admin/callback?code=`), back);
  const arrived = await desk.get(back.slice(url.length));
  return { page: await desk.get(arrived.headers.get("location")!), token: desk.cookies.get("jeton_console")! };
}

async function visitAt(browser: Browser, address: string, origin: string): Promise<Reply> {
  return follow(browser, await browser.get(address.replace(origin, "")), origin);
}
