import { createHmac } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { decodeJwt } from "jose";
import t, { type Test } from "tap";
import { TestClock } from "../support/clock.js";
import { everythingIn } from "../support/dump.js";
import { FLEET } from "../support/fleet.js";
import { startInstance, type Instance, type Reply } from "../support/instance.js";
import { startRemote } from "../support/remote.js";
import { Browser } from "../support/web.js";
import { logIn } from "../support/tokens.js";
import { until } from "../support/until.js";

const PHONE = "+4930123456";
const EMAIL = "alice@example.com";
const MINUTE = 60;
const SIGNING_SECRET = "the-secret-of-the-webhook";

interface Message {
  readonly channel: string;
  readonly to: string;
  readonly code: string;
  readonly expires_in: number;
}

/** An instance whose codes arrive at a webhook. */
async function start(t: Test, options: { database?: string; clock?: TestClock } = {}) {
  const messages: Message[] = [];
  const signatures: { given: unknown; expected: string }[] = [];
  const webhook = await startRemote(t, async (request, response) => {
    const body = await buffer(request);
    const expected = `sha256=${createHmac("sha256", SIGNING_SECRET).update(body).digest("hex")}`;
    signatures.push({ given: request.headers["x-jeton-signature"], expected });
    messages.push(JSON.parse(body.toString("utf8")));
    response.writeHead(204).end();
  });
  const clock = options.clock ?? new TestClock();
  const env = { CODE_WEBHOOK_URL: `${webhook.url}/send`, CODE_WEBHOOK_SECRET: SIGNING_SECRET };
  const provision = options.database === undefined ? { provision: FLEET } : {};
  const server = await startInstance(t, { ...options, ...provision, clock, env });
  /** Asks for a code, and waits until it has arrived. */
  const receive = async (document: object): Promise<Message> => {
    const before = messages.length;
    await ask(server, document);
    await until("the code has arrived", async () => messages.length > before);
    return messages.at(-1)!;
  };
  return { server, clock, messages, signatures, receive };
}

function ask(server: Instance, document: unknown, headers = {}): Promise<Reply> {
  return server.send("/code", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: typeof document === "string" ? document : JSON.stringify(document),
  });
}

/** Another code than this one. */
const other = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, "0");

t.test("a user logs in with the confirmation code that the server sent", async (t) => {
  const { server, receive, signatures } = await start(t);

  await t.test("a code sent to the phone arrives in a signed message and logs the user in once", async (t) => {
    const message = await receive({ phone_number: "+49 (30) 12-34-56" });
    t.match(message, { channel: "sms", to: PHONE, code: /^\d{6}$/, expires_in: 300 });
    t.equal(signatures[0]!.given, signatures[0]!.expected);
    const { status, json } = await logIn(server, { username: "+49 30 123456", password: message.code });
    t.equal(status, 200);
    t.match(decodeJwt(json.id_token), { sub: "user-alice", amr: ["otp"] });
    t.equal((await logIn(server, { username: PHONE, password: message.code })).status, 400, "once");
  });

  await t.test("the user may write the phone number in any usual form", async (t) => {
    const { to, code } = await receive({ phone_number: "(+49) 30 123456" });
    t.equal(to, PHONE);
    t.equal((await logIn(server, { username: "(+49) 30/123456", password: code })).status, 200);
  });

  await t.test("a code is mailed to the registered address and accepted on the login page", async (t) => {
    const { channel, to, code } = await receive({ email: "ＡLICE@example.com" });
    t.strictSame({ channel, to }, { channel: "email", to: EMAIL });
    const browser = new Browser(server);
    const login = await browser.open("/account");
    const page = await browser.submit(login, "login", { username: EMAIL, password: code, action: "login" });
    t.equal(page.status, 200);
    t.notMatch(page.text, /id="login"/);
  });

  await t.test("a code works in both dialects, and a six-digit password still works as a password", async (t) => {
    await server.apply({
      users: [
        {
          sub: "user-dora",
          preferred_username: "dora",
          password: "123456",
          phone_number: "+4930999999",
          phone_number_verified: true,
        },
      ],
    });
    t.equal((await logIn(server, { username: "dora", password: "123456" })).status, 200);
    const { code } = await receive({ phone_number: "+4930999999" });
    t.equal((await logIn(server, { username: "dora", password: code })).status, 400, "the code belongs to the number");
    const form = { grant_type: "password", client_id: "mobile", scope: "api1", username: "+4930999999" };
    t.equal((await server.post("/token", { ...form, password: code })).status, 200);
  });
});

