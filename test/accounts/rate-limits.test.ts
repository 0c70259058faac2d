import t, { type Test } from "tap";
import type { Counter } from "../../src/accounts/rate-limits.js";
import { logIn as letIn } from "../../src/accounts/log-in.js";
import { Passwords } from "../../src/accounts/passwords.js";
import { HASHING } from "../support/run.js";
import { runCommand } from "../support/commands.js";
import { TestClock } from "../support/clock.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { sql } from "../support/database.js";
import { basic, startInstance, type Instance, type Reply } from "../support/instance.js";
import { Browser } from "../support/web.js";

const WRONG = "not the password";
const MINUTE = 60;

/** Free attempts, and the seconds to wait after each further one (docs/decisions/0008). */
const FREE = 5;
const DELAYS = [1, 2, 4, 8, 16, 15 * MINUTE];

interface Attempt {
  readonly username?: string;
  readonly password?: string;
  readonly headers?: Record<string, string>;
}

/** Every endpoint that accepts a password. */
const ENDPOINTS = {
  standard: async (server: Instance, { username = "alice", password = WRONG, headers = {} }: Attempt = {}) =>
    server.post("/oauth2/token", { grant_type: "password", client_id: "mobile", username, password }, headers),
  sis: async (server: Instance, { username = "alice", password = WRONG, headers = {} }: Attempt = {}) => {
    const form = { grant_type: "password", client_id: "mobile", scope: "api1", username, password };
    return server.post("/token", form, headers);
  },
  page: async (server: Instance, { username = "alice", password = WRONG }: Attempt = {}) =>
    logInAtPage(new Browser(server), { username, password }),
};

async function logInAtPage(
  browser: Browser,
  { username, password }: { username: string; password: string },
): Promise<Reply> {
  return browser.submit(await browser.open("/account"), "login", { username, password, action: "login" });
}

const right = (server: Instance, headers = {}) => ENDPOINTS.standard(server, { ...ALICE, headers });

/** The logged reasons of the refusals since then. */
function refusals({ log }: Instance, since = 0): unknown[] {
  return log
    .slice(since)
    .filter(({ refused_with }) => refused_with !== undefined)
    .map(({ reason }) => reason);
}

const start = async (t: Test, options: { database?: string; env?: Record<string, string>; clock?: TestClock } = {}) => {
  const clock = options.clock ?? new TestClock();
  const provision = options.database === undefined ? { provision: FLEET } : {};
  return { clock, server: await startInstance(t, { ...options, ...provision, clock }) };
};

/** Counts attempts as a login does, without the cost of a hash. */
async function take({ core }: Instance, counted: Counter, times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) await core.rateLimits.consume(counted);
}

/** Attempts until the account is locked, each as soon as it is allowed. */
async function lock(server: Instance, clock: TestClock): Promise<void> {
  await take(server, { on: "account", id: "user-alice" }, FREE);
  for (const delay of DELAYS.slice(0, -1)) {
    clock.advance(delay);
    await take(server, { on: "account", id: "user-alice" }, 1);
  }
}

t.test("BF-04 in a row: five wrong passwords are checked, then each wait is longer, and the tenth locks", async (t) => {
  const { server, clock } = await start(t);
  for (let n = 0; n < FREE; n += 1) await ENDPOINTS.standard(server);
  t.strictSame(refusals(server), Array(FREE).fill("wrong password"));

  for (const [index, delay] of DELAYS.entries()) {
    const before = server.log.length;
    clock.advance(delay - 1);
    const early = await right(server);
    t.equal(early.status, 400, `${delay - 1} s after it, the right one is refused`);
    t.match(early.json, { error: "invalid_grant", error_description: "resource owner credentials are not valid" });
    clock.advance(1);
    await ENDPOINTS.standard(server);
    t.strictSame(
      refusals(server, before),
      ["too many attempts", "wrong password"],
      `${delay} s after it, one is checked`,
    );
    const locks = index >= DELAYS.length - 2;
    const line = server.log.at(-1)!;
    t.equal(line.alarm, locks ? "account_locked" : undefined);
    t.equal(line.level, locks ? "warn" : "info");
    t.equal(line.sub, "user-alice");
  }

  clock.advance(15 * MINUTE);
  t.equal((await right(server)).status, 200, "the lock has its time");
  for (let n = 0; n < FREE - 1; n += 1) await ENDPOINTS.standard(server);
  t.equal((await right(server)).status, 200, "and a success forgets what was before");
});

