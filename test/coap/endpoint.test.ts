import { setImmediate } from "node:timers/promises";
import { generate, type ParsedPacket } from "coap-packet";
import t from "tap";
import type { CoapResponse } from "../../src/coap/resource.js";
import { datagramOf, laboratory, OK, optionOf } from "../support/coap-lab.js";

const EXCHANGE_LIFETIME = 247_000;
const NON_LIFETIME = 145_000;

/** Type, code and Message ID in one text. */
function short({ ack, reset, confirmable, code, messageId }: ParsedPacket): string {
  const type = ack ? "ACK" : reset ? "RST" : confirmable ? "CON" : "NON";
  return `${type} ${code} ${messageId}`;
}

/** Answers that the test gives when it wants to. */
function delayed() {
  const waiting: ((response: CoapResponse) => void)[] = [];
  return {
    answer: () => new Promise<CoapResponse>((resolve) => waiting.push(resolve)),
    give: async (response = OK) => {
      waiting.shift()!(response);
      await setImmediate();
    },
  };
}

t.test("a request is answered with its acknowledgement, or without one if it needs none", async (t) => {
  const { send, newPeer } = laboratory();
  const [reply] = await send(newPeer(), { messageId: 42, token: Buffer.from("token") });
  t.equal(short(reply!), "ACK 2.01 42");
  t.equal(reply!.token.toString(), "token");
  const [other] = await send(newPeer(), { messageId: 42, confirmable: false, token: Buffer.from("token") });
  t.match(short(other!), /^NON 2\.01 \d+$/);
  t.equal(other!.token.toString(), "token");
});

for (const confirmable of [true, false]) {
  const kind = confirmable ? "confirmable" : "non-confirmable";
  const lifetime = confirmable ? EXCHANGE_LIFETIME : NON_LIFETIME;
  t.test(`CP-03 a repeated ${kind} message gets the same bytes for its lifetime, and is one request`, async (t) => {
    const { send, newPeer, requests, endpoint, timers } = laboratory();
    const peer = newPeer();
    const datagram = datagramOf({ messageId: 42, confirmable });
    const receive = async () => {
      endpoint.received(peer, datagram);
      await setImmediate();
      return peer.received.pop()!.toString("hex");
    };
    const first = await receive();
    for (const milliseconds of [0, 10, lifetime - 11]) {
      await timers.move(milliseconds);
      t.equal(await receive(), first);
    }
    t.equal(requests.length, 1);
    await send(newPeer(), datagram);
    t.equal(requests.length, 2, "the same message of another peer is another request");
    await timers.move(1);
    await receive();
    t.equal(requests.length, 3, "after the lifetime it is another request too");
  });
}

t.test(
  "a message that is repeated while its request is worked on is acknowledged, and stays one request",
  async (t) => {
    const { answer, give } = delayed();
    const { send, newPeer, requests } = laboratory({ answer });
    const peer = newPeer();
    t.strictSame(await send(peer, { messageId: 42 }), []);
    t.strictSame((await send(peer, { messageId: 42 })).map(short), ["ACK 0.00 42"]);
    await give();
    t.strictSame(peer.take().map(short), ["CON 2.01 1"], "the answer follows");
    t.equal(requests.length, 1);
    t.strictSame(await send(peer, { messageId: 43, confirmable: false }), []);
    t.strictSame(
      await send(peer, { messageId: 43, confirmable: false }),
      [],
      "what needs no acknowledgement gets none",
    );
  },
);

t.test("CP-04 other bytes under a known Message ID are another request", async (t) => {
  const { send, newPeer, requests } = laboratory();
  const peer = newPeer();
  await send(peer, { messageId: 42 });
  const [reply] = await send(peer, { messageId: 42, payload: Buffer.from("x") });
  t.equal(short(reply!), "ACK 2.01 42");
  t.equal(requests.length, 2);
  t.equal((await send(peer, { messageId: 42, payload: Buffer.from("x") })).length, 1);
  t.equal(requests.length, 2);
});