t.test("a code works once when fifty requests redeem it at once", async (t) => {
  const { server, clock, receive } = await start(t);
  const { server: twin } = await start(t, { database: server.database, clock });
  const { code } = await receive({ phone_number: PHONE });
  const { core } = server;
  const redeemed = await Promise.all(
    Array.from({ length: 50 }, (_, n) => (n % 2 ? core : twin.core).codes.redeem(PHONE, code)),
  );
  t.equal(redeemed.filter(Boolean).length, 1);
});

t.test("a code allows five attempts, lasts five minutes, and ends when a new one is requested", async (t) => {
  const { server, clock, receive } = await start(t);
  const { codes } = server.core;
  const CASES = [
    { id: "the fifth try", tries: 4, wait: 0, works: true },
    { id: "a sixth try", tries: 5, wait: 0, works: false },
    { id: "within its time", tries: 0, wait: 5 * MINUTE - 1, works: true },
    { id: "after its time", tries: 0, wait: 5 * MINUTE, works: false },
  ];
  for (const { id, tries, wait, works } of CASES) {
    clock.advance(15 * MINUTE);
    const { code } = await receive({ phone_number: PHONE });
    for (let n = 0; n < tries; n += 1) t.notOk(await codes.redeem(PHONE, other(code)));
    clock.advance(wait);
    t.equal(await codes.redeem(PHONE, code), works, id);
  }
  clock.advance(15 * MINUTE);
  const first = await receive({ phone_number: PHONE });
  const second = await receive({ phone_number: PHONE });
  const third = await receive({ email: EMAIL });
  t.notOk(first.code !== second.code && (await codes.redeem(PHONE, first.code)), "a new one replaces it");
  t.ok(await codes.redeem(PHONE, second.code));
  t.ok(await codes.redeem(EMAIL, third.code), "one to another address does not");
});

t.test("BF-05 wrong codes and wrong passwords count against the same limit", async (t) => {
  const { server, receive } = await start(t);
  const { code } = await receive({ phone_number: PHONE });
  for (let n = 0; n < 3; n += 1) t.equal((await logIn(server, { username: PHONE, password: other(code) })).status, 400);
  for (let n = 0; n < 2; n += 1) t.equal((await logIn(server, { username: "alice", password: "wrong" })).status, 400);
  t.equal((await logIn(server, { username: PHONE, password: code })).status, 400);
  t.match(server.log.at(-1), { reason: "too many attempts" });
});

t.test("the answers do not reveal whether a phone number or an email address is registered", async (t) => {
  const { server, clock, messages, receive } = await start(t);
  const strangers = [
    { phone_number: "+4930000000" },
    { email: "nobody@example.com" },
    { email: "bob@example.com" }, // on record, but not verified
  ];
  await server.apply({
    users: [
      { sub: "user-gone", preferred_username: "gone", email: "gone@example.com", email_verified: true, disabled: true },
    ],
  });
  await receive({ phone_number: PHONE });
  const known = await ask(server, { email: EMAIL });
  t.strictSame({ status: known.status, text: known.text }, { status: 200, text: "" });
  t.equal(known.headers.get("content-type"), null);
  const rows = async () => (await everythingIn(server.database)).confirmation_codes!.length;
  const before = await rows();
  for (const document of [...strangers, { email: "gone@example.com" }]) {
    const { status, text } = await ask(server, document);
    t.strictSame({ status, text }, { status: 200, text: "" }, JSON.stringify(document));
  }
  t.equal(await rows(), before + 4, "for everybody the same is stored");
  await until("the known one has it", async () => messages.length === 2);
  clock.advance(15 * MINUTE);
  await receive({ phone_number: PHONE });
  t.strictSame(new Set(messages.map(({ to }) => to)), new Set([EMAIL, PHONE]), "but nothing was sent to them");

  clock.advance(15 * MINUTE);
  const course = async (document: object) => {
    const answers = [];
    for (let n = 0; n < 4; n += 1) {
      const { status, text, headers } = await ask(server, document);
      answers.push({ status, text, retry: headers.get("retry-after") });
    }
    return answers;
  };
  const limited = await course({ phone_number: PHONE });
  t.strictSame(
    limited.map(({ status, retry }) => [status, retry]),
    [
      [200, null],
      [200, null],
      [200, null],
      [400, "900"],
    ],
    "three in a quarter of an hour",
  );
  t.match(limited[3]!.text, "too many attempts; try again later");
  t.strictSame(await course({ phone_number: "+4930000000" }), limited);
});

