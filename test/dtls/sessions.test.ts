import { randomBytes } from "node:crypto";
import t from "tap";
import { ALERT, writeAlert } from "../../src/dtls/alerts.js";
import { MESSAGE, writeFragment } from "../../src/dtls/handshake-messages.js";
import { CONTENT, recordsOf } from "../../src/dtls/record.js";
import { ReplayWindow } from "../../src/dtls/replay-window.js";
import { DtlsClient } from "../support/dtls-client.js";
import { DtlsHouse, endpoint } from "../support/dtls-house.js";

const HERE = endpoint(1000);
const ROAMING = { connectionId: Buffer.from("00c11e47", "hex") };

t.test("the window accepts each number once, and no number that is too old", async (t) => {
  const window = new ReplayWindow();
  const accepted = [0, 5, 3, 3, 5, 70, 6, 7, 5, 2 ** 47, 70, 2 ** 47 - 63, 2 ** 47 - 64].filter((sequence) => {
    const isNew = window.mayBeNew(sequence);
    if (isNew) window.accept(sequence);
    return isNew;
  });
  t.strictSame(accepted, [0, 5, 3, 70, 7, 2 ** 47, 2 ** 47 - 63]);
});

t.test("DT-06 a record is delivered once, however often and late it arrives", async (t) => {
  const house = new DtlsHouse();
  const client = house.connect(HERE);
  const records = ["one", "two", "three"].map((text) => client.data(text));
  for (const record of [...records].reverse()) house.server.receive(record, HERE);
  for (const record of records) house.server.receive(record, HERE);
  house.server.receive(Buffer.concat(records), HERE);
  t.strictSame(house.texts, ["three", "two", "one"]);
});

t.test("DT-07 a record that was changed, cut or sent by a stranger changes nothing and gets no answer", async (t) => {
  for (const choices of [{}, ROAMING]) {
    const house = new DtlsHouse();
    const client = house.connect(HERE, choices);
    const record = client.data("hello");
    for (let at = 0; at < record.length; at += 1) {
      const changed = Buffer.from(record);
      changed[at]! ^= 0x01;
      house.server.receive(changed, HERE);
      house.server.receive(record.subarray(0, at), HERE);
    }
    const stranger = new DtlsHouse().connect(HERE, choices);
    house.server.receive(stranger.data("stranger"), HERE);
    t.strictSame(house.take(HERE), []);
    t.strictSame(house.texts, []);
    house.exchange(client, HERE, record);
    t.strictSame(client.texts, ["HELLO"]);
  }
});

t.test("DT-07 plain records do nothing to a session: data, alerts and handshake messages", async (t) => {
  const house = new DtlsHouse();
  const client = house.connect(HERE);
  const { writer } = client;
  const finished = { type: MESSAGE.finished, sequence: 3, length: 12, offset: 0, part: Buffer.alloc(12) };
  house.server.receive(writer.plain(CONTENT.applicationData, Buffer.from("plain")), HERE);
  house.server.receive(writer.plain(CONTENT.alert, writeAlert(ALERT.closeNotify)), HERE);
  house.server.receive(writer.plain(CONTENT.alert, writeAlert(ALERT.handshakeFailure)), HERE);
  house.server.receive(writer.plain(CONTENT.handshake, writeFragment(finished)), HERE);
  t.strictSame(house.take(HERE), []);
  house.exchange(client, HERE, client.data("hello"));
  t.strictSame(client.texts, ["HELLO"]);
});

t.test("a session ends with close_notify by either side, and then its records are garbage", async (t) => {
  const house = new DtlsHouse();
  const client = house.connect(HERE);
  house.exchange(client, HERE, client.writer.sealed(CONTENT.alert, writeAlert(ALERT.closeNotify)));
  t.strictSame(client.alerts, [ALERT.closeNotify]);
  t.equal(house.gones, 1);
  house.server.receive(client.data("hello"), HERE);
  t.strictSame([house.texts, house.take(HERE)], [[], []]);

  const other = house.connect(HERE);
  house.exchange(other, HERE, other.data("hello"));
  [...house.peers][0]!.close();
  [...house.peers][0]?.close();
  house.exchange(other, HERE);
  t.strictSame(other.alerts, [ALERT.closeNotify]);
  t.equal(house.gones, 2);
});