t.test("BF-04 simultaneously: a hundred on two instances get no more attempts than in a row", async (t) => {
  const { server, clock } = await start(t);
  const { server: other } = await start(t, { database: server.database, clock });
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => ENDPOINTS.standard(n % 2 ? server : other)));
  // A machine that is busy with other things turns some away unasked.
  const checked = answers.filter(({ status }) => status !== 503);
  t.strictSame(new Set(checked.map(({ status, text }) => `${status} ${text}`)).size, 1, "the answers tell nothing");
  const reasons = [...refusals(server), ...refusals(other)];
  t.equal(reasons.length, 100);
  t.equal(reasons.filter((one) => one === "wrong password").length, FREE);
});

t.test("BF-05 all endpoints and all names of an account share one counter", async (t) => {
  const { server } = await start(t);
  await ENDPOINTS.standard(server, { username: "ALICE" });
  await ENDPOINTS.sis(server, { username: " Alice " });
  await ENDPOINTS.page(server, { username: "Ａlice" });
  await ENDPOINTS.standard(server, { username: "Alice@Example.com" });
  await ENDPOINTS.page(server, { username: "+49 (30) 12-34-56" });
  t.strictSame(refusals(server), Array(FREE).fill("wrong password"));
  t.equal((await ENDPOINTS.standard(server, ALICE)).status, 400);
  t.equal((await ENDPOINTS.sis(server, ALICE)).status, 400);
  t.match((await ENDPOINTS.page(server, ALICE)).text, /id="login-error"/);
  t.strictSame(refusals(server).slice(FREE), Array(3).fill("too many attempts"));
});

t.test("BF-02 an unknown name is locked like a known one, and so is an account without a password", async (t) => {
  const { server, clock } = await start(t);
  await server.apply({ users: [{ sub: "user-empty", preferred_username: "empty" }] });
  const course = async (username: string) => {
    const answers = [];
    const before = server.log.length;
    for (let n = 0; n <= FREE; n += 1) {
      const { status, text } = await ENDPOINTS.standard(server, { username });
      answers.push(`${status} ${text}`);
    }
    const reasons = refusals(server, before);
    t.equal(reasons.at(-1), "too many attempts", username);
    t.not(reasons.at(-2), "too many attempts", username);
    return answers;
  };
  const known = await course("bob");
  for (const username of ["nobody", "gone", "empty"]) t.strictSame(await course(username), known);
  clock.advance(1);
  await ENDPOINTS.standard(server, { username: "nobody" });
  t.match(server.log.at(-1), { reason: "no such user", alarm: undefined });
});

t.test("BF-09 a success resets the counter of its own account and no other", async (t) => {
  const { server } = await start(t);
  for (let n = 0; n < FREE; n += 1) await ENDPOINTS.standard(server);
  t.equal((await ENDPOINTS.standard(server, { username: "bob", password: "hunter2 hunter2" })).status, 200);
  t.equal((await right(server)).status, 400);
});

t.test("many simultaneous correct passwords lock no account", async (t) => {
  const { server } = await start(t);
  for (let n = 0; n < FREE - 1; n += 1) await ENDPOINTS.standard(server);
  // However many cores there are.
  const passwords = new Passwords(server.core.master, server.core.random, 4, HASHING);
  const attempt = { name: { person: ALICE.username }, password: ALICE.password, network: "127.0.0.1" };
  const all = await Promise.all(Array.from({ length: 12 }, () => letIn({ ...server.core, passwords }, attempt, {})));
  for (const { account } of all) t.equal(account.sub, "user-alice");
});

