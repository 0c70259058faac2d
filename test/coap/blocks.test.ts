import { type NamedOption, type ParsedPacket } from "coap-packet";
import t from "tap";
import { block, laboratory, optionOf, type LabOptions } from "../support/coap-lab.js";

const EXCHANGE_LIFETIME = 247_000;
const MAX_BODY = 65_536;

/** A laboratory whose messages have ids of their own. */
function blockwise(options: LabOptions = {}) {
  const lab = laboratory(options);
  let messageId = 0;
  const named = (options: Readonly<Record<string, Buffer>>) =>
    Object.entries(options).map(([name, value]) => ({ name, value }) as NamedOption);
  const send = async (
    peer: ReturnType<typeof lab.newPeer>,
    more: Readonly<Record<string, Buffer>>,
    payload = "",
    code = "POST",
  ) => {
    const [reply] = await lab.send(peer, {
      code,
      messageId: messageId++,
      options: named(more),
      payload: Buffer.from(payload),
    });
    return reply!;
  };
  return { ...lab, send, body: () => lab.requests.at(-1)?.body?.toString() };
}

/** Number, whether more follow, and size of a block. */
function blockOf(reply: ParsedPacket, name: "Block1" | "Block2"): readonly unknown[] {
  const value = optionOf(reply, name);
  return value === undefined ? [] : [value >> 4, (value & 8) !== 0, 16 << (value & 7)];
}

t.test("a body in blocks reaches the resource whole and once", async (t) => {
  const { send, newPeer, requests, body } = blockwise();
  const peer = newPeer();
  for (const [number, text] of ["a", "b"].entries()) {
    const reply = await send(peer, { Block1: block(number, true) }, text.repeat(16));
    t.equal(reply.code, "2.31");
    t.strictSame(blockOf(reply, "Block1"), [number, true, 16]);
  }
  t.equal(requests.length, 0);
  const reply = await send(peer, { Block1: block(2, false) }, "c");
  t.equal(reply.code, "2.01");
  t.strictSame(blockOf(reply, "Block1"), [2, false, 16]);
  t.equal(body(), `${"a".repeat(16)}${"b".repeat(16)}c`);
  t.equal((await send(peer, { Block1: block(2, false) }, "c")).code, "4.08", "it is not kept afterwards");
  t.equal(requests.length, 1);
  await send(peer, { Block1: block(0, false, 6) }, "whole");
  t.equal(body(), "whole", "one block is a body too");
});

t.test("CP-09 blocks that do not belong together are refused", async (t) => {
  const { send, newPeer, requests, timers, body } = blockwise();
  const begin = async (peer = newPeer(true)) => {
    t.equal((await send(peer, { Block1: block(0, true) }, "a".repeat(16))).code, "2.31");
    return peer;
  };
  const CASES: readonly (readonly [string, () => Promise<ParsedPacket>, string])[] = [
    ["a first block that is missing", () => send(newPeer(), { Block1: block(1, false) }, "b"), "4.08"],
    ["a block that is missing", async () => send(await begin(), { Block1: block(2, false) }, "c"), "4.08"],
    ["a block of another peer", async () => (await begin(), send(newPeer(), { Block1: block(1, false) }, "b")), "4.08"],
    [
      "a block of another path",
      async () => send(await begin(), { Block1: block(1, false), "Uri-Path": Buffer.from("x") }, "b"),
      "4.08",
    ],
    [
      "a block of another query",
      async () => send(await begin(), { Block1: block(1, false), "Uri-Query": Buffer.from("x") }, "b"),
      "4.08",
    ],
    [
      "a block of another tag",
      async () => send(await begin(), { Block1: block(1, false), "292": Buffer.from("x") }, "b"),
      "4.08",
    ],
    ["a block of another method", async () => send(await begin(), { Block1: block(1, false) }, "b", "PUT"), "4.08"],
    ["a block of another size", async () => send(await begin(), { Block1: block(1, false, 1) }, "b"), "4.08"],
    ["a block that is too short", async () => send(await begin(), { Block1: block(1, true) }, "b"), "4.00"],
    ["a block that is too long", async () => send(await begin(), { Block1: block(1, false) }, "b".repeat(17)), "4.00"],
    ["a reserved size", () => send(newPeer(), { Block1: block(0, false, 7) }, "a"), "4.00"],
    ["a reserved size of the answer", () => send(newPeer(), { Block2: block(0, false, 7) }), "4.00"],
    [
      "a block after the time for it",
      async () => {
        const peer = await begin();
        await timers.move(EXCHANGE_LIFETIME);
        return send(peer, { Block1: block(1, false) }, "b");
      },
      "4.08",
    ],
  ];
  for (const [name, ask, code] of CASES) t.equal((await ask()).code, code, name);
  t.equal(requests.length, 0);

  const peer = await begin();
  await send(peer, { Block1: block(0, true) }, "z".repeat(16));
  await send(peer, { Block1: block(1, false) }, "b");
  t.equal(body(), `${"z".repeat(16)}b`, "a first block begins a new body");
});

