import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mock } from "node:test";
import t from "tap";
import { DtlsClient as WeriftClient } from "werift-dtls/lib/dtls/src/index.js";
import { systemTimers } from "../../src/coap/timers.js";
import { CIPHER_SUITES } from "../../src/dtls/cipher-suites.js";
import { readCredentials } from "../../src/dtls/credentials.js";
import { listenDtls } from "../../src/dtls/listen.js";
import { Random } from "../faults/random.js";
import { selfSigned } from "../support/certificate.js";
import { Device } from "../support/dtls-device.js";
import { DtlsHouse, endpoint } from "../support/dtls-house.js";
import { LossyNetwork } from "../support/lossy-network.js";
import { until } from "../support/until.js";

const FAULTS = { loss: 0.3, duplicates: 0.1, maxDelay: 150 };

/** A client of other people. It has timers and retransmissions of its own. */
class OtherClient {
  readonly texts: string[] = [];
  isConnected = false;
  readonly #client: WeriftClient;
  readonly #transport: { onData: (datagram: Buffer, from: readonly [string, number]) => void };

  constructor(send: (datagram: Buffer) => void) {
    const transport = {
      type: "udp",
      address: { address: "192.0.2.1", family: "IPv4", port: 5684 },
      closed: false,
      onData: () => undefined,
      send: (datagram: Buffer) => Promise.resolve(send(Buffer.from(datagram))),
      close: () => Promise.resolve(),
    };
    this.#transport = transport;
    this.#client = new WeriftClient({ transport, extendedMasterSecret: true });
    this.#client.onConnect.subscribe(() => (this.isConnected = true));
    this.#client.onData.subscribe((data) => this.texts.push(String(data)));
  }

  async connect(): Promise<void> {
    await this.#client.connect();
  }

  async say(text: string): Promise<void> {
    await this.#client.send(Buffer.from(text));
  }

  receive(datagram: Buffer): void {
    this.#transport.onData(datagram, ["192.0.2.1", 5684]);
  }
}

/** Lets the virtual time of a server and the timers of the other clients pass together. */
async function pass(house: DtlsHouse, milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 50) {
    mock.timers.tick(50);
    house.time.pass(50);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

t.test("clients of other people get a session and answers where a network loses 30 % both ways", async (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.teardown(() => mock.timers.reset());
  const house = new DtlsHouse();
  const network = new LossyNetwork(house.time, new Random("thirty percent"), FAULTS);
  const clients = Array.from({ length: 20 }, (_, at) => {
    const from = endpoint(1000 + at);
    return new OtherClient((datagram) => network.carry(() => house.server.receive(datagram, from)));
  });
  house.carry = (datagram, { port }) => network.carry(() => clients[port - 1000]!.receive(datagram));
  // A client that has given up says so here, and the count below finds it.
  for (const client of clients) void client.connect().catch(() => undefined);
  await pass(house, 40_000);
  t.equal(clients.filter(({ isConnected }) => isConnected).length, clients.length);
  for (let count = 0; count < 12; count += 1) {
    for (const client of clients) await client.say(`hello ${count}`);
    await pass(house, 200);
  }
  for (const { texts } of clients) t.match(texts.at(-1), /^HELLO \d+$/);
  t.equal(house.peers.size, clients.length);
});

t.test("500 devices behind one address connect at once in such a network, and each question is answered", async (t) => {
  const house = new DtlsHouse();
  const random = new Random("five hundred");
  const network = new LossyNetwork(house.time, random, FAULTS);
  const suites = CIPHER_SUITES.filter(({ exchange }) => exchange === "ecdhe_ecdsa").map(({ name }) => name);
  const devices = Array.from({ length: 500 }, (_, at) => {
    const choices = { suites: [random.pick(suites)], ...(at % 3 === 0 ? { connectionId: Buffer.from([at % 7]) } : {}) };
    return new Device(house, network, endpoint(1000 + at), choices, ["one", "two"]);
  });
  house.carry = (datagram, { port }) => network.carry(() => devices[port - 1000]!.receive(datagram));
  for (const device of devices) device.begin();
  house.time.pass(60_000);
  t.equal(devices.filter(({ isDone }) => isDone).length, 500);
  t.strictSame(house.server.counts, { handshakes: 0, sessions: 500 });
  t.strictSame(house.failures, []);
});

t.test("the server listens on a port, and a port that is taken is an error of the operator", async (t) => {
  const credentials = readCredentials(selfSigned("localhost"));
  const options = {
    host: "127.0.0.1",
    credentials: () => credentials,
    pskOf: () => Promise.resolve(undefined),
    timers: systemTimers,
    failed: () => undefined,
  };
  const peers: unknown[] = [];
  const transport = await listenDtls(
    { ...options, port: 0 },
    {
      received: (peer, datagram) => {
        peers.push(peer);
        peer.send(Buffer.from(datagram).reverse());
      },
      gone: () => peers.pop(),
    },
  );
  const { port } = transport;
  await t.rejects(listenDtls({ ...options, port }, { received: () => undefined, gone: () => undefined }), {
    message: `COAPS_PORT ${port} on 127.0.0.1 cannot be used (EADDRINUSE)`,
  });

  const socket = createSocket("udp4");
  const client = new OtherClient((datagram) => socket.send(datagram, port, "127.0.0.1"));
  socket.on("message", (datagram) => client.receive(datagram));
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  await client.connect();
  await until("the client has a session", () => client.isConnected);
  await client.say("hello");
  await until("the answer is there", () => client.texts.length > 0);
  t.strictSame(client.texts, ["olleh"]);
  t.match(peers, [{ address: "127.0.0.1", port: socket.address().port, secure: true }]);
  const farewell = once(socket, "message");
  await transport.stop();
  await farewell;
  t.strictSame(peers, [], "the session has ended with its transport");
  socket.close();
});