t.test("an operator unlocks an account and its known browsers", async (t) => {
  const { server, clock } = await start(t);
  const [own, foreign] = [new Browser(server), new Browser(server)];
  const bob = { username: "bob", password: "hunter2 hunter2" };
  await logInAtPage(own, ALICE);
  await logInAtPage(foreign, bob);
  for (const browser of [own, foreign]) browser.setCookie("jeton_session", "");
  await lock(server, clock);
  for (let n = 0; n < FREE; n += 1) await logInAtPage(own, { ...ALICE, password: WRONG });
  for (let n = 0; n < FREE; n += 1) await logInAtPage(foreign, { ...bob, password: WRONG });
  t.equal((await right(server)).status, 400);

  const run = (...words: string[]) => runCommand(server, words, ALICE.password);
  t.strictSame(await run("user", "unlock", "Alice@example.com"), { sub: "user-alice" });
  t.notMatch((await logInAtPage(own, ALICE)).text, /id="login-error"/);
  t.equal((await right(server)).status, 200);
  t.match((await logInAtPage(foreign, bob)).text, /id="login-error"/, "another's stay as they are");
  t.equal(await run("user", "unlock", "nobody"), "there is no user nobody");

  await lock(server, clock);
  await run("user", "passwd", "alice", "--password-stdin");
  t.equal((await right(server)).status, 200, "a new password works at once");
});

t.test("BF-07 a stranger's guesses do not lock the owner out of a known browser", async (t) => {
  const { server, clock } = await start(t);
  const [own, foreign] = [new Browser(server), new Browser(server)];
  await logInAtPage(own, ALICE);
  await logInAtPage(foreign, { username: "bob", password: "hunter2 hunter2" });
  const cookie = own.cookies.get("jeton_known")!;
  t.match(cookie, /^[\w-]{22}\.[\w-]{43}$/);

  await lock(server, clock);
  for (const browser of [own, foreign]) browser.setCookie("jeton_session", "");
  t.match((await logInAtPage(foreign, ALICE)).text, /id="login-error"/, "another person's browser is a stranger's");
  const stolen = new Browser(server);
  stolen.setCookie("jeton_known", `${cookie.slice(0, -1)}${cookie.endsWith("A") ? "E" : "A"}`);
  t.match((await logInAtPage(stolen, ALICE)).text, /id="login-error"/, "a cookie that was made up counts for nothing");
  t.notMatch((await logInAtPage(own, ALICE)).text, /id="login-error"/);
  t.equal(own.cookies.get("jeton_known"), cookie, "it stays");
  t.equal((await right(server)).status, 400, "the lock stays, for everybody else");

  own.setCookie("jeton_session", "");
  for (let n = 0; n < FREE; n += 1) await logInAtPage(own, { ...ALICE, password: WRONG });
  t.match((await logInAtPage(own, ALICE)).text, /id="login-error"/, "it has no more attempts than others");
});

t.test(
  "BF-06, DO-09, DO-10 a network has two hundred failures, for any names and under any claimed address",
  async (t) => {
    const { server, clock } = await start(t, { env: { TRUST_PROXY: "127.0.0.1" } });
    const from = (forwarded: string, endpoint: keyof typeof ENDPOINTS = "standard", more: Attempt = {}) =>
      ENDPOINTS[endpoint](server, { ...more, headers: { "X-Forwarded-For": forwarded, ...more.headers } });
    const here = { on: "network", id: "203.0.113.9" } as const;
    await take(server, here, 198);
    for (let n = 0; n < 3; n += 1)
      t.equal((await from("203.0.113.9", "standard", ALICE)).status, 200, "a success is none");
    t.equal((await from("203.0.113.9")).status, 400);
    t.equal((await from("203.0.113.9", "standard", { username: "nobody" })).status, 400);

    const refused = await from("203.0.113.9");
    t.equal(refused.status, 429);
    t.equal(refused.headers.get("retry-after"), "1");
    t.strictSame(refused.json, {
      error: "temporarily_unavailable",
      error_description: "too many attempts; try again later",
    });
    for (const [id, forwarded, more] of [
      ["an account there is not", "203.0.113.9", { username: "nobody" }],
      ["the right password", "203.0.113.9", ALICE],
      ["a forged hop before the proxy's word", "198.51.100.1, 203.0.113.9", {}],
      ["a port", "203.0.113.9:4711", {}],
      ["IPv4 in IPv6", "::ffff:203.0.113.9", {}],
    ] as const) {
      const { status, text } = await from(forwarded, "standard", more);
      t.strictSame({ status, text }, { status: 429, text: refused.text }, id);
    }
    const sis = await from("203.0.113.9", "sis");
    t.equal(sis.status, 400);
    t.equal(sis.headers.get("retry-after"), "1");
    t.match(sis.json, { error: "invalid_request", error_description: "too many attempts; try again later" });
    t.equal((await from("203.0.113.10", "standard", ALICE)).status, 200, "its neighbour is another");

    clock.advance(1);
    t.equal((await from("203.0.113.9", "standard", { username: "nobody" })).status, 400, "one more, after a second");
    t.equal((await from("203.0.113.9")).headers.get("retry-after"), "2", "and the next one after two");
    clock.advance(2);
    t.equal((await from("203.0.113.9", "standard", ALICE)).status, 200, "a right password is not refused for long");

    await take(server, { on: "network", id: "2001:db8:1:2::/64" }, 200);
    t.equal((await from("2001:db8:1:2:ffff::1")).status, 429, "IPv6 counts by /64");
    t.equal((await from("2001:db8:1:3::1", "standard", ALICE)).status, 200);
  },
);