t.test("a network may request twenty codes in a quarter of an hour", async (t) => {
  const { server, clock } = await start(t);
  for (let n = 0; n < 20; n += 1) {
    t.equal((await ask(server, { phone_number: `+49300000${String(n).padStart(2, "0")}` })).status, 200);
  }
  const refused = await ask(server, { phone_number: PHONE });
  t.strictSame([refused.status, refused.headers.get("retry-after")], [400, "900"]);
  t.equal((await logIn(server)).status, 200, "logging in is another thing");
  clock.advance(15 * MINUTE);
  t.equal((await ask(server, { phone_number: PHONE })).status, 200);
});

const MISSING = "parameter phone_number is missing";
const MALFORMED = "the body is not valid JSON (duplicate names and U+0000 are not accepted)";
const BAD = [
  { id: "nothing in it", body: "{}", says: MISSING },
  { id: "an empty number", body: '{"phone_number":""}', says: MISSING },
  { id: "another name", body: '{"phone":"+4930123456"}', says: MISSING },
  { id: "a list", body: "[]", says: MISSING },
  { id: "no number", body: '{"phone_number":"call me"}', says: "the parameter phone_number is malformed" },
  { id: "a login name", body: '{"phone_number":"alice"}', says: "the parameter phone_number is malformed" },
  {
    id: "PA-02 a number of JSON",
    body: '{"phone_number":4930123456}',
    says: "the parameter phone_number is malformed",
  },
  { id: "PA-02 an object", body: '{"phone_number":{"a":1}}', says: "the parameter phone_number is malformed" },
  { id: "null, which is nothing there", body: '{"email":null}', says: "parameter phone_number is missing" },
  { id: "no email", body: '{"email":"alice"}', says: "the parameter email is malformed" },
  { id: "both", body: `{"phone_number":"${PHONE}","email":"${EMAIL}"}`, says: "the parameter email is malformed" },
  { id: "PA-15 a byte order mark", body: `\ufeff{"phone_number":"${PHONE}"}`, says: MALFORMED },
  { id: "PA-15 nothing", body: " ", says: MALFORMED },
  { id: "PA-15 null", body: "null", says: MALFORMED },
  { id: "PA-15 a text", body: '"x"', says: MALFORMED },
  { id: "PA-15 a number", body: "1", says: MALFORMED },
  { id: "PA-14 a name twice", body: '{"email":"a@b","\\u0065mail":"c@d"}', says: MALFORMED },
  { id: "PA-05 __proto__", body: '{"__proto__":{"phone_number":"+4930123456"}}', says: MALFORMED },
  { id: "PA-06 depth", body: `{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`, says: MALFORMED },
  { id: "PA-09 U+0000", body: '{"email":"a\\u0000@b"}', says: MALFORMED },
  { id: "PA-11 a lone surrogate", body: '{"email":"a\\ud800@b"}', says: MALFORMED },
];