t.test("a fatal alert under the keys ends a session, and a warning does not", async (t) => {
  const house = new DtlsHouse();
  const client = house.connect(HERE);
  house.server.receive(client.writer.sealed(CONTENT.alert, writeAlert(ALERT.noRenegotiation)), HERE);
  t.equal(house.server.counts.sessions, 1);
  house.server.receive(client.writer.sealed(CONTENT.alert, writeAlert(ALERT.decodeError)), HERE);
  t.equal(house.server.counts.sessions, 0);
  t.strictSame(house.take(HERE), []);
});

t.test("DT-08 a renegotiation is refused with a warning, and the session goes on", async (t) => {
  const house = new DtlsHouse();
  const client = house.connect(HERE);
  const { body } = [...recordsOf(client.hello())][0]!;
  house.exchange(client, HERE, client.writer.sealed(CONTENT.handshake, body));
  t.strictSame(client.alerts, [ALERT.noRenegotiation]);
  house.exchange(client, HERE, client.data("hello"));
  t.strictSame(client.texts, ["HELLO"]);
});

t.test(
  "an idle session ends after its time, with close_notify; each record of the client begins the time again",
  async (t) => {
    const house = new DtlsHouse({ idle: 60_000 });
    const [quiet, busy] = [house.connect(HERE), house.connect(endpoint(1001))];
    house.time.pass(50_000);
    house.exchange(busy, endpoint(1001), busy.data("hello"));
    house.time.pass(20_000);
    house.exchange(quiet, HERE);
    t.strictSame([quiet.alerts, house.server.counts.sessions], [[ALERT.closeNotify], 1]);
    house.time.pass(60_000);
    t.strictSame([house.server.counts.sessions, house.gones, house.time.waiting], [0, 2, 0]);
  },
);

t.test("DT-10 a client that begins again on its port keeps its session until the new one is established", async (t) => {
  const house = new DtlsHouse();
  const before = house.connect(HERE);
  const later = house.greet(HERE);
  house.exchange(before, HERE, before.data("still here"));
  t.strictSame(before.texts, ["STILL HERE"]);
  house.exchange(later, HERE, ...later.answer());
  t.ok(later.isConnected);
  t.strictSame([house.server.counts.sessions, house.gones], [1, 1]);
  house.exchange(later, HERE, later.data("new"));
  t.strictSame(later.texts, ["NEW"]);
});

t.test("devices behind one address have a session each, and the same peer for each of their datagrams", async (t) => {
  const house = new DtlsHouse();
  const clients = [1000, 1001, 1002].map((port) => ({ port, client: house.connect(endpoint(port)) }));
  for (const text of ["one", "two"]) {
    for (const { port, client } of clients) house.exchange(client, endpoint(port), client.data(`${text} ${port}`));
  }
  for (const { port, client } of clients) t.strictSame(client.texts, [`ONE ${port}`, `TWO ${port}`]);
  t.equal(house.peers.size, 3);
});

t.test("a client with a connection id keeps its session at a new port (RFC 9146)", async (t) => {
  const house = new DtlsHouse();
  const client = house.connect(HERE, ROAMING);
  t.equal(client.serverConnectionId.length, 8);
  house.exchange(client, HERE, client.data("one"));
  const old = client.data("old");
  const there = endpoint(2000, "198.51.100.7");
  house.exchange(client, there, client.data("two"));
  t.strictSame(client.texts, ["ONE", "TWO"]);
  t.match([...house.peers], [{ address: "198.51.100.7", port: 2000 }]);
  t.equal(house.peers.size, 1);

  // An older record that arrives from elsewhere is delivered, and moves nothing.
  house.exchange(client, HERE, old);
  t.strictSame(house.take(there).length, 1);
  // Another client at the first address has a session of its own.
  const other = house.connect(HERE);
  house.exchange(other, HERE, other.data("other"));
  house.exchange(client, there, client.data("three"));
  t.strictSame([other.texts, client.texts], [["OTHER"], ["ONE", "TWO", "THREE"]]);
});