t.test("an answer that takes longer is sent separately, and repeated until it is acknowledged", async (t) => {
  const { answer, give } = delayed();
  const { send, newPeer, timers, endpoint, requests } = laboratory({ answer });
  const peer = newPeer();
  const acknowledge = (reset = false) => {
    const [code, messageId] = ["0.00", 1];
    endpoint.received(peer, generate({ code, messageId, ack: !reset, reset }));
  };
  const begin = async () => {
    await send(peer, { messageId: 42, token: Buffer.from("token") });
    await timers.move(999);
    t.strictSame(peer.take(), []);
    await timers.move(1);
    t.strictSame(peer.take().map(short), ["ACK 0.00 42"]);
    await give();
    const [reply] = peer.take();
    t.equal(short(reply!), "CON 2.01 1");
    t.equal(reply!.token.toString(), "token");
    t.strictSame((await send(peer, { messageId: 42, token: Buffer.from("token") })).map(short), ["ACK 0.00 42"]);
  };
  await begin();
  for (const timeout of [2_000, 4_000, 8_000, 16_000]) {
    await timers.move(timeout - 1);
    t.strictSame(peer.take(), [], `not before ${timeout}`);
    await timers.move(1);
    t.strictSame(peer.take().map(short), ["CON 2.01 1"]);
  }
  await timers.move(32_000);
  t.strictSame(peer.take(), [], "after four times it is given up");
  t.strictSame(
    (await send(peer, { messageId: 42, token: Buffer.from("token") })).map(short),
    ["ACK 0.00 42", "CON 2.01 1"],
    "a request that is repeated then gets the same answer again",
  );
  await timers.move(2_000);
  t.strictSame(peer.take().map(short), ["CON 2.01 1"], "which is repeated too");
  await timers.move(300_000);
  t.equal(peer.take().length, 3);
  t.equal(requests.length, 1);

  for (const reset of [false, true]) {
    t.notOk(peer.take().length);
    await begin();
    endpoint.received(peer, Buffer.from([0x60, 0, 0, 2]));
    endpoint.received(peer, Buffer.from([0x60, 0, 0, 1, 9]));
    await timers.move(2_000);
    t.strictSame(peer.take().map(short), ["CON 2.01 1"], "neither another id nor a malformed message ends it");
    acknowledge(reset);
    const again = await send(peer, { messageId: 42, token: Buffer.from("token") });
    t.strictSame(again.map(short), ["ACK 0.00 42"], "a repeated request is acknowledged");
    await timers.move(300_000);
    t.strictSame(peer.take(), [], reset ? "a Reset ends it" : "an acknowledgement ends it");
  }
});

t.test("one separate answer at a time is outstanding with a peer", async (t) => {
  const { answer, give } = delayed();
  const { send, newPeer, timers, endpoint } = laboratory({ answer });
  const peer = newPeer();
  for (const messageId of [42, 43]) await send(peer, { messageId });
  await timers.move(1_000);
  peer.take();
  await give();
  await give();
  t.strictSame(peer.take().map(short), ["CON 2.01 1"]);
  endpoint.received(peer, Buffer.from([0x60, 0, 0, 1]));
  t.strictSame(peer.take().map(short), ["CON 2.01 2"]);
});

t.test("CP-01 what is no request is rejected if it asks for an acknowledgement, and ignored otherwise", async (t) => {
  const { send, newPeer, requests } = laboratory();
  const reset = ["RST 0.00 258"];
  const CASES: readonly (readonly [string, readonly number[], readonly string[]])[] = [
    ["a ping", [0x40, 0, 1, 2], reset],
    ["an empty message that needs no acknowledgement", [0x50, 0, 1, 2], []],
    ["an acknowledgement of nothing", [0x60, 0, 1, 2], []],
    ["a Reset of nothing", [0x70, 0, 1, 2], []],
    ["a response in a confirmable message", [0x40, 0x45, 1, 2], reset],
    ["a response in a non-confirmable message", [0x50, 0x45, 1, 2], []],
    ["a response in an acknowledgement", [0x60, 0x45, 1, 2], []],
    ["a request in an acknowledgement", [0x60, 0x02, 1, 2], []],
    ["a request in a Reset", [0x70, 0x02, 1, 2], []],
    ["a code of class 1", [0x40, 0x21, 1, 2], reset],
    ["a code of class 6", [0x40, 0xc1, 1, 2], reset],
    ["a code of class 7", [0x50, 0xe1, 1, 2], []],
    ["an empty message with a token", [0x41, 0, 1, 2, 9], reset],
    ["an empty message with more bytes", [0x40, 0, 1, 2, 0xff, 1], reset],
    ...[9, 10, 11, 12, 13, 14, 15].map(
      (length) =>
        [`a token of ${length} bytes`, [0x40 | length, 2, 1, 2, ...Array<number>(20).fill(0)], reset] as const,
    ),
    ["a token that is cut off", [0x44, 2, 1, 2, 9, 9, 9], reset],
    ["a payload marker without a payload", [0x40, 2, 1, 2, 0xff], reset],
    ["an option delta of 15", [0x40, 2, 1, 2, 0xf0], reset],
    ["an option length of 15", [0x40, 2, 1, 2, 0xbf], reset],
    ["an option that is cut off", [0x40, 2, 1, 2, 0xb2, 0x61], reset],
    ["an extended delta that is cut off", [0x40, 2, 1, 2, 0xd0], reset],
    ["an extended length that is cut off", [0x40, 2, 1, 2, 0xbe, 0x01], reset],
    ["the same in a non-confirmable message", [0x50, 2, 1, 2, 0xbe, 0x01], []],
    ["version 0", [0x00, 2, 1, 2], []],
    ["version 2", [0x80, 2, 1, 2], []],
    ["version 3", [0xc0, 2, 1, 2], []],
    ["nothing", [], []],
    ["three bytes", [0x40, 2, 1], []],
  ];
  for (const [name, bytes, answers] of CASES) {
    t.strictSame((await send(newPeer(), Buffer.from(bytes))).map(short), answers, name);
  }
  t.equal(requests.length, 0);
});

