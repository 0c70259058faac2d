import { generateKeyPairSync, randomBytes } from "node:crypto";
import t from "tap";
import { ALERT } from "../../src/dtls/alerts.js";
import { CIPHER_SUITES } from "../../src/dtls/cipher-suites.js";
import { readCredentials } from "../../src/dtls/credentials.js";
import { isWhole, MESSAGE, readFragments, writeFragment } from "../../src/dtls/handshake-messages.js";
import { HANDSHAKE_LIFE } from "../../src/dtls/limits.js";
import { CONTENT, recordsOf } from "../../src/dtls/record.js";
import { selfSigned } from "../support/certificate.js";
import { DtlsClient, type ClientChoices } from "../support/dtls-client.js";
import { DtlsHouse, endpoint } from "../support/dtls-house.js";

const HERE = endpoint(1000);

const RSA = readCredentials(selfSigned("localhost", { keys: generateKeyPairSync("rsa", { modulusLength: 2048 }) }));
const P_384 = readCredentials(selfSigned("localhost", { keys: generateKeyPairSync("ec", { namedCurve: "P-384" }) }));

/** The handshake messages in datagrams of the server: type, and bytes of the part. */
function partsIn(datagrams: readonly Buffer[]): readonly (readonly [number, number])[] {
  const records = datagrams.flatMap((datagram) => [...recordsOf(datagram)]);
  const fragments = records.filter(({ type }) => type === CONTENT.handshake).flatMap(({ body }) => readFragments(body));
  return fragments.map(({ type, part }) => [type, part.length] as const);
}

t.test("each suite gives a session, with each kind of key that can sign it", async (t) => {
  for (const { name, exchange } of CIPHER_SUITES.filter(({ exchange }) => exchange !== "psk")) {
    const house = new DtlsHouse();
    if (exchange === "ecdhe_rsa") house.credentials = RSA;
    const client = house.connect(HERE, { suites: [name] });
    house.exchange(client, HERE, client.data("hello"));
    t.strictSame(client.texts, ["HELLO"], name);
    t.equal(client.suite?.name, name);
  }
});

t.test("each group gives a session, and so does a client without the extended master secret", async (t) => {
  const choices: readonly ClientChoices[] = [
    { groups: [29] },
    { groups: [23, 29] },
    { groups: [24, 23] },
    { extendedMasterSecret: false },
    { version: 0xfefc },
  ];
  for (const choice of choices) {
    const house = new DtlsHouse();
    if (choice.groups?.[0] === 24) house.credentials = P_384;
    if (choice.groups?.[0] === 29) house.credentials = RSA;
    t.ok(house.connect(HERE, choice).isConnected, JSON.stringify(choice));
  }
});

t.test("DT-05 a client that offers nothing acceptable gets an alert, and the server keeps nothing", async (t) => {
  const refusals: readonly (readonly [string, ClientChoices, number])[] = [
    ["DTLS 1.0", { version: 0xfeff }, ALERT.protocolVersion],
    ["DTLS 1.0 because a newer version failed", { version: 0xfeff, signals: [0x5600] }, ALERT.inappropriateFallback],
    ["no TLS at all", { version: 0x0303 }, ALERT.protocolVersion],
    ["no suite", { suites: [] }, ALERT.handshakeFailure],
    ["a suite for another key", { suites: ["ECDHE-RSA-AES128-GCM-SHA256"] }, ALERT.handshakeFailure],
    ["no group", { groups: [0x0100] }, ALERT.handshakeFailure],
    ["a group, but not the curve of the certificate", { groups: [29] }, ALERT.handshakeFailure],
    ["SHA-1 only", { extensions: [[13, Buffer.from([0, 2, 2, 3])]] }, ALERT.handshakeFailure],
    ["compression", { compression: Buffer.from([1]) }, ALERT.illegalParameter],
    ["a renegotiation", { extensions: [[0xff01, Buffer.from([1, 7])]] }, ALERT.handshakeFailure],
  ];
  for (const [what, choices, alert] of refusals) {
    const house = new DtlsHouse();
    const client = house.greet(HERE, choices);
    t.strictSame(client.seen, ["helloVerifyRequest", `alert ${alert}`], what);
    t.strictSame(house.server.counts, { handshakes: 0, sessions: 0 }, what);
    t.equal(house.time.waiting, 0, what);
  }
});