t.test("DO-09 without a trusted proxy no client chooses its address", async (t) => {
  const { server } = await start(t);
  await take(server, { on: "network", id: "127.0.0.1" }, 200);
  t.equal((await ENDPOINTS.standard(server, { headers: { "X-Forwarded-For": "198.51.100.1" } })).status, 429);
  t.equal((await ENDPOINTS.standard(server, { headers: { Forwarded: "for=198.51.100.1" } })).status, 429);
  const machine = await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET));
  t.equal(machine.status, 200, "only password guesses are limited");

  const page = await ENDPOINTS.page(server);
  t.equal(page.status, 429);
  t.match(page.text, /Too many attempts/);
  t.equal(page.headers.get("retry-after"), "1");
  t.match(page.text, "Please wait 1 second and try again.");
  const browser = new Browser(server);
  const form = await browser.open("/account");
  const [, action] = /action="([^"]*)"/.exec(form.text)!;
  const [, csrf] =
    /name="csrf"[^>]*value="([^"]*)"/.exec(form.text) ?? /value="([^"]*)"[^>]*name="csrf"/.exec(form.text)!;
  const german = await browser.post(action!, { csrf: csrf!, action: "login", ...ALICE }, { "Accept-Language": "de" });
  t.match(german.text, /Zu viele Versuche/);
  t.match(
    german.text,
    `Bitte warten Sie ${german.headers.get("retry-after")} Sekunde`,
    "the page says what the header says",
  );
  t.match(german.text, `id="again" href="${action}"`, "and leads back to the form");
});

t.test("a locked account uses no attempts of the network, and refused attempts extend no lock", async (t) => {
  const { server, clock } = await start(t);
  await lock(server, clock);
  await take(server, { on: "network", id: "127.0.0.1" }, 199);
  for (let n = 0; n < 3; n += 1) await ENDPOINTS.standard(server);
  t.strictSame(refusals(server), Array(3).fill("too many attempts"), "there is still one left for the network");
  clock.advance(15 * MINUTE);
  t.equal((await right(server)).status, 200);
});

t.test("DO-01 a network with endless refused attempts gets no more refunds, and learns so", async (t) => {
  const { server, clock } = await start(t);
  await lock(server, clock);
  await take(server, { on: "network", id: "127.0.0.1" }, 198);
  const refused = { on: "refused of a network", id: "127.0.0.1" } as const;
  await take(server, refused, 1);
  await sql(server.database, "UPDATE tries SET count = 1999 WHERE count = 1");
  const answers = [];
  for (let n = 0; n < 4; n += 1) answers.push((await ENDPOINTS.standard(server)).status);
  t.strictSame(answers, [400, 400, 400, 429]);
  t.equal(
    (await ENDPOINTS.standard(server, { username: "nobody" })).status,
    429,
    "which reveals nothing about any name",
  );
  clock.advance(15 * MINUTE);
  t.equal((await right(server)).status, 200, "for a while");
});