t.test("CP-05 a critical option that is not understood is refused, and an elective one is ignored", async (t) => {
  const { send, newPeer, requests, refused } = laboratory();
  const NOT_UNDERSTOOD: readonly (readonly [string, readonly { name: any; value: Buffer }[]])[] = [
    ["an unknown number", [{ name: "9999", value: Buffer.from("x") }]],
    ["If-Match", [{ name: "If-Match", value: Buffer.alloc(0) }]],
    ["OSCORE", [{ name: "OSCORE", value: Buffer.from([0]) }]],
    ["a long Uri-Host", [{ name: "Uri-Host", value: Buffer.alloc(256, "a") }]],
    ["an empty Uri-Host", [{ name: "Uri-Host", value: Buffer.alloc(0) }]],
    ["a Uri-Path that is not UTF-8", [{ name: "Uri-Path", value: Buffer.from([0xff]) }]],
    ["a long Accept", [{ name: "Accept", value: Buffer.alloc(3, 1) }]],
    ["Accept twice", [1, 2].map(() => ({ name: "Accept", value: Buffer.from([50]) }))],
    ["a long Block1", [{ name: "Block1", value: Buffer.alloc(4, 1) }]],
  ];
  for (const [name, options] of NOT_UNDERSTOOD) {
    const [reply] = await send(newPeer(), { messageId: 42, options: [...options] });
    t.equal(short(reply!), "ACK 4.02 42", name);
    t.match(reply!.payload.toString(), /^option \d+ is not supported as it is sent$/);
    const [other] = await send(newPeer(), { messageId: 42, options: [...options], confirmable: false });
    t.equal(short(other!), "RST 0.00 42", `${name} in a message that needs no acknowledgement`);
  }
  t.equal(requests.length, 0);
  t.strictSame(refused, Array<string>(2 * NOT_UNDERSTOOD.length).fill("coap_option_unsupported"));
  const ELECTIVE: readonly (readonly [any, Buffer])[] = [
    ["9998", Buffer.from("x")],
    ["Observe", Buffer.alloc(0)],
    ["Observe", Buffer.alloc(9)],
    ["ETag", Buffer.from("tag")],
    ["Size1", Buffer.alloc(9)],
    ["Max-Age", Buffer.from([1])],
  ];
  for (const [name, value] of ELECTIVE) {
    const [reply] = await send(newPeer(), { messageId: 42, options: [{ name, value }] });
    t.equal(short(reply!), "ACK 2.01 42", name);
    t.equal(optionOf(reply, "Observe"), undefined);
  }
});

t.test("CP-06 a request to a proxy is refused", async (t) => {
  const { send, newPeer, requests, refused } = laboratory();
  for (const name of ["Proxy-Uri", "Proxy-Scheme"] as const) {
    const [reply] = await send(newPeer(), { messageId: 1, options: [{ name, value: Buffer.from("coap://x/y") }] });
    t.equal(reply!.code, "5.05");
  }
  t.strictSame(refused, ["coap_no_proxy", "coap_no_proxy"]);
  t.equal(requests.length, 0);
});

t.test("No-Response leaves out the classes that it names, and nothing else", async (t) => {
  const codes = { 65: "2.01", 129: "4.01", 163: "5.03" };
  for (const [code, name] of Object.entries(codes)) {
    const { send, newPeer } = laboratory({ answer: () => ({ code: Number(code) }) });
    for (const unwanted of [0, 2, 8, 16, 26]) {
      const isWanted = (unwanted & (1 << (Number(name[0]) - 1))) === 0;
      const options = [
        { name: "No-Response" as const, value: unwanted === 0 ? Buffer.alloc(0) : Buffer.from([unwanted]) },
      ];
      const seen = (await send(newPeer(), { messageId: 9, options })).map(short);
      t.strictSame(seen, [isWanted ? `ACK ${name} 9` : "ACK 0.00 9"], `${unwanted} and ${name}`);
      const other = await send(newPeer(), { messageId: 9, options, confirmable: false });
      t.equal(other.length, isWanted ? 1 : 0);
    }
  }
});