t.test(
  "before a cookie is verified the server keeps nothing, and its answer is no larger than the request",
  async (t) => {
    const house = new DtlsHouse();
    const smallest = new DtlsClient({ suites: ["ECDHE-ECDSA-AES128-CCM8"], signals: [] }, randomBytes);
    for (const client of [smallest, new DtlsClient({}, randomBytes)]) {
      const hello = client.hello();
      house.server.receive(hello, HERE);
      const answers = house.take(HERE);
      t.equal(answers.length, 1);
      t.ok(answers[0]!.length <= hello.length, `${answers[0]!.length} bytes for ${hello.length}`);
      t.strictSame(partsIn(answers)[0]![0], MESSAGE.helloVerifyRequest);
    }
    t.strictSame(house.server.counts, { handshakes: 0, sessions: 0 });
    t.equal(house.time.waiting, 0);
  },
);

t.test("DT-02 a cookie is valid at its address, for its ClientHello, and for two minutes at most", async (t) => {
  const isAccepted = (after: number, from = HERE, change = (hello: Buffer) => hello) => {
    const house = new DtlsHouse();
    const client = new DtlsClient({}, randomBytes);
    house.exchange(client, HERE, client.hello());
    house.time.pass(after);
    house.server.receive(change(client.hello()), from);
    return house.server.counts.handshakes === 1;
  };
  const flip = (at: number) => (hello: Buffer) => {
    hello[at]! ^= 1;
    return hello;
  };
  const RANDOM_AT = 13 + 12 + 2;
  const COOKIE_AT = RANDOM_AT + 32 + 1 + 1;
  t.ok(isAccepted(0));
  t.ok(isAccepted(59_000));
  t.notOk(isAccepted(121_000));
  t.notOk(isAccepted(0, endpoint(1001)));
  t.notOk(isAccepted(0, endpoint(1000, "192.0.2.2")));
  t.notOk(isAccepted(0, HERE, flip(RANDOM_AT)));
  t.notOk(isAccepted(0, HERE, flip(COOKIE_AT)));
});

t.test(
  "flight 4 is sent again after 1, 2, 4 seconds and so on, with new record numbers, until a minute is over",
  async (t) => {
    const house = new DtlsHouse();
    house.greet(HERE);
    t.equal(house.server.counts.handshakes, 1);
    const times: number[] = [];
    house.carry = () => times.push(house.time.now());
    house.time.pass(HANDSHAKE_LIFE - 1);
    t.strictSame([...new Set(times)], [1_000, 3_000, 7_000, 15_000, 31_000]);
    house.time.pass(1);
    t.strictSame(house.server.counts, { handshakes: 0, sessions: 0 });
    t.equal(house.time.waiting, 0);
    t.strictSame(house.failures, ["the client did not finish it in time"]);
    const numbers = house.sent.flatMap(({ datagram }) => [...recordsOf(datagram)].map(({ sequence }) => sequence));
    t.equal(new Set(numbers).size, numbers.length);
  },
);

t.test("a flight that got no answer twice is sent in smaller datagrams, and a client puts it together", async (t) => {
  const house = new DtlsHouse();
  house.credentials = { ...RSA, chain: [...RSA.chain, ...RSA.chain, ...RSA.chain] };
  const client = new DtlsClient({}, randomBytes);
  house.exchange(client, HERE, client.hello());
  house.server.receive(client.hello(), HERE);
  t.ok(Math.max(...house.take(HERE).map(({ length }) => length)) > 1_100);
  house.time.pass(1_000);
  house.take(HERE);
  house.time.pass(2_000);
  const datagrams = house.take(HERE);
  t.ok(Math.max(...datagrams.map(({ length }) => length)) <= 508);
  for (const datagram of [...datagrams].reverse()) client.receive(datagram);
  t.strictSame(client.seen.slice(1), ["serverHello", "certificate", "serverKeyExchange", "serverHelloDone"]);
  house.exchange(client, HERE, ...client.answer());
  t.ok(client.isConnected);
});