t.test("a malformed request is refused in the dialect's format", async (t) => {
  const { server, messages } = await start(t);
  for (const { id, body, says } of BAD) {
    const { status, json } = await ask(server, body);
    const expected = { error: "invalid_request", error_description: says, error_uri: null };
    t.strictSame({ status, json }, { status: 400, json: expected }, id);
  }
  const invalid = await server.send("/code", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: Buffer.from([0x22, 0xff, 0x22]),
  });
  t.equal(invalid.status, 400, "PA-10 what is no UTF-8");
  t.equal((await ask(server, { email: "a".repeat(70_000) })).status, 413);
  t.match((await server.post("/code", { phone_number: PHONE })).json.error_description, "no parameter in body request");
  t.match((await ask(server, "", { "Content-Encoding": "gzip" })).json.error, "invalid_request");
  const query = await server.send(`/code?phone_number=${encodeURIComponent(PHONE)}`, { method: "POST" });
  t.match(query.json.error_description, "no parameter in body request");
  t.equal((await server.send("/code")).headers.get("allow"), "POST");
  const asJson = await server.send("/token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ grant_type: "client_credentials" }),
  });
  t.match(asJson.json.error_description, "no parameter in body request", "JSON is no form elsewhere");
  t.equal(({} as Record<string, unknown>).phone_number, undefined);
  t.equal(messages.length, 0);
});

t.test("without a webhook, a server with an embedded database writes the codes to files", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "jeton-outbox-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const env = { DATABASE_URL: "", DATA_DIR: folder, NODE_ENV: "production" };
  const server = await startInstance(t, { provision: FLEET, clock: new TestClock(), env });
  await ask(server, { phone_number: PHONE });
  await server.stop();
  const outbox = join(folder, "outbox");
  const [name, ...more] = await readdir(outbox);
  t.equal(more.length, 0, "what was under way when it stopped was done");
  t.match(name, /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z-[0-9a-f]{16}\.json$/);
  const path = join(outbox, name!);
  t.match(JSON.parse(await readFile(path, "utf8")), { channel: "sms", to: PHONE, code: /^\d{6}$/, expires_in: 300 });
  t.equal((await stat(path)).mode & 0o777, 0o600);
  t.equal((await stat(outbox)).mode & 0o777, 0o700);
});

t.test("without a webhook or an embedded database, every request for a code fails alike", async (t) => {
  const server = await startInstance(t, { provision: FLEET, clock: new TestClock() });
  for (const phone_number of [PHONE, "+4930000000"]) {
    const { status, json } = await ask(server, { phone_number });
    t.equal(status, 500);
    t.strictSame(json, {
      error: "unhandled_exception",
      error_description: "the twilio account is not properly configured",
      error_uri: null,
    });
  }
  const logged = server.log.filter(({ level }) => level === "error");
  t.strictSame(logged, [], "what the operator left out is nothing unexpected");
});

t.test("LG-01 codes, phone numbers and email addresses reach neither the log nor, in clear, the store", async (t) => {
  const { clock, server, receive } = await start(t);
  const sent = [await receive({ phone_number: PHONE }), await receive({ email: EMAIL })];
  const rows = (await everythingIn(server.database)).confirmation_codes!;
  // Without the hashes, in which six digits may occur by chance.
  const stored = rows.join("\n").replace(/\\x[0-9a-f]+/g, "");
  t.match(stored, /"expires_at"/);
  for (const { to, code } of sent) {
    await logIn(server, { username: to, password: code });
    t.notMatch(stored, code);
    t.notMatch(stored, to);
  }
  const env = { DATABASE_URL: "", DATA_DIR: "/dev/null/nowhere", NODE_ENV: "production" };
  const down = await startInstance(t, { database: server.database, clock, env });
  await ask(down, { email: EMAIL });
  await down.stop();
  const failure = down.log.find(({ type }) => type === "code_delivery")!;
  t.match(failure, { level: "warn", msg: "a confirmation code could not be delivered" });
  const lines = JSON.stringify([...server.log, ...down.log]);
  for (const secret of [PHONE, PHONE.slice(1), EMAIL, SIGNING_SECRET, ...sent.map(({ code }) => `"${code}"`)]) {
    t.notOk(lines.includes(secret), secret);
  }
});
