import { createHash, timingSafeEqual } from "node:crypto";
import type { Timers } from "../coap/timers.js";
import { ALERT, readAlert, writeAlert } from "./alerts.js";
import { DecodeError, dropMalformed } from "./bytes.js";
import type { ClientHello } from "./client-hello.js";
import type { Credentials } from "./credentials.js";
import { ecdheExchange, pskExchange, type Exchange, type PskLookup } from "./exchange.js";
import { writeFlight, type FlightPart } from "./flight.js";
import * as messages from "./handshake-messages.js";
import { MESSAGE, type HandshakeMessage } from "./handshake-messages.js";
import { masterSecret, sessionKeys, verifyData, type SessionKeys } from "./key-schedule.js";
import * as limits from "./limits.js";
import { serverExtensions, type Agreement } from "./negotiate.js";
import { open } from "./protection.js";
import { Reassembly } from "./reassembly.js";
import { CONTENT, NO_CONNECTION_ID, type DtlsRecord } from "./record.js";
import { RecordWriter } from "./record-writer.js";
import { ReplayWindow } from "./replay-window.js";
import type { Held } from "./roster.js";
import type { SessionParameters } from "./session-parameters.js";

/** A ClientHello whose cookie has been verified, and what was agreed. */
interface HandshakeStart {
  readonly network: string;
  readonly hello: ClientHello;
  readonly message: HandshakeMessage;
  /** The number of the record that brought it. */
  readonly recordSequence: number;
  readonly agreement: Agreement;
  readonly credentials: Credentials;
  readonly pskOf: PskLookup;
  /** The id that the client would use. */
  readonly connectionId: Buffer;
}

/** What a handshake needs of its surroundings. */
interface HandshakeSurroundings {
  readonly timers: Timers;
  readonly random: (bytes: number) => Buffer;
  send(datagram: Buffer): void;
  /** The client has proved that it has the keys. */
  established(parameters: SessionParameters): void;
  /** The handshake has ended without a session. @param reason for the log */
  failed(reason: string): void;
}

/**
 * One full handshake (RFC 6347 section 4.2.4, flights 4 to 6). The flights before it keep no state: a client that gets here
 * receives at its address.
 *
 * 1. The server sends flight 4: ServerHello to ServerHelloDone. It sends it again until flight 5 is complete.
 * 2. ClientKeyExchange gives the keys.
 * 3. Finished, which is protected, proves that both have seen the same messages. The server sends flight 6 and is done.
 *
 * ChangeCipherSpec is not waited for: the epoch in a record's header says how it is protected.
 */
export class Handshake implements Held {
  readonly network: string;
  readonly hello: ClientHello;
  readonly connectionId: Buffer;
  readonly #start: HandshakeStart;
  readonly #around: HandshakeSurroundings;
  readonly #writer: RecordWriter;
  readonly #exchange: Exchange;
  readonly #serverRandom: Buffer;
  readonly #flight: readonly FlightPart[];
  readonly #inPlain: Reassembly;
  readonly #inProtected: Reassembly;
  readonly #window = new ReplayWindow();
  readonly #early: DtlsRecord[] = [];
  readonly #endsAt: number;
  #transcript: Buffer[];
  #keys: SessionKeys | undefined;
  #master: Buffer = Buffer.alloc(0);
  #transmissions = 0;
  #hasExchange = false;
  #hasEnded = false;
  #cancel: () => void = () => undefined;