t.test("flight 5 may arrive in fragments, out of order, twice, and without ChangeCipherSpec", async (t) => {
  const house = new DtlsHouse();
  const client = house.greet(HERE, { suites: ["ECDHE-ECDSA-AES128-CCM8"] });
  const [exchange, , finished] = client.answer();
  const [whole] = readFragments([...recordsOf(exchange)][0]!.body);
  t.ok(isWhole(whole!));
  const fragments = [0, 10, 20, 30].map((offset) => {
    const part = whole!.part.subarray(offset, offset + (offset === 30 ? 100 : 15));
    return client.writer.plain(CONTENT.handshake, writeFragment({ ...whole!, offset, part }));
  });
  house.exchange(client, HERE, finished, ...fragments.reverse(), exchange, finished, exchange);
  t.ok(client.isConnected);
  t.strictSame(house.server.counts, { handshakes: 0, sessions: 1 });
});

t.test("flight 6 is sent again for each Finished that the client repeats", async (t) => {
  const house = new DtlsHouse();
  const client = house.greet(HERE);
  for (const record of client.answer()) house.server.receive(record, HERE);
  t.equal(house.take(HERE).length, 1, "lost");
  for (const record of client.answer()) house.server.receive(record, HERE);
  house.exchange(client, HERE);
  t.ok(client.isConnected);
  house.exchange(client, HERE, client.data("hello"));
  t.strictSame(client.texts, ["HELLO"]);
});

t.test("a ClientHello that arrives again gets flight 4 again, a few times, and is signed once", async (t) => {
  const house = new DtlsHouse();
  const client = house.greet(HERE);
  const hello = client.hello();
  for (let count = 0; count < 50; count += 1) house.server.receive(hello, HERE);
  t.ok(house.take(HERE).length < 30);
  t.equal(house.server.counts.handshakes, 1);
  house.exchange(client, HERE, ...client.answer());
  t.ok(client.isConnected);
  house.server.receive(hello, HERE);
  t.strictSame(house.take(HERE), [], "a late copy gets no answer");
});

t.test("DT-03 a point that is not of the group ends the handshake", async (t) => {
  const points: readonly (readonly [string, number, Buffer])[] = [
    ["P-256: not on the curve", 23, Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)])],
    ["P-256: compressed", 23, Buffer.concat([Buffer.from([2]), Buffer.alloc(32, 1)])],
    ["P-256: infinity", 23, Buffer.from([0])],
    ["P-256: empty", 23, Buffer.alloc(0)],
    ["X25519: zero", 29, Buffer.alloc(32)],
    ["X25519: of order 8", 29, Buffer.from("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "hex")],
    ["X25519: too short", 29, Buffer.alloc(31, 9)],
  ];
  for (const [what, group, point] of points) {
    const house = new DtlsHouse();
    house.credentials = RSA;
    const client = house.greet(HERE, { groups: [group] });
    house.exchange(client, HERE, ...client.answer(point));
    t.equal(client.seen.at(-1), `alert ${ALERT.illegalParameter}`, what);
    t.strictSame(house.server.counts, { handshakes: 0, sessions: 0 }, what);
  }
});

