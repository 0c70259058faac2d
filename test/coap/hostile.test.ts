import { setImmediate } from "node:timers/promises";
import { encode } from "cborg";
import { parse } from "coap-packet";
import t from "tap";
import { readCbor } from "../../src/coap/ace-cbor.js";
import { isRefusal } from "../../src/errors/refusal.js";
import { barrage } from "../support/coap-barrage.js";
import { datagramOf, laboratory } from "../support/coap-lab.js";
import { fuzzDatagrams } from "../support/coap-fuzz.js";

t.test("CP-01 of 20,000 broken datagrams none throws, and what is no message gets no answer", async (t) => {
  const lab = laboratory({ limits: { requests: 500, bodyBytes: 100_000 } });
  const { endpoint, newPeer, requests, timers } = lab;
  const peer = newPeer();
  const { answers, faults } = await barrage(lab, [peer], fuzzDatagrams(7, 20_000));
  t.strictSame(faults, []);
  t.ok(answers > 1_000 && requests.length > 100, `${answers} answers, ${requests.length} requests`);
  await timers.move(300_000);
  peer.received.length = 0;
  endpoint.received(peer, datagramOf({ messageId: 3 }));
  await setImmediate();
  t.equal(parse(peer.received[0]!).code, "2.01", "and the next good request is answered");
});

t.test("CP-02 a CBOR body that is no flat map of texts is refused", async (t) => {
  const CASES: Readonly<Record<string, Buffer>> = {
    nothing: Buffer.alloc(0),
    "an array": Buffer.from([0x80]),
    "a text": Buffer.from([0x61, 0x61]),
    "a map that is cut off": Buffer.from([0xa1]),
    "a value that is cut off": Buffer.from([0xa1, 0x61, 0x61, 0x62, 0x61]),
    "bytes after the map": Buffer.from([0xa0, 0x00]),
    "a repeated key": Buffer.from([0xa2, 0x61, 0x61, 0x61, 0x62, 0x61, 0x61, 0x61, 0x63]),
    "a key as text and as number": Buffer.from(
      encode(
        new Map<unknown, string>([
          ["scope", "a"],
          [9, "b"],
        ]),
      ),
    ),
    "a key that is a list": Buffer.from([0xa1, 0x80, 0x61, 0x61]),
    "a negative key": Buffer.from([0xa1, 0x20, 0x61, 0x61]),
    "a text that is not UTF-8": Buffer.from([0xa1, 0x61, 0x61, 0x61, 0xff]),
    "a key that is not UTF-8": Buffer.from([0xa1, 0x61, 0xff, 0x61, 0x61]),
    "a byte string that is not UTF-8": Buffer.from([0xa1, 0x61, 0x61, 0x41, 0xff]),
    "a text with U+0000": Buffer.from(encode({ scope: "a\0" })),
    "a map in a map": Buffer.from(encode({ scope: {} })),
    "a list in a map": Buffer.from(encode({ scope: ["a"] })),
    "a tag": Buffer.from([0xa1, 0x61, 0x61, 0xc0, 0x61, 0x61]),
    "a text without an end": Buffer.from([0xa1, 0x61, 0x61, 0x7f, 0x61, 0x61, 0xff]),
    "a break in the place of a value": Buffer.from([0xbf, 0x61, 0x61, 0xff]),
    "a break in a map with a length": Buffer.from([0xa1, 0xff]),
    "a map of 2^32 entries": Buffer.from([0xbb, 0, 0, 0, 1, 0, 0, 0, 0]),
    "a text of 2^32 bytes": Buffer.from([0xa1, 0x61, 0x61, 0x7b, 0, 0, 0, 1, 0, 0, 0, 0]),
    "60,000 nested lists": Buffer.concat([Buffer.from([0xa1, 0x61, 0x61]), Buffer.alloc(60_000, 0x81)]),
    "60,000 nested maps": Buffer.alloc(60_000, 0xa1),
    "65 entries": Buffer.from(encode(Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`a${index}`, "x"])))),
  };
  for (const [name, bytes] of Object.entries(CASES)) t.throws(() => readCbor(bytes), { name: "Refusal" }, name);
});

t.test("a CBOR body is read in each form that has one meaning", async (t) => {
  const read = (bytes: Uint8Array) => readCbor(bytes).document;
  t.strictSame(read(encode({ client_id: "a", scope: "b" })), { client_id: "a", scope: "b" });
  t.strictSame(
    read(
      encode(
        new Map([
          [24, "a"],
          [33, 2 as unknown as string],
        ]),
      ),
    ),
    {
      client_id: "a",
      grant_type: "client_credentials",
    },
  );
  t.strictSame(read(Buffer.from([0xbf, 0x18, 0x18, 0x61, 0x61, 0xff])), { client_id: "a" }, "a map without a length");
  t.strictSame(
    read(
      encode(
        new Map<unknown, unknown>([
          [24, "a"],
          [38, null],
        ]),
      ),
    ),
    { client_id: "a" },
    "an unknown number",
  );
  t.strictSame(read(encode({ scope: 1 })), { scope: 1 }, "what is no text is left to the dialect");
  for (const bytes of fuzzDatagrams(11, 20_000)) {
    try {
      readCbor(Buffer.concat([Buffer.from([0xa0 | (bytes.length & 7)]), bytes]));
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }
});