t.test("a client that wants no id in records to it still sends the server's", async (t) => {
  const house = new DtlsHouse();
  const client = house.connect(HERE, { connectionId: Buffer.alloc(0) });
  house.exchange(client, endpoint(2000), client.data("hello"));
  t.strictSame(client.texts, ["HELLO"]);
  const without = house.connect(endpoint(3000));
  house.exchange(without, endpoint(3001), without.data("hello"));
  t.strictSame(without.texts, [], "without an id a new port is a stranger");
});

t.test("an IPv4 client of an IPv6 socket has its IPv4 address", async (t) => {
  const house = new DtlsHouse();
  const from = endpoint(1000, "::ffff:192.0.2.9");
  house.exchange(house.connect(from), from);
  const client = house.connect(from);
  house.exchange(client, from, client.data("hello"));
  t.strictSame(
    [...house.peers].map(({ address }) => address),
    ["192.0.2.9"],
  );
});

t.test(
  "DT-09 thousands of half-open peers cost no more than the limits, and a device still gets its session",
  async (t) => {
    const house = new DtlsHouse({ handshakes: { total: 20, perNetwork: 5 }, rate: { atOnce: 100, perSecond: 1 } });
    for (let port = 1; port <= 3_000; port += 1) {
      house.server.receive(new DtlsClient({}, randomBytes).hello(), endpoint(port));
    }
    t.strictSame([house.server.counts.handshakes, house.time.waiting], [0, 0], "no cookie, no state");
    house.sent.length = 0;

    for (let at = 0; at < 60; at += 1) house.greet(endpoint(at, `198.51.100.${at % 30}`));
    t.equal(house.server.counts.handshakes, 20);
    for (let port = 1; port <= 40; port += 1) house.greet(endpoint(port, "203.0.113.1"));
    t.equal(house.server.counts.handshakes, 20);
    const device = house.connect(endpoint(7, "192.0.2.200"));
    t.ok(device.isConnected);
    t.equal(house.server.counts.sessions, 1);
    house.time.pass(61_000);
    t.equal(house.server.counts.handshakes, 0);
  },
);

t.test("DT-09 a network that begins too many handshakes waits, and other networks do not", async (t) => {
  const house = new DtlsHouse({ rate: { atOnce: 3, perSecond: 1 } });
  const greeted = (ports: readonly number[]) =>
    ports.filter((port) => house.greet(endpoint(port, "203.0.113.1")).seen.includes("serverHelloDone"));
  t.strictSame(greeted([1, 2, 3, 4, 5]), [1, 2, 3]);
  t.ok(house.connect(endpoint(1, "203.0.113.2")).isConnected);
  house.time.pass(2_000);
  t.strictSame(greeted([6, 7, 8, 9]), [6, 7]);
});

t.test(
  "DT-09 beyond the limit of sessions the one that was idle for longest ends, first of the same network",
  async (t) => {
    const house = new DtlsHouse({ sessions: { total: 4, perNetwork: 2 } });
    const first = house.connect(endpoint(1, "192.0.2.1"));
    const crowd = [1, 2, 3].map((port) => house.connect(endpoint(port, "203.0.113.1")));
    house.exchange(crowd[0]!, endpoint(1, "203.0.113.1"));
    t.strictSame([crowd[0]!.alerts, crowd[1]!.alerts, first.alerts], [[ALERT.closeNotify], [], []]);
    house.connect(endpoint(1, "192.0.2.3"));
    house.exchange(first, endpoint(1, "192.0.2.1"), first.data("busy"));
    house.connect(endpoint(1, "192.0.2.4"));
    house.exchange(crowd[1]!, endpoint(2, "203.0.113.1"));
    t.strictSame([crowd[1]!.alerts, first.alerts, house.server.counts.sessions], [[ALERT.closeNotify], [], 4]);
  },
);

t.test("the end of the server ends every session and leaves no timer", async (t) => {
  const house = new DtlsHouse();
  const clients = [1, 2].map((port) => house.connect(endpoint(port)));
  house.greet(endpoint(3));
  house.server.stop();
  for (const [at, client] of clients.entries()) {
    house.exchange(client, endpoint(at + 1));
    t.strictSame(client.alerts, [ALERT.closeNotify]);
  }
  t.strictSame([house.gones, house.time.waiting, house.server.counts], [2, 0, { handshakes: 0, sessions: 0 }]);
});