t.test(
  "a handshake that was changed on the way ends, and a cookie is for the suites that it was made for",
  async (t) => {
    const replaced = (hello: Buffer, text: string, by: string) =>
      Buffer.from(hello.toString("hex").replace(text, by), "hex");
    const house = new DtlsHouse();
    const client = new DtlsClient({}, randomBytes);
    house.exchange(client, HERE, client.hello());
    house.exchange(client, HERE, replaced(client.hello(), "c02bc02f", "ffffffff"));
    t.strictSame(client.seen, ["helloVerifyRequest", "helloVerifyRequest"]);

    // No cookie is over the extensions. Without RFC 7627 the keys are not either, and Finished alone shows the change.
    const extensions: ClientChoices["extensions"] = [[0x7777, Buffer.from([1, 2, 3])]];
    for (const [extendedMasterSecret, last] of [
      [false, `alert ${ALERT.decryptError}`],
      [true, "serverHelloDone"],
    ] as const) {
      const other = new DtlsClient({ extensions, extendedMasterSecret }, randomBytes);
      house.exchange(other, HERE, other.hello());
      house.exchange(other, HERE, replaced(other.hello(), "7777", "7778"));
      house.exchange(other, HERE, ...other.answer());
      t.equal(other.seen.at(-1), last);
      t.equal(house.server.counts.sessions, 0);
    }
  },
);

t.test("DT-04 Finished without protection is none", async (t) => {
  const house = new DtlsHouse();
  const client = house.greet(HERE);
  const [exchange] = client.answer();
  const finished = { type: MESSAGE.finished, sequence: 3, length: 12, offset: 0, part: Buffer.alloc(12) };
  house.exchange(client, HERE, exchange, client.writer.plain(CONTENT.handshake, writeFragment(finished)));
  t.notOk(client.isConnected);
  t.strictSame(house.server.counts, { handshakes: 1, sessions: 0 });
});

t.test("a new certificate is used for the next handshake, and sessions go on", async (t) => {
  const house = new DtlsHouse();
  const before = house.connect(HERE);
  house.credentials = RSA;
  const later = house.connect(endpoint(1001));
  t.match(later.suite?.name, /RSA/);
  house.exchange(before, HERE, before.data("still here"));
  t.strictSame(before.texts, ["STILL HERE"]);
});

const PSK = { identity: "meter", key: "correct horse battery staple" };

/** A house that knows the key of one identity, and how often it was asked. */
function houseWithPsk(find: (key: Buffer) => Promise<Buffer | undefined> = (key) => Promise.resolve(key)) {
  const house = new DtlsHouse();
  const asked: string[] = [];
  house.pskOf = (identity) => {
    asked.push(String(identity));
    return find(String(identity) === PSK.identity ? Buffer.from(PSK.key) : randomBytes(16));
  };
  return { house, asked };
}

const lookedUp = () => new Promise((resolve) => setImmediate(resolve));

/** Hands datagrams to the server, and to the client what it answers after the key is looked up. */
async function exchangeWithPsk(house: DtlsHouse, client: DtlsClient, ...datagrams: readonly Buffer[]): Promise<void> {
  house.exchange(client, HERE, ...datagrams);
  await lookedUp();
  house.exchange(client, HERE);
}

t.test("each suite with a PSK gives a session, in any order of flight 5, and no certificate is sent", async (t) => {
  for (const { name } of CIPHER_SUITES.filter(({ exchange }) => exchange === "psk")) {
    for (const connectionId of [undefined, Buffer.from("0102", "hex")]) {
      const { house, asked } = houseWithPsk();
      const client = house.greet(HERE, { psk: PSK, suites: [name], ...(connectionId && { connectionId }) });
      t.strictSame(client.seen, ["helloVerifyRequest", "serverHello", "serverHelloDone"], name);
      const [exchange, , finished] = client.answer();
      await exchangeWithPsk(house, client, finished, exchange, exchange, finished);
      house.exchange(client, HERE, client.data("hello"));
      t.strictSame([client.suite?.name, client.texts, asked], [name, ["HELLO"], ["meter"]]);
    }
  }
});