t.test("CP-07 at a limit new requests are refused, and earlier ones keep their answers", async (t) => {
  const { send, newPeer, requests, refused, timers } = laboratory({ limits: { requestsOfSession: 40, requests: 45 } });
  const session = newPeer(true);
  for (let messageId = 0; messageId < 40; messageId += 1) await send(session, { messageId });
  const full = async (peer: ReturnType<typeof newPeer>, messageId: number) => {
    const [reply] = await send(peer, { messageId });
    return [reply!.code, optionOf(reply, "Max-Age")];
  };
  t.strictSame(await full(session, 5_000), ["5.03", 5]);
  t.strictSame((await send(session, { messageId: 0 })).map(short), ["ACK 2.01 0"]);
  t.strictSame(await full(newPeer(true), 1), ["2.01", undefined], "another session has room");
  t.equal(requests.length, 41);
  const proxy = newPeer();
  for (let messageId = 0; messageId < 4; messageId += 1) await send(proxy, { messageId });
  t.strictSame(await full(proxy, 4), ["5.03", 5], "there is a limit for all peers together");
  t.strictSame(await full(newPeer(true), 1), ["5.03", 5]);
  t.strictSame((await send(proxy, { messageId: 0 })).map(short), ["ACK 2.01 0"]);
  t.strictSame(refused, Array<string>(3).fill("too many requests of the last minutes are remembered"));
  await timers.move(EXCHANGE_LIFETIME);
  t.strictSame(await full(session, 5_000), ["2.01", undefined]);
});

t.test("CP-07 the answers to all peers have a limit in bytes", async (t) => {
  const body = Buffer.alloc(1_000, "x");
  const { send, newPeer, timers } = laboratory({ answer: () => ({ code: 65, body }), limits: { answerBytes: 10_000 } });
  const codes = [];
  for (let messageId = 0; messageId < 12; messageId += 1) {
    const [reply] = await send(newPeer(), { messageId });
    codes.push(reply!.code);
  }
  t.strictSame(codes, [...Array<string>(10).fill("2.01"), "5.03", "5.03"]);
  await timers.move(EXCHANGE_LIFETIME);
  t.strictSame((await send(newPeer(), { messageId: 1 })).map(short), ["ACK 2.01 1"]);
});

t.test("without room nothing is remembered", async (t) => {
  let hasRoom = false;
  const { send, newPeer, requests } = laboratory({ hasRoom: () => hasRoom });
  const peer = newPeer();
  t.strictSame((await send(peer, { messageId: 1 })).map(short), ["ACK 5.03 1"]);
  t.match((await send(peer, { messageId: 2, confirmable: false })).map(short), [/^NON 5\.03/]);
  hasRoom = true;
  t.strictSame(
    (await send(peer, { messageId: 1 })).map(short),
    ["ACK 2.01 1"],
    "so the same message can be accepted later",
  );
  t.equal(requests.length, 1);
});

t.test("nothing is sent to a session that has ended, and its requests see it", async (t) => {
  const { answer, give } = delayed();
  const { send, newPeer, endpoint, requests, timers } = laboratory({ answer });
  const [session, other] = [newPeer(true), newPeer(true)];
  for (const peer of [session, other]) await send(peer, { messageId: 1 });
  await send(session, { messageId: 2 });
  await timers.move(1_000);
  await give();
  for (const peer of [session, other]) peer.take();
  endpoint.gone(session);
  t.strictSame(
    requests.map((one) => one.hasLeft()),
    [true, false, true],
  );
  await give();
  await give();
  await timers.move(300_000);
  t.strictSame(session.take(), []);
  t.not(other.take().length, 0);
  endpoint.gone(newPeer(true));
});

t.test("a draining endpoint refuses new requests, and waits for the answers to the accepted ones", async (t) => {
  const { answer, give } = delayed();
  const { send, newPeer, endpoint, timers } = laboratory({ answer });
  const peer = newPeer();
  await send(peer, { messageId: 1 });
  await send(peer, { messageId: 2 });
  await timers.move(1_000);
  peer.take();
  let isDrained = false;
  const drained = endpoint.drain(10_000).then(() => (isDrained = true));
  t.strictSame((await send(peer, { messageId: 3 })).map(short), ["ACK 5.03 3"]);
  await give();
  await give();
  t.strictSame(peer.take().map(short), ["CON 2.01 1"]);
  endpoint.received(peer, Buffer.from([0x60, 0, 0, 1]));
  await setImmediate();
  t.notOk(isDrained, "the last answer is not acknowledged yet");
  endpoint.received(peer, Buffer.from([0x60, 0, 0, 2]));
  await drained;
  peer.take();
  t.strictSame((await send(peer, { messageId: 1 })).map(short), ["ACK 0.00 1"], "a repeated message is still answered");

  const { answer: never } = delayed();
  const stuck = laboratory({ answer: never });
  await stuck.send(stuck.newPeer(), { messageId: 1 });
  const limited = stuck.endpoint.drain(10_000);
  await stuck.timers.move(10_000);
  await limited;
});