t.test("a client may send smaller blocks from the middle of a body", async (t) => {
  const { send, newPeer, body } = blockwise();
  const peer = newPeer();
  await send(peer, { Block1: block(0, true, 1) }, "a".repeat(32));
  t.equal((await send(peer, { Block1: block(2, false, 0) }, "b")).code, "2.01");
  t.equal(body(), `${"a".repeat(32)}b`);
});

t.test("two bodies with different tags arrive at the same time", async (t) => {
  const { send, newPeer, requests } = blockwise();
  const peer = newPeer();
  for (const tag of ["x", "y"]) await send(peer, { "292": Buffer.from(tag), Block1: block(0, true) }, tag.repeat(16));
  for (const tag of ["x", "y"]) await send(peer, { "292": Buffer.from(tag), Block1: block(1, false) }, tag);
  t.strictSame(
    requests.map(({ body }) => body!.toString()),
    ["x".repeat(17), "y".repeat(17)],
  );
});

t.test("CP-09 a body beyond the limit is refused at its first sign, with the limit", async (t) => {
  const { send, newPeer, requests } = blockwise({ answer: ({ body }) => ({ code: body === undefined ? 141 : 65 }) });
  const peer = newPeer();
  const announced = await send(peer, { Block1: block(0, true, 6), Size1: Buffer.from([1, 0, 1]) }, "a".repeat(1024));
  t.strictSame([announced.code, optionOf(announced, "Size1")], ["4.13", MAX_BODY]);
  t.equal((await send(peer, { Block1: block(1, false, 6) }, "b")).code, "4.08", "nothing of it is kept");
  for (let number = 0; number < 64; number += 1) {
    t.equal((await send(peer, { Block1: block(number, true, 6) }, "a".repeat(1024))).code, "2.31");
  }
  const last = await send(peer, { Block1: block(64, false, 6) }, "b");
  t.strictSame([last.code, optionOf(last, "Size1")], ["4.13", MAX_BODY]);
  t.equal(requests.length, 2);
});

t.test("CP-07 bodies in parts have a limit of memory", async (t) => {
  const { send, newPeer, timers } = blockwise({ limits: { bodyBytes: 10_000, bodiesOfPeer: 4 } });
  const codes = [];
  for (let device = 0; device < 10; device += 1) {
    codes.push((await send(newPeer(true), { Block1: block(0, true, 6) }, "a".repeat(1024))).code);
  }
  t.strictSame(codes, [...Array<string>(7).fill("2.31"), "5.03", "5.03", "5.03"]);
  t.equal((await send(newPeer(), {}, "short")).code, "2.01", "other requests are answered");
  await timers.move(EXCHANGE_LIFETIME);
  t.equal((await send(newPeer(), { Block1: block(0, true, 6) }, "a".repeat(1024))).code, "2.31");

  const peer = newPeer(true);
  for (const tag of ["1", "2", "3", "4", "5"]) {
    await send(peer, { "292": Buffer.from(tag), Block1: block(0, true) }, "a".repeat(16));
  }
  const next = async (tag: string) =>
    (await send(peer, { "292": Buffer.from(tag), Block1: block(1, false) }, "b")).code;
  t.strictSame([await next("1"), await next("2")], ["4.08", "2.01"], "the oldest body of a peer gives way");
});

const LONG = Array.from({ length: 300 }, (_, index) => String(index).padStart(4, "0")).join("");

