import { CONTENT } from "../../src/dtls/record.js";
import type { Endpoint } from "../../src/dtls/endpoint.js";
import type { Random } from "../faults/random.js";
import type { DtlsClient } from "./dtls-client.js";
import { DtlsHouse, endpoint } from "./dtls-house.js";

/** A datagram that a client may send, and where it would come from. */
interface Sample {
  readonly datagram: Buffer;
  readonly from: Endpoint;
}

type Mutation = (datagram: Buffer, random: Random) => Buffer;

/** Ways in which a datagram is damaged. */
const MUTATIONS: Readonly<Record<string, Mutation>> = {
  flip: (datagram, random) => {
    const changed = Buffer.from(datagram);
    for (let count = random.below(4); count >= 0; count -= 1)
      changed[random.below(changed.length)]! ^= 1 << random.below(8);
    return changed;
  },
  cut: (datagram, random) => datagram.subarray(0, random.below(datagram.length)),
  extreme: (datagram, random) => {
    const changed = Buffer.from(datagram);
    const from = random.below(changed.length);
    return changed.fill(random.pick([0x00, 0xff, 0x7f]), from, Math.min(changed.length, from + 1 + random.below(40)));
  },
  length: (datagram, random) => {
    const changed = Buffer.from(datagram);
    changed.writeUInt16BE(
      random.below(0x10000),
      random.pick([11, 14, 17, 20, 23].filter((at) => at + 2 <= changed.length)),
    );
    return changed;
  },
  insert: (datagram, random) => {
    const at = random.below(datagram.length);
    return Buffer.concat([datagram.subarray(0, at), noise(random, random.below(40)), datagram.subarray(at)]);
  },
  prefix: (datagram, random) => Buffer.concat([noise(random, 1 + random.below(20)), datagram]),
  noise: (_datagram, random) => noise(random, random.below(1_500)),
  header: (_datagram, random) => {
    const body = noise(random, random.below(300));
    const header = Buffer.from("16fefd00000000000000000000", "hex");
    header[0] = random.pick(Object.values(CONTENT));
    header[4] = random.below(3);
    header.writeUInt16BE(body.length, 11);
    return Buffer.concat([header, body]);
  },
};

function noise(random: Random, bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, () => random.below(256)));
}

/** What came of the datagrams. */
export interface FuzzResult {
  /** Datagrams by the kind of damage, and how many of them got an answer. */
  readonly kinds: Readonly<Record<string, { sent: number; answered: number }>>;
  /** Answers to an address without a verified cookie that were larger than what it had sent. There must be none. */
  readonly amplified: number;
  /** The most handshakes and timers at any moment. */
  readonly mostHandshakes: number;
  readonly mostTimers: number;
  /** Whether the sessions from before still answer. */
  readonly sessionsAnswer: boolean;
}

/** Sends damaged datagrams of every phase to a server: from strangers, from half-open peers and from peers with a session. */
export function fuzzDtls(random: Random, datagrams: number): FuzzResult {
  const house = new DtlsHouse();
  const sessions = [1, 2].map((port) => {
    const from = endpoint(port);
    return { from, client: house.connect(from, port === 2 ? { connectionId: Buffer.from("0102", "hex") } : {}) };
  });
  const kinds: Record<string, { sent: number; answered: number }> = {};
  let [amplified, mostHandshakes, mostTimers] = [0, 0, 0];
  for (let count = 0; count < datagrams; count += 1) {
    const { datagram, from } = sampleOf(house, sessions, random, count);
    const kind = random.pick(Object.keys(MUTATIONS));
    const damaged = MUTATIONS[kind]!(datagram, random);
    house.sent.length = 0;
    house.server.receive(damaged, from);
    const bytes = house.sent.reduce((sum, one) => sum + one.datagram.length, 0);
    const entry = (kinds[kind] ??= { sent: 0, answered: 0 });
    entry.sent += 1;
    if (bytes > 0) entry.answered += 1;
    if (from.port >= STRANGERS && bytes > damaged.length) amplified += 1;
    mostHandshakes = Math.max(mostHandshakes, house.server.counts.handshakes);
    mostTimers = Math.max(mostTimers, house.time.waiting);
    house.time.pass(20);
  }
  house.sent.length = 0;
  for (const { client, from } of sessions) house.exchange(client, from, client.data("still here"));
  const sessionsAnswer = sessions.every(({ client }) => client.texts.includes("STILL HERE"));
  return { kinds, amplified, mostHandshakes, mostTimers, sessionsAnswer };
}

/** Ports of peers that have never shown a cookie. */
const STRANGERS = 20_000;

/** A valid datagram of some phase, to be damaged. */
function sampleOf(
  house: DtlsHouse,
  sessions: readonly { readonly from: Endpoint; readonly client: DtlsClient }[],
  random: Random,
  count: number,
): Sample {
  const stranger = endpoint(STRANGERS + (count % 20_000), `198.51.100.${count % 200}`);
  const halfOpen = endpoint(1_000 + (count % 1_000), `203.0.113.${count % 200}`);
  const psk = { identity: "meter", key: "correct horse battery staple" };
  const { from, client } = random.pick(sessions);
  const samples: readonly (() => Sample)[] = [
    () => ({ datagram: client.data("hello"), from }),
    () => ({ datagram: client.hello(), from: stranger }),
    () => ({ datagram: house.greet(halfOpen).hello(), from: halfOpen }),
    () => ({ datagram: Buffer.concat(house.greet(halfOpen).answer()), from: halfOpen }),
    () => ({ datagram: client.writer.plain(CONTENT.alert, Buffer.from([2, 40])), from }),
    () => ({ datagram: Buffer.concat(house.greet(halfOpen, { psk }).answer()), from: halfOpen }),
  ];
  // A handshake costs a hundred times more than the rest, so few samples have one.
  return (random.chance(0.05) ? random.pick(samples) : random.pick([samples[0]!, samples[1]!, samples[4]!]))();
}
