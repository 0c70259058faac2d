import type { DatagramService } from "../coap/peer.js";
import type { Timers } from "../coap/timers.js";
import { ALERT, writeAlert } from "./alerts.js";
import { HandshakeBudget } from "./budget.js";
import { DecodeError, dropMalformed } from "./bytes.js";
import { readClientHello, type ClientHello } from "./client-hello.js";
import { Cookies } from "./cookies.js";
import type { Credentials } from "./credentials.js";
import type { PskLookup } from "./exchange.js";
import { nameOf, type Endpoint } from "./endpoint.js";
import { Handshake } from "./handshake.js";
import {
  helloVerifyRequest,
  isWhole,
  MESSAGE,
  readFragments,
  writeMessage,
  type HandshakeMessage,
} from "./handshake-messages.js";
import type { DtlsLimits } from "./limits.js";
import { negotiate } from "./negotiate.js";
import {
  CONNECTION_ID_BYTES,
  CONTENT,
  DTLS_1_0,
  DTLS_1_2,
  NO_CONNECTION_ID,
  recordsOf,
  writeRecord,
  type DtlsRecord,
} from "./record.js";
import { Roster } from "./roster.js";
import { SessionTable } from "./session-table.js";

/** What a server needs of its surroundings. */
interface ServerSurroundings {
  readonly timers: Timers;
  readonly random: (bytes: number) => Buffer;
  readonly limits: DtlsLimits;
  /** Asked for each handshake, so that a renewed certificate is used at once. */
  readonly credentials: () => Credentials;
  readonly pskOf: PskLookup;
  readonly send: (datagram: Buffer, to: Endpoint) => void;
  /** Told why a handshake gave no session. */
  readonly failed: (from: Endpoint, reason: string) => void;
}

interface Hello {
  readonly hello: ClientHello;
  readonly message: HandshakeMessage;
  readonly recordSequence: number;
}

/**
 * A DTLS 1.2 server (RFC 6347) above any socket: it sorts the records of each datagram. Whatever is invalid is dropped without an
 * answer (RFC 6347 section 4.1.2.7). A client gets its first state here when its cookie is verified.
 */
export class DtlsServer {
  readonly #around: ServerSurroundings;
  readonly #cookies: Cookies;
  readonly #budget: HandshakeBudget;
  readonly #handshakes = new Map<string, Handshake>();
  readonly #halfOpen: Roster<Handshake>;
  readonly #sessions: SessionTable;
  readonly #keys = new Map<Handshake, string>();

  constructor(around: ServerSurroundings, service: DatagramService) {
    const { timers, random, limits } = around;
    this.#around = around;
    const now = () => timers.now();
    this.#cookies = new Cookies(now, random);
    this.#budget = new HandshakeBudget(limits.rate, now);
    this.#halfOpen = new Roster(limits.handshakes);
    this.#sessions = new SessionTable({ timers, limits, send: around.send }, service);
  }

  /** Handshakes that are not finished, and sessions. */
  get counts(): { readonly handshakes: number; readonly sessions: number } {
    return { handshakes: this.#halfOpen.size, sessions: this.#sessions.size };
  }

  /** Takes one datagram. */
  receive(datagram: Buffer, from: Endpoint): void {
    for (const record of recordsOf(datagram)) {
      dropMalformed(() => (record.epoch === 0 ? this.#plain(record, from) : this.#protected(record, from)));
    }
  }

  /** Ends every session. */
  stop(): void {
    for (const handshake of [...this.#halfOpen]) this.#forget(handshake);
    this.#sessions.stop();
  }

  #plain(record: DtlsRecord, from: Endpoint): void {
    const hello = helloIn(record);
    if (hello === undefined) this.#handshakes.get(nameOf(from))?.receive(record);
    else this.#hello(hello, from);
  }

  #protected(record: DtlsRecord, from: Endpoint): void {
    const session = this.#sessions.find(record, from);
    if (session?.receive(record, from) !== true) this.#handshakes.get(nameOf(from))?.receiveProtected(record);
  }

  #hello(hello: Hello, from: Endpoint): void {
    const key = nameOf(from);
    if (hello.hello.cookie.length === 0 || !this.#cookies.isValid(key, hello.hello))
      return this.#askForCookie(hello, from);
    if (this.#sessions.at(from)?.beganWith(hello.hello.random) === true) return;
    const known = this.#handshakes.get(key);
    if (known?.hello.random.equals(hello.hello.random) === true) known.transmit();
    else if (this.#budget.take(from.network)) this.#begin(hello, from);
  }

  /** The answer to an unverified address. It is never larger than the request, because the smallest ClientHello is larger. */
  #askForCookie({ hello, message, recordSequence }: Hello, from: Endpoint): void {
    const body = helloVerifyRequest(this.#cookies.make(nameOf(from), hello));
    const answer = writeMessage({ type: MESSAGE.helloVerifyRequest, sequence: message.sequence, body });
    this.#around.send(plainRecord(CONTENT.handshake, DTLS_1_0, recordSequence, answer), from);
  }

  #begin({ hello, message, recordSequence }: Hello, from: Endpoint): void {
    const { timers, random, credentials: current, pskOf, send, failed } = this.#around;
    const credentials = current();
    const agreement = negotiate(hello, credentials);
    if (typeof agreement === "number") {
      send(plainRecord(CONTENT.alert, DTLS_1_2, recordSequence, writeAlert(agreement)), from);
      return failed(from, agreement === ALERT.protocolVersion ? "no DTLS 1.2" : "nothing in common");
    }
    const connectionId = random(CONNECTION_ID_BYTES);
    const { network } = from;
    const start = { network, hello, message, recordSequence, agreement, credentials, pskOf, connectionId };
    const handshake: Handshake = new Handshake(start, {
      timers,
      random,
      send: (datagram) => send(datagram, from),
      established: (parameters) => {
        this.#forget(handshake);
        this.#sessions.open(parameters, from).finish();
      },
      failed: (reason) => {
        this.#forget(handshake);
        failed(from, reason);
      },
    });
    this.#keep(handshake, nameOf(from));
    handshake.transmit();
  }

  /** A client that begins again at its address replaces its handshake; its session lives until the new one is established. */
  #keep(handshake: Handshake, key: string): void {
    const previous = this.#handshakes.get(key);
    if (previous !== undefined) this.#forget(previous);
    this.#handshakes.set(key, handshake);
    this.#keys.set(handshake, key);
    const displaced = this.#halfOpen.touch(handshake);
    if (displaced !== undefined) this.#forget(displaced);
  }

  #forget(handshake: Handshake): void {
    handshake.stop();
    this.#halfOpen.delete(handshake);
    this.#handshakes.delete(this.#keys.get(handshake)!);
    this.#keys.delete(handshake);
  }
}

/** The ClientHello in a record. One in fragments is dropped, because putting it together would need state. @throws DecodeError */
function helloIn({ type, body, sequence }: DtlsRecord): Hello | undefined {
  if (type !== CONTENT.handshake) return undefined;
  const [fragment] = readFragments(body);
  if (fragment?.type !== MESSAGE.clientHello) return undefined;
  if (!isWhole(fragment)) throw new DecodeError("a ClientHello is in fragments");
  const message = { type: fragment.type, sequence: fragment.sequence, body: fragment.part };
  return { hello: readClientHello(fragment.part), message, recordSequence: sequence };
}

function plainRecord(type: number, version: number, sequence: number, content: Buffer): Buffer {
  return writeRecord({ type, version, epoch: 0, sequence, connectionId: NO_CONNECTION_ID }, content);
}
