import { encode } from "cborg";
import { generate, parse, type ParsedPacket } from "coap-packet";
import t from "tap";
import { listenPlain } from "../../src/coap/udp.js";
import { bytesOf, coapClient, rawPeer, requestTo, type CoapAsked, type CoapReply } from "../support/coap.js";
import { TestClock } from "../support/clock.js";
import { TestTimers } from "../support/coap-lab.js";
import { sql } from "../support/database.js";
import { deviceEntry, deviceJwt, NEW_KEYS, pemOf } from "../support/devices.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { openGate } from "../support/gate.js";
import { startInstance, type Instance, type InstanceOptions } from "../support/instance.js";
import { until } from "../support/until.js";

const ID = "test.device.01";
const KEY = NEW_KEYS.ES256();
const ERROR_URI = "iot-idp.demo.apps.iothentix.com";
const ISSUER = "https://iot-idp.demo.apps.iothentix.com";
const ENV = { ISSUER, IOTHENTIX_ERROR_URI: ERROR_URI, COAP_PORT: "0" };
const SCOPE = "tenant.demo refresh.token temp";

const jwt = () => deviceJwt(ID, KEY);
const gateway = { client_id: "gateway", client_secret: SECRET };

async function startWithDevice(t: Parameters<typeof startInstance>[0], more: InstanceOptions = {}): Promise<Instance> {
  const server = await startInstance(t, { provision: FLEET, clock: new TestClock(), env: ENV, ...more });
  await server.apply({ devices: [deviceEntry(ID, KEY)] });
  return server;
}

/** Lets the client of npm send a body in blocks. It refuses to send more than 1,280 bytes in one datagram. */
const IN_BLOCKS: CoapAsked = { options: { Block1: Buffer.from([6]) } };

/** An error of the pages, in the form that this server gives it. */
function errorOf(error: string, error_description: string): string {
  return JSON.stringify({ error, error_uri: ERROR_URI, error_description });
}

const UNAUTHORIZED = errorOf("UNAUTHORIZED", "The request could not be authorized");
const FORBIDDEN = errorOf("FORBIDDEN", "The requested action was forbidden");
const BAD_REQUEST = errorOf("BAD_REQUEST", "The request format was incorrect");
const NOT_FOUND = errorOf("NOT_FOUND", "The requested resource could not be found");
const METHOD_NOT_ALLOWED = errorOf("METHOD_NOT_ALLOWED", "The requested method is not allowed for this resource");
const TOO_MANY = errorOf("TOO_MANY_REQUESTS", "Slow down");
const MEDIA_TYPE = "the content type or encoding of the body is not supported";
const UNSUPPORTED = errorOf("UNSUPPORTED_MEDIA_TYPE", MEDIA_TYPE);
const TOO_LARGE = errorOf("PAYLOAD_TOO_LARGE", "the body is too large");
const NOT_ACCEPTABLE = errorOf("NOT_ACCEPTABLE", "there is no answer in the requested format");