t.test("a wrong key and an unknown identity get the same alert, and the server keeps nothing", async (t) => {
  for (const psk of [
    { ...PSK, key: "correct horse battery stapl" },
    { ...PSK, identity: "Meter" },
    { ...PSK, identity: "" },
    { ...PSK, identity: Buffer.from([0, 0xff]) },
  ]) {
    for (const connectionId of [undefined, Buffer.from("0102", "hex")]) {
      const { house } = houseWithPsk();
      const client = house.greet(HERE, { psk, ...(connectionId && { connectionId }) });
      await exchangeWithPsk(house, client, ...client.answer());
      t.equal(client.seen.at(-1), `alert ${ALERT.decryptError}`);
      t.strictSame(house.failures, ["the PSK is wrong, or its identity is unknown"]);
      t.strictSame(house.server.counts, { handshakes: 0, sessions: 0 });
      t.equal(house.time.waiting, 0);
    }
  }
});

t.test("a key that cannot be looked up, or a malformed identity, ends the handshake", async (t) => {
  const failing = houseWithPsk(() => Promise.resolve(undefined)).house;
  const client = failing.greet(HERE, { psk: PSK });
  await exchangeWithPsk(failing, client, ...client.answer());
  t.equal(client.seen.at(-1), `alert ${ALERT.internalError}`);

  const { house, asked } = houseWithPsk();
  const malformed = house.greet(HERE, { psk: PSK });
  const part = Buffer.from([0, 9, 1]);
  const exchange = { type: MESSAGE.clientKeyExchange, sequence: 2, length: part.length, offset: 0, part };
  house.exchange(malformed, HERE, malformed.writer.plain(CONTENT.handshake, writeFragment(exchange)));
  t.equal(malformed.seen.at(-1), `alert ${ALERT.decodeError}`);
  t.strictSame(asked, []);
  for (const one of [house, failing]) t.strictSame(one.server.counts, { handshakes: 0, sessions: 0 });
});

t.test("a key that is found after the handshake has ended changes nothing", async (t) => {
  const found: ((key: Buffer) => void)[] = [];
  const { house } = houseWithPsk((key) => new Promise((resolve) => found.push(() => resolve(key))));
  const late = house.greet(HERE, { psk: PSK });
  house.exchange(late, HERE, ...late.answer());
  const next = house.greet(HERE, { psk: PSK });
  house.exchange(next, HERE, ...next.answer());
  found[0]!(Buffer.from(PSK.key));
  await lookedUp();
  t.strictSame(house.take(HERE), [], "its client has begun again");
  found[1]!(Buffer.from(PSK.key));
  await exchangeWithPsk(house, next);
  t.ok(next.isConnected);

  const slow = house.greet(endpoint(1001), { psk: PSK });
  house.exchange(slow, endpoint(1001), ...slow.answer());
  house.time.pass(HANDSHAKE_LIFE);
  house.take(endpoint(1001));
  found[2]!(Buffer.from(PSK.key));
  await lookedUp();
  t.strictSame(house.take(endpoint(1001)), [], "its time is over");
  t.strictSame(house.server.counts, { handshakes: 0, sessions: 1 });
});

t.test("a late datagram of an earlier session does not end a handshake with a PSK", async (t) => {
  const { house } = houseWithPsk();
  const before = house.connect(HERE);
  const data = before.data("hello");
  house.exchange(before, HERE, data);
  const client = house.greet(HERE, { psk: PSK });
  const [exchange, , finished] = client.answer();
  await exchangeWithPsk(house, client, exchange);
  await exchangeWithPsk(house, client, data, finished);
  t.ok(client.isConnected);
});

t.test("a client that offers a PSK and a certificate gets the one that it names first", async (t) => {
  const [psk, certificate] = ["PSK-AES128-CCM8", "ECDHE-ECDSA-AES128-CCM8"] as const;
  for (const suites of [
    [psk, certificate],
    [certificate, psk],
  ]) {
    const { house } = houseWithPsk();
    t.equal(house.greet(HERE, { psk: PSK, suites }).suite?.name, suites[0]);
  }
  const { house } = houseWithPsk();
  t.equal(house.greet(HERE, { psk: PSK, suites: [certificate, psk], groups: [0x0100] }).suite?.name, psk, "no group");
});
