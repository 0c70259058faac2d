import { randomBytes } from "node:crypto";
import type { DatagramService, Peer } from "../../src/coap/peer.js";
import { readCredentials, type Credentials } from "../../src/dtls/credentials.js";
import type { Endpoint } from "../../src/dtls/endpoint.js";
import type { PskLookup } from "../../src/dtls/exchange.js";
import { DTLS_LIMITS, type DtlsLimits } from "../../src/dtls/limits.js";
import { DtlsServer } from "../../src/dtls/server.js";
import { selfSigned } from "./certificate.js";
import { DtlsClient, type ClientChoices } from "./dtls-client.js";
import { VirtualTime } from "./virtual-time.js";

const CREDENTIALS = readCredentials(selfSigned("localhost"));

/** A DTLS server without sockets, in virtual time. It answers application data with the same text in capitals. */
export class DtlsHouse implements DatagramService {
  readonly time = new VirtualTime();
  readonly server: DtlsServer;
  credentials: Credentials = CREDENTIALS;
  pskOf: PskLookup = () => Promise.resolve(randomBytes(16));
  /** Every datagram that the server sent, with the name of its receiver. */
  readonly sent: { readonly to: Endpoint; readonly datagram: Buffer }[] = [];
  readonly peers = new Set<Peer>();
  readonly texts: string[] = [];
  readonly failures: string[] = [];
  gones = 0;
  /** Takes the datagrams of the server; by default they are only remembered. */
  carry: (datagram: Buffer, to: Endpoint) => void = () => undefined;

  constructor(limits: Partial<DtlsLimits> = {}) {
    const around = {
      timers: this.time,
      random: randomBytes,
      limits: { ...DTLS_LIMITS, ...limits },
      credentials: () => this.credentials,
      pskOf: (identity: Buffer) => this.pskOf(identity),
      send: (datagram: Buffer, to: Endpoint) => {
        this.sent.push({ to, datagram });
        this.carry(datagram, to);
      },
      failed: (_from: Endpoint, reason: string) => this.failures.push(reason),
    };
    this.server = new DtlsServer(around, this);
  }

  received(peer: Peer, datagram: Uint8Array): void {
    const text = String(Buffer.from(datagram));
    this.peers.add(peer);
    this.texts.push(text);
    peer.send(Buffer.from(text.toUpperCase()));
  }

  gone(peer: Peer): void {
    this.peers.delete(peer);
    this.gones += 1;
  }

  /** The datagrams to an endpoint since the last call. */
  take(endpoint: Endpoint): readonly Buffer[] {
    const own = this.sent.filter(({ to }) => to.address === endpoint.address && to.port === endpoint.port);
    for (const one of own) this.sent.splice(this.sent.indexOf(one), 1);
    return own.map(({ datagram }) => datagram);
  }

  /** Hands a datagram to the server, and what it answers at once to the client. */
  exchange(client: DtlsClient, from: Endpoint, ...datagrams: readonly Buffer[]): void {
    for (const datagram of datagrams) this.server.receive(datagram, from);
    for (const datagram of this.take(from)) client.receive(datagram);
  }

  /** A client up to flight 4: the server has answered its cookie. */
  greet(from: Endpoint, choices: ClientChoices = {}): DtlsClient {
    const client = new DtlsClient(choices, randomBytes);
    this.exchange(client, from, client.hello());
    this.exchange(client, from, client.hello());
    return client;
  }

  /** A client with a session. */
  connect(from: Endpoint, choices: ClientChoices = {}): DtlsClient {
    const client = this.greet(from, choices);
    this.exchange(client, from, ...client.answer());
    return client;
  }
}

/** An endpoint in a network of its own, unless a network is given. */
export function endpoint(port: number, address = "192.0.2.1"): Endpoint {
  return { address, port, network: address };
}