t.test("each documented request gets the documented answer over CoAP", async (t) => {
  const server = await startWithDevice(t);
  const ask = coapClient(t, server.coapPort);
  const take = (more: CoapAsked = {}) => ask("/as/token", { body: { client_id: ID, client_secret: jwt() }, ...more });
  const token = async () => (await take()).json.access_token as string;
  const issued = ({ json }: CoapReply) =>
    JSON.stringify({ access_token: json.access_token, expires_in: 3599, scope: SCOPE, token_type: "bearer" });
  const active = ({ json }: CoapReply) =>
    JSON.stringify({ active: true, sub: ID, scope: SCOPE, iss: ISSUER, exp: json.exp });
  const post = (path: string, body: CoapAsked["body"], more: CoapAsked = {}) => ask(path, { body, ...more });

  const CASES: readonly (readonly [
    string,
    () => Promise<CoapReply>,
    string,
    string | ((seen: CoapReply) => string),
  ])[] = [
    ["a token", take, "2.01", issued],
    ["a token for a request without acknowledgement", () => take({ confirmable: false }), "2.01", issued],
    ["no JWT", () => post("/as/token", { client_id: ID }), "4.01", UNAUTHORIZED],
    ["a bad JWT", () => post("/as/token", { client_id: ID, client_secret: "a.b.c" }), "4.03", FORBIDDEN],
    ["no client_id", () => post("/as/token", { client_secret: jwt() }), "4.00", BAD_REQUEST],
    ["no body", () => post("/as/token", ""), "4.00", BAD_REQUEST],
    ["a parameter twice", () => post("/as/token", `client_id=${ID}&client_id=x`), "4.00", BAD_REQUEST],
    ["a body that is not UTF-8", () => post("/as/token", Buffer.from([0x61, 0x3d, 0xff])), "4.00", BAD_REQUEST],
    ["a credential in the query", () => take({ query: "client_secret=x" }), "4.03", FORBIDDEN],
    ["another format", () => take({ format: 40 }), "4.15", UNSUPPORTED],
    ["an answer in another format", () => take({ accept: 40 }), "4.06", NOT_ACCEPTABLE],
    ["an unknown path", () => post("/as/nothing", {}), "4.04", NOT_FOUND],
    ["an unknown path with a slash in a segment", () => post("/as%2ftoken", {}), "4.04", NOT_FOUND],
    ["a renewal", async () => post("/as/renew/token", { client_id: ID, token: await token() }), "2.01", issued],
    ["a renewal without a token", () => post("/as/renew/token", { client_id: ID }), "4.00", BAD_REQUEST],
    ["an unknown token", () => post("/as/renew/token", { client_id: ID, token: "x" }), "4.03", FORBIDDEN],
    ["introspection", async () => post("/idp/introspect", { token: await token(), ...gateway }), "2.01", active],
    ["introspection by the device", async () => post("/idp/introspect", { token: await token() }), "2.01", active],
    [
      "introspection of no token",
      () => post("/idp/introspect", { token: "x", ...gateway }),
      "2.01",
      '{"active":false}',
    ],
    [
      "introspection with a wrong secret",
      () => post("/idp/introspect", { token: "x", client_id: "gateway", client_secret: "no" }),
      "4.01",
      FORBIDDEN,
    ],
    ...(["GET", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"] as const).map(
      (method) => [`${method} of a token`, () => ask("/as/token", { method }), "4.05", METHOD_NOT_ALLOWED] as const,
    ),
  ];
  for (const [name, request, code, body] of CASES) {
    await t.test(name, async (t) => {
      const seen = await request();
      t.equal(seen.code, code);
      t.equal(seen.text, typeof body === "string" ? body : body(seen));
      t.equal(seen.format, "application/json");
      t.equal(seen.maxAge, undefined);
    });
  }

  await t.test("a device replaces its key", async (t) => {
    const old = NEW_KEYS.ES256();
    const next = NEW_KEYS.RS256();
    await server.apply({ devices: [deviceEntry("another", old)] });
    const client_secret = deviceJwt("another", old, { claims: { public_key: pemOf(next) } });
    const seen = await post("/device/update/pubkey", { client_secret, pop: next.prove(client_secret) }, IN_BLOCKS);
    t.strictSame([seen.code, seen.text], ["2.01", '{"Success":"Public key updated"}']);
    const taken = await post("/as/token", { client_id: "another", client_secret: deviceJwt("another", next) });
    t.equal(taken.code, "2.01");
  });

  await t.test("a body in blocks reaches the server, and a body beyond 64 KiB does not", async (t) => {
    const body = { client_id: ID, client_secret: jwt(), more: "x".repeat(2_500) };
    const seen = await post("/as/token", body, IN_BLOCKS);
    t.equal(seen.code, "2.01");
    const peer = await rawPeer(t, server.coapPort);
    const options = [
      { name: "Block1" as const, value: Buffer.from([0x0e]) },
      { name: "Size1" as const, value: Buffer.from([1, 0, 1]) },
    ];
    peer.send(requestTo("/as/token", { options, payload: Buffer.alloc(1_024, "x") }));
    const refused = parse(await peer.next());
    t.strictSame([refused.code, refused.payload.toString()], ["4.13", TOO_LARGE]);
  });

  await t.test("a device that asks too often is told when to come again", async (t) => {
    const attempt = { on: "tokens of a device", id: ID } as const;
    for (let count = 0; count < 100; count += 1) {
      await server.core.rateLimits.consumeIfSuccessful(attempt, async () => true).catch(() => undefined);
    }
    const seen = await take();
    t.strictSame([seen.code, seen.text], ["4.29", TOO_MANY]);
    t.ok(seen.maxAge! > 0 && seen.maxAge! <= 60);
  });

  await t.test("a decision is logged with its transport and without secrets", async (t) => {
    const seen = await ask("/as/token", { body: { client_id: "nobody", client_secret: jwt() } });
    t.equal(seen.code, "4.03");
    const line = server.log.findLast(({ type }) => type === "decision")!;
    t.match(line, { transport: "coap", dialect: "iothentix", operation: "token", endpoint: "/as/token", status: 403 });
    t.match(line, { ip: "127.0.0.1", peer_ip: "127.0.0.1", outcome: "refused", refused_with: "device_jwt_wrong" });
    t.match(line.decision_id, /^[0-9a-f-]{36}$/);
    await ask("/as/nothing", {});
    t.match(
      server.log.findLast(({ type }) => type === "decision"),
      { method: "POST", path: "/as/nothing", status: 404 },
    );
    t.notMatch(JSON.stringify(server.log), /eyJ|jat_/);
  });

  await t.test("an internal error has the nested format and the id of its log line", async (t) => {
    await sql(server.database, "ALTER TABLE device_jtis RENAME TO device_jtis_gone");
    await server.apply({ devices: [deviceEntry("fresh", KEY)] });
    const seen = await post("/as/token", { client_id: "fresh", client_secret: deviceJwt("fresh", KEY) });
    t.equal(seen.code, "5.00");
    const message = "An internal server error occurred, please contact the system administrator";
    const { request } = seen.json.error;
    t.strictSame(seen.json, { error: { code: 500, status: "Internal Server Error", request, message } });
    t.ok(server.log.some(({ decision_id }) => decision_id === request));
  });
});

t.test("a body is read by its format, or by what it is, and the answer has the same format", async (t) => {
  const server = await startWithDevice(t);
  const ask = coapClient(t, server.coapPort);
  const texts = () => ({ client_id: ID, client_secret: jwt() });
  const numbers = (secret: unknown = jwt()) =>
    new Map<number, unknown>([
      [24, ID],
      [25, secret],
    ]);
  const JSON_TYPE = "application/json";
  const CASES: readonly (readonly [string, CoapAsked, string, "text" | "number" | "json"])[] = [
    ["JSON", { body: JSON.stringify(texts()), format: 50 }, JSON_TYPE, "json"],
    ["JSON as text", { body: JSON.stringify(texts()), format: 0 }, JSON_TYPE, "json"],
    ["JSON without a format", { body: ` ${JSON.stringify(texts())}` }, JSON_TYPE, "json"],
    ["a form as text", { body: texts(), format: 0 }, JSON_TYPE, "json"],
    ["CBOR", { body: Buffer.from(encode(texts())), format: 60 }, "application/cbor", "text"],
    ["CBOR without a format", { body: Buffer.from(encode(texts())) }, "application/cbor", "text"],
    ["CBOR of RFC 9200", { body: Buffer.from(encode(numbers())), format: 19 }, "application/ace+cbor", "number"],
    [
      "CBOR with a byte string",
      { body: Buffer.from(encode(numbers(Buffer.from(jwt())))), format: 19 },
      "application/ace+cbor",
      "number",
    ],
    ["CBOR of RFC 9200 with texts", { body: Buffer.from(encode(texts())), format: 19 }, "application/ace+cbor", "text"],
    ["CBOR with numbers", { body: Buffer.from(encode(numbers())), format: 60 }, "application/cbor", "number"],
    ["a form, and CBOR wanted", { body: texts(), accept: 60 }, "application/cbor", "text"],
    ["a form, and CBOR of RFC 9200 wanted", { body: texts(), accept: 19 }, "application/ace+cbor", "number"],
    ["CBOR, and JSON wanted", { body: Buffer.from(encode(texts())), format: 60, accept: 50 }, JSON_TYPE, "json"],
  ];
  for (const [name, asked, format, keys] of CASES) {
    await t.test(name, async (t) => {
      const seen = await ask("/as/token", asked);
      t.strictSame([seen.code, seen.format], ["2.01", format]);
      if (keys === "json") return void t.match(seen.json, { expires_in: 3599, token_type: "bearer" });
      const members = seen.cbor;
      const has = (number: number, text: string) => members.get(keys === "number" ? number : text);
      t.match(Buffer.from(has(1, "access_token") as string).toString(), /^jat_/);
      t.strictSame([has(2, "expires_in"), has(9, "scope")], [3599, SCOPE]);
      t.equal(has(34, "token_type"), keys === "number" ? 1 : "bearer");
      t.equal(members.size, 4);
    });
  }
  await t.test("an error is in the same format", async (t) => {
    const refused = await ask("/as/token", { body: Buffer.from(encode(new Map([[24, ID]]))), format: 19 });
    t.strictSame([refused.code, refused.format], ["4.01", "application/ace+cbor"]);
    const words = ["UNAUTHORIZED", "The request could not be authorized", ERROR_URI];
    t.strictSame(
      [30, 31, 32].map((key) => refused.cbor.get(key)),
      words,
    );
    const broken = await ask("/as/token", { body: Buffer.from([0xff]), format: 60 });
    t.strictSame([broken.code, broken.cbor.get("error")], ["4.00", "BAD_REQUEST"]);
  });
  await t.test("introspection in CBOR with numbers", async (t) => {
    const taken = await ask("/as/token", { body: Buffer.from(encode(numbers())), format: 19 });
    const body = encode(
      new Map<number, unknown>([
        [11, taken.cbor.get(1)],
        [24, "gateway"],
        [25, SECRET],
      ]),
    );
    const { cbor } = await ask("/idp/introspect", { body: Buffer.from(body), format: 19 });
    t.strictSame(
      [10, 2, 9, 1].map((key) => cbor.get(key)),
      [true, ID, SCOPE, ISSUER],
    );
    t.type(cbor.get(4), "number");
  });
});

t.test("CP-03 a repeated message gets the same bytes, and a JWT is used once", async (t) => {
  const server = await startWithDevice(t);
  const second = await startInstance(t, { database: server.database, clock: new TestClock(), env: ENV });
  const payload = bytesOf({ client_id: ID, client_secret: jwt() });
  const [peer, other] = [await rawPeer(t, server.coapPort), await rawPeer(t, second.coapPort)];
  const request = requestTo("/as/token", { messageId: 99, payload });
  const acknowledge = ({ confirmable, messageId }: ParsedPacket) => {
    if (confirmable) peer.send(generate({ code: "0.00", ack: true, messageId }));
  };
  for (let count = 0; count < 5; count += 1) peer.send(request);
  await until("the request is answered", async () => server.log.some(({ type }) => type === "decision"));
  peer.send(request);
  const answers = (await peer.settled()).map((datagram) => datagram.toString("hex"));
  const [token, ...more] = [...new Set(answers)].filter((one) => parse(Buffer.from(one, "hex")).code !== "0.00");
  t.equal(parse(Buffer.from(token!, "hex")).code, "2.01");
  t.strictSame(more, []);
  acknowledge(parse(Buffer.from(token!, "hex")));
  const jtis = await sql(server.database, "SELECT count(*)::int AS count FROM device_jtis");
  t.equal(jtis[0]!.count, 1);
  const decisions = server.log.filter(({ type }) => type === "decision");
  t.equal(decisions.length, 1, "one decision");
  other.send(request);
  t.equal(parse(await other.next()).code, "4.03", "another instance did not see the first message");
});

t.test("an answer that the database delays is sent separately, also to a client of npm", async (t) => {
  const timers = new TestTimers();
  const server = await startWithDevice(t, { timers });
  const ask = coapClient(t, server.coapPort);
  const peer = await rawPeer(t, server.coapPort);
  await sql(server.database, "SELECT 1");
  const { db } = server.core;
  const blocker = await db.pool.connect();
  await blocker.query("BEGIN");
  await blocker.query("LOCK TABLE device_jtis IN ACCESS EXCLUSIVE MODE");
  const form = () => ({ client_id: ID, client_secret: jwt() });
  peer.send(requestTo("/as/token", { messageId: 5, payload: bytesOf(form()) }));
  const byClient = ask("/as/token", { body: form() });
  await until("both wait", async () => {
    const sessions =
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    return (await sql(server.database, sessions))[0]!.count === 2;
  });
  await timers.move(1_000);
  const acknowledged = parse(await peer.next());
  t.match(acknowledged, { ack: true, code: "0.00", messageId: 5 });
  await blocker.query("COMMIT");
  blocker.release();
  const answer = parse(await peer.next());
  t.match(answer, { confirmable: true, code: "2.01", token: Buffer.from([7]) });
  await timers.move(3_000);
  t.strictSame(parse(await peer.next()), answer, "it is sent again until it is acknowledged");
  peer.send(Buffer.from([0x60, 0, answer.messageId >> 8, answer.messageId & 255]));
  t.equal((await byClient).code, "2.01");
  await peer.settled();
  await timers.move(60_000);
  t.strictSame(await peer.settled(), []);
});

t.test("a server that cannot be served by its database, or stops, says when to come again", async (t) => {
  const server = await startWithDevice(t, { timers: new TestTimers() });
  const gate = await openGate(t, server.database);
  const behind = await startInstance(t, { database: gate.url, clock: new TestClock(), env: ENV });
  const ask = coapClient(t, behind.coapPort);
  await gate.shut();
  const refused = await ask("/as/token", { body: { client_id: ID, client_secret: jwt() } });
  t.strictSame([refused.code, refused.json.error, refused.maxAge], ["5.03", "SERVICE_UNAVAILABLE", 1]);
  await gate.open();

  const blocker = await server.core.db.pool.connect();
  await blocker.query("BEGIN");
  await blocker.query("LOCK TABLE device_jtis IN ACCESS EXCLUSIVE MODE");
  const peer = await rawPeer(t, server.coapPort);
  peer.send(requestTo("/as/token", { messageId: 5, payload: bytesOf({ client_id: ID, client_secret: jwt() }) }));
  await peer.settled();
  const stopped = server.stop();
  peer.send(requestTo("/as/token", { messageId: 6, payload: bytesOf({ client_id: ID, client_secret: jwt() }) }));
  const turnedAway = parse(await peer.next());
  t.match(turnedAway, { code: "5.03", messageId: 6 });
  t.equal(maxAgeOf(turnedAway), 5);
  await blocker.query("COMMIT");
  blocker.release();
  t.match(parse(await peer.next()), { code: "2.01", messageId: 5 }, "an accepted request is answered");
  await stopped;
});

function maxAgeOf({ options }: ParsedPacket): number | undefined {
  return options.find(({ name }) => name === "Max-Age")?.value[0];
}

t.test("the list of resources is in the link format, and can be filtered", async (t) => {
  const server = await startWithDevice(t);
  const ask = coapClient(t, server.coapPort);
  const core = (more: CoapAsked = {}) => ask("/.well-known/core", { method: "GET", ...more });
  const all = await core();
  t.strictSame([all.code, all.format], ["2.05", "application/link-format"]);
  const paths = ({ text }: CoapReply) => [...text.matchAll(/<([^>]+)>/g)].map(([, path]) => path);
  t.strictSame(paths(all), ["/as/token", "/as/renew/token", "/idp/introspect", "/device/update/pubkey"]);
  t.match(all.text, '</as/token>;rt="iothentix.token";ct="50 60 19",');
  const FILTERS: readonly (readonly [string, readonly string[]])[] = [
    ["rt=iothentix.token", ["/as/token"]],
    ["rt=iothentix.*", paths(all) as string[]],
    ["rt=nothing", []],
    ["href=/as/*", ["/as/token", "/as/renew/token"]],
    ["ct=60", paths(all) as string[]],
    ["if=sensor", []],
    ["constructor=x", []],
  ];
  for (const [query, wanted] of FILTERS) t.strictSame(paths(await core({ query })), wanted, query);
  t.equal((await core({ accept: 50 })).code, "4.06");
  t.equal((await core({ method: "POST" })).code, "4.05");
  t.equal((await core({ options: { Block2: Buffer.from([1]) } })).text, all.text, "also in blocks");
});

t.test("CP-08 refusals of CoAP itself are logged as decisions, and a flood of them is cut", async (t) => {
  const timers = new TestTimers();
  const server = await startWithDevice(t, { timers });
  const peer = await rawPeer(t, server.coapPort);
  const refusals = () => server.log.filter(({ type, outcome }) => type === "decision" && outcome === "refused");
  peer.send(requestTo("/as/token", { options: [{ name: "Block1", value: Buffer.from([0x10]) }] }));
  t.equal(parse(await peer.next()).code, "4.08");
  t.match(refusals(), [
    { transport: "coap", ip: "127.0.0.1", refused_with: "coap_blocks_missing", operation: "token", status: 408 },
  ]);
  for (let messageId = 2; messageId < 152; messageId += 1) {
    peer.send(requestTo("/aB3xK9qZ7c", { messageId, options: [{ name: "If-Match", value: Buffer.alloc(1) }] }));
    t.equal(parse(await peer.next()).code, "4.02");
  }
  t.equal(refusals().length, 100);
  t.match(refusals().at(-1), { refused_with: "coap_option_unsupported", path: "/*", status: 402 });
  await timers.move(10_000);
  t.match(server.log.at(-1), { level: "warn", type: "coap", left_out: 51 });
  peer.send(requestTo("/as/token", { messageId: 152, options: [{ name: "If-Match", value: Buffer.alloc(1) }] }));
  await peer.settled();
  t.equal(refusals().length, 101, "the next one has its line");
});

t.test("plain CoAP is received on loopback only, and needs a port that is free", async (t) => {
  const env = (COAP_PORT: string, more = {}) => ({ ...ENV, COAP_PORT, ...more });
  const refusing = (given: Record<string, string>, message: RegExp) =>
    t.rejects(startInstance(t, { clock: new TestClock(), env: given }), { message });
  for (const text of ["0.0.0.0:5683", "65536", "on"])
    await refusing(env(text), /^COAP_PORT must be default or a port number: /);
  const service = { received: () => {}, gone: () => {} };
  const first = await listenPlain(0, service);
  const message = `cannot receive CoAP on 127.0.0.1 port ${first.port} (EADDRINUSE)`;
  await t.rejects(listenPlain(first.port, service), { message });
  await first.stop();
  await (await listenPlain(first.port, service)).stop();
  await refusing(env("0", { DIALECTS: "oauth2" }), /^DIALECTS must include iothentix for COAP_PORT/);
});