t.test("a long response is sent in blocks of the size that the client wants", async (t) => {
  let answers = 0;
  const { send, newPeer } = blockwise({
    answer: () => ({ code: 65, format: 50, body: Buffer.from(`${LONG}${answers++}`) }),
  });
  for (const exponent of [undefined, 0, 3, 6]) {
    const peer = newPeer();
    const before = answers;
    const first = await send(peer, exponent === undefined ? {} : { Block2: block(0, false, exponent) });
    const size = 16 << (exponent ?? 6);
    t.strictSame(blockOf(first, "Block2"), [0, true, size]);
    t.equal(optionOf(first, "Content-Format"), 50);
    let text = first.payload.toString();
    t.equal(optionOf(first, "Size2"), LONG.length + 1);
    for (let number = 1; text.length < LONG.length + 1; number += 1) {
      const reply = await send(peer, { Block2: block(number, false, exponent ?? 6) });
      text += reply.payload.toString();
      t.equal(blockOf(reply, "Block2")[1], text.length <= LONG.length);
    }
    t.equal(text, `${LONG}${before}`);
    t.equal(answers, before + 1, "the request is not repeated");
    const again = await send(peer, { Block2: block(1, false, exponent ?? 6) });
    t.equal(again.payload.toString(), text.slice(size, 2 * size), "any block can be asked for again");
  }
});

t.test("a short response has blocks only if the client wants them smaller", async (t) => {
  const { send, newPeer } = blockwise({ answer: () => ({ code: 65, body: Buffer.from("x".repeat(20)) }) });
  t.strictSame(blockOf(await send(newPeer(), {}), "Block2"), []);
  t.strictSame(blockOf(await send(newPeer(), { Block2: block(0, false, 6) }), "Block2"), [0, false, 1024]);
  t.strictSame(blockOf(await send(newPeer(), { Block2: block(0, false, 0) }), "Block2"), [0, true, 16]);
});

t.test("an error is sent whole", async (t) => {
  const { send, newPeer } = blockwise({ answer: () => ({ code: 131, body: Buffer.from("x".repeat(200)) }) });
  const reply = await send(newPeer(), { Block2: block(0, false, 0) });
  t.equal(reply.payload.length, 200);
  t.strictSame(blockOf(reply, "Block2"), []);
});

t.test("a block of a response that is not kept is refused", async (t) => {
  const { send, newPeer, timers, endpoint, requests } = blockwise({
    answer: () => ({ code: 65, body: Buffer.from(LONG) }),
  });
  const peer = newPeer(true);
  t.equal((await send(peer, { Block2: block(1, false, 6) })).code, "4.08", "there was none");
  await send(peer, {});
  t.equal((await send(peer, { Block2: block(1, false, 6) })).code, "2.01");
  t.equal((await send(peer, { Block2: block(9, false, 6) })).code, "4.00", "it has no such block");
  t.equal((await send(newPeer(true), { Block2: block(1, false, 6) })).code, "4.08", "it is another peer's");
  endpoint.gone(peer);
  t.equal((await send(peer, { Block2: block(1, false, 6) })).code, "4.08", "the session has ended");
  await send(peer, {});
  await timers.move(EXCHANGE_LIFETIME);
  t.equal((await send(peer, { Block2: block(1, false, 6) })).code, "4.08", "its time is over");
  t.equal(requests.length, 2);
});

t.test("any block of a response to GET can be asked for", async (t) => {
  const { send, newPeer } = blockwise({ answer: () => ({ code: 69, body: Buffer.from(LONG) }) });
  for (const number of [2, 0, 1]) {
    const reply = await send(newPeer(), { Block2: block(number, false, 4) }, "", "GET");
    t.equal(reply.payload.toString(), LONG.slice(number * 256, (number + 1) * 256));
  }
  t.equal((await send(newPeer(), { Block2: block(99, false, 4) }, "", "GET")).code, "4.00");
});

t.test("a body and a response are in blocks in one exchange", async (t) => {
  const { send, newPeer } = blockwise({ answer: ({ body }) => ({ code: 65, body: body! }) });
  const peer = newPeer();
  await send(peer, { Block1: block(0, true, 1) }, "a".repeat(32));
  const reply = await send(peer, { Block1: block(1, false, 1), Block2: block(0, false, 0) }, "b".repeat(8));
  t.strictSame(
    [blockOf(reply, "Block1"), blockOf(reply, "Block2")],
    [
      [1, false, 32],
      [0, true, 16],
    ],
  );
  const rest = await send(peer, { Block2: block(2, false, 0) });
  t.equal(rest.payload.toString(), "b".repeat(8));
});