  constructor(start: HandshakeStart, around: HandshakeSurroundings) {
    this.network = start.network;
    this.hello = start.hello;
    this.connectionId = start.agreement.clientConnectionId === undefined ? NO_CONNECTION_ID : start.connectionId;
    this.#start = start;
    this.#around = around;
    this.#writer = new RecordWriter(start.recordSequence);
    this.#serverRandom = around.random(32);
    const { agreement, credentials, pskOf, message } = start;
    const randoms = Buffer.concat([this.hello.random, this.#serverRandom]);
    this.#exchange = agreement.signing ? ecdheExchange(agreement.signing, credentials, randoms) : pskExchange(pskOf);
    const { sequence } = message;
    this.#inPlain = new Reassembly(sequence + 1);
    this.#inProtected = new Reassembly(sequence + 2);
    const flight = this.#flight4();
    this.#flight = flight.map((message) => ({ message, isProtected: false }));
    this.#transcript = [message, ...flight].map(messages.writeMessage);
    this.#endsAt = around.timers.now() + limits.HANDSHAKE_LIFE;
  }

  /** Sends flight 4: for the first time, and whenever the client sends its ClientHello again. */
  transmit(): void {
    if (this.#transmissions >= limits.MAX_TRANSMISSIONS) return;
    const isSmall = this.#transmissions >= limits.TRANSMISSIONS_BEFORE_SMALL;
    this.#transmissions += 1;
    const maxDatagram = isSmall ? limits.SMALL_DATAGRAM : limits.MAX_DATAGRAM;
    for (const datagram of writeFlight(this.#flight, this.#writer, maxDatagram)) this.#around.send(datagram);
    this.#waitForAnswer();
  }

  /** Takes a record of epoch 0. @throws DecodeError if it holds no handshake messages */
  receive(record: DtlsRecord): void {
    if (record.type === CONTENT.alert && readAlert(record.body)?.isFatal === true)
      return this.#end("the client ended it");
    if (record.type !== CONTENT.handshake || this.#hasExchange) return;
    for (const fragment of messages.readFragments(record.body)) {
      if (fragment.type === MESSAGE.clientKeyExchange) this.#inPlain.add(fragment);
    }
    const message = this.#inPlain.take();
    if (message !== undefined) this.#keyExchange(message);
  }

  /** Takes a record of epoch 1. @throws DecodeError if it is authentic, and holds no handshake messages */
  receiveProtected(record: DtlsRecord): void {
    if (this.#keys === undefined) {
      if (this.#early.length < limits.MAX_EARLY_RECORDS) this.#early.push(record);
      return;
    }
    if (!record.connectionId.equals(this.connectionId) || !this.#window.mayBeNew(record.sequence)) return;
    const opened = open(this.#start.agreement.suite, this.#keys.client, record);
    if (opened === undefined) return this.#unopened(record);
    this.#window.accept(record.sequence);
    if (opened.type !== CONTENT.handshake) return;
    for (const fragment of messages.readFragments(opened.content)) {
      if (fragment.type === MESSAGE.finished) this.#inProtected.add(fragment);
    }
    const message = this.#inProtected.take();
    if (message !== undefined) this.#finished(message);
  }

  /** Forgets the handshake, without a word to the client. */
  stop(): void {
    this.#hasEnded = true;
    this.#cancel();
  }

  #flight4(): readonly HandshakeMessage[] {
    const { agreement, connectionId, message } = this.#start;
    const extensions = serverExtensions(agreement, connectionId);
    const flight: readonly (readonly [number, Buffer])[] = [
      [MESSAGE.serverHello, messages.serverHello(this.#serverRandom, agreement.suite.id, extensions)],
      ...this.#exchange.messages,
      [MESSAGE.serverHelloDone, Buffer.alloc(0)],
    ];
    // The server counts on from the ClientHello, because it did not count the HelloVerifyRequest.
    return flight.map(([type, body], at) => ({ type, sequence: message.sequence + at, body }));
  }

  #waitForAnswer(): void {
    this.#cancel();
    const { timers } = this.#around;
    const wait = Math.min(limits.FIRST_WAIT * 2 ** (this.#transmissions - 1), limits.MAX_WAIT);
    const left = this.#endsAt - timers.now();
    this.#cancel = timers.after(Math.min(wait, Math.max(left, 0)), () => {
      if (left <= wait) this.#end("the client did not finish it in time");
      else this.transmit();
    });
  }

  #keyExchange(message: HandshakeMessage): void {
    this.#hasExchange = true;
    const value = this.#read(message.body);
    if (value === undefined) return this.#refuse(ALERT.decodeError, "ClientKeyExchange does not have its form");
    const premaster = this.#exchange.agree(value);
    if (!(premaster instanceof Promise)) return this.#deriveKeys(message, premaster);
    // The handshake may end before the key is there: its time may be over, or its client may begin again.
    void premaster.then((found) => {
      if (!this.#hasEnded) dropMalformed(() => this.#deriveKeys(message, found));
    });
  }

  #deriveKeys(message: HandshakeMessage, premaster: Buffer | undefined): void {
    const { agreement } = this.#start;
    if (premaster === undefined) return this.#refuse(this.#exchange.failure.alert, this.#exchange.failure.reason);
    this.#transcript.push(messages.writeMessage(message));
    const randoms = { client: this.hello.random, server: this.#serverRandom };
    const sessionHash = agreement.extendedMasterSecret ? this.#transcriptHash() : undefined;
    this.#master = masterSecret(agreement.suite, premaster, randoms, sessionHash);
    this.#keys = sessionKeys(agreement.suite, this.#master, randoms);
    for (const record of this.#early.splice(0)) this.receiveProtected(record);
  }

  #read(body: Buffer): Buffer | undefined {
    try {
      return this.#exchange.read(body);
    } catch (error) {
      if (error instanceof DecodeError) return undefined;
      throw error;
    }
  }

  /**
   * A wrong PSK shows here: the client's Finished cannot be opened. An unknown identity ends in the same way (RFC 4279 section 2).
   * Data of an earlier session at the same address ends nothing.
   */
  #unopened({ type }: DtlsRecord): void {
    if (this.#start.agreement.suite.exchange !== "psk" || type === CONTENT.applicationData) return;
    this.#refuse(ALERT.decryptError, "the PSK is wrong, or its identity is unknown");
  }

  #finished(message: HandshakeMessage): void {
    const { suite, clientConnectionId = NO_CONNECTION_ID } = this.#start.agreement;
    const expected = verifyData(suite, this.#master, "client", this.#transcriptHash());
    if (message.body.length !== expected.length || !timingSafeEqual(message.body, expected)) {
      return this.#refuse(ALERT.decryptError, "the client's Finished is wrong");
    }
    this.#transcript.push(messages.writeMessage(message));
    const body = verifyData(suite, this.#master, "server", this.#transcriptHash());
    this.#cancel();
    this.#writer.protect({ suite, keys: this.#keys!.server, connectionId: clientConnectionId });
    const sequence = this.#start.message.sequence + this.#flight.length;
    this.#around.established({
      suite,
      keys: this.#keys!,
      writer: this.#writer,
      window: this.#window,
      connectionId: this.connectionId,
      clientRandom: this.hello.random,
      lastFlight: [
        { changeCipherSpec: true },
        { message: { type: MESSAGE.finished, sequence, body }, isProtected: true },
      ],
    });
  }

  #transcriptHash(): Buffer {
    return createHash(this.#start.agreement.suite.hash).update(Buffer.concat(this.#transcript)).digest();
  }

  #refuse(alert: number, reason: string): void {
    this.#around.send(this.#writer.plain(CONTENT.alert, writeAlert(alert)));
    this.#end(reason);
  }

  #end(reason: string): void {
    this.#cancel();
    this.#around.failed(reason);
  }
}
