import type { Peer } from "../coap/peer.js";
import { ALERT, readAlert, writeAlert } from "./alerts.js";
import { DecodeError } from "./bytes.js";
import type { Endpoint } from "./endpoint.js";
import { writeFlight } from "./flight.js";
import { MESSAGE, readFragments } from "./handshake-messages.js";
import { MAX_DATAGRAM, MAX_TRANSMISSIONS } from "./limits.js";
import { open, type Opened } from "./protection.js";
import { CONTENT, MAX_PLAINTEXT, type DtlsRecord } from "./record.js";
import type { Held } from "./roster.js";
import type { SessionParameters } from "./session-parameters.js";

/** What a session needs of its surroundings. */
export interface SessionSurroundings {
  readonly send: (datagram: Buffer, to: Endpoint) => void;
  received(session: Session, content: Buffer): void;
  /** Called once. */
  ended(session: Session): void;
  /** A client with a connection id sends from another address. The session still has the earlier one. */
  moved(session: Session, to: Endpoint): void;
  /** An authentic record arrived. */
  used(session: Session): void;
}

/** A session that a handshake has established: one client, under the keys that it proved to have. */
export class Session implements Peer, Held {
  readonly secure = true;
  readonly #parameters: SessionParameters;
  readonly #around: SessionSurroundings;
  #endpoint: Endpoint;
  #forgeries = 0;
  #transmissions = 0;
  /** Whether the client has the last flight: it sends data only then. */
  #isConfirmed = false;
  #hasEnded = false;

  constructor(parameters: SessionParameters, endpoint: Endpoint, around: SessionSurroundings) {
    this.#parameters = parameters;
    this.#endpoint = endpoint;
    this.#around = around;
  }

  /** An IPv4 address also where the socket wrote it in the mapped form of IPv6. */
  get address(): string {
    return this.#endpoint.address.replace(/^::ffff:(?=[\d.]+$)/i, "");
  }

  get port(): number {
    return this.#endpoint.port;
  }

  get network(): string {
    return this.#endpoint.network;
  }

  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  get connectionId(): Buffer {
    return this.#parameters.connectionId;
  }

  /** Whether a ClientHello is the one that began this session. */
  beganWith(clientRandom: Buffer): boolean {
    return this.#parameters.clientRandom.equals(clientRandom);
  }

  /** Takes a protected record. @returns whether it is authentic and new; if it is not, the session stays as it is */
  receive(record: DtlsRecord, from: Endpoint): boolean {
    const { suite, keys, window, connectionId } = this.#parameters;
    if (record.epoch !== 1 || !record.connectionId.equals(connectionId)) return false;
    const isNew = window.mayBeNew(record.sequence);
    if (!isNew && this.#isConfirmed) return false;
    const opened = open(suite, keys.client, record);
    if (opened === undefined) this.#countForgery();
    else if (isNew) this.#accept(record, opened, from);
    // A client that waits for the last flight may send its own again, down to the number of the record.
    else if (opened.type === CONTENT.handshake) this.#takeHandshake(opened.content);
    return opened !== undefined && isNew;
  }

  /** Sends the last flight of the handshake: once, and again when the client repeats its Finished. */
  finish(): void {
    const { lastFlight, writer } = this.#parameters;
    if (this.#transmissions >= MAX_TRANSMISSIONS) return;
    this.#transmissions += 1;
    for (const datagram of writeFlight(lastFlight, writer, MAX_DATAGRAM)) this.#around.send(datagram, this.#endpoint);
  }

  send(datagram: Uint8Array): void {
    if (datagram.length <= MAX_PLAINTEXT) this.#send(CONTENT.applicationData, Buffer.from(datagram));
  }

  /** Ends the session and tells the client. */
  close(): void {
    this.#send(CONTENT.alert, writeAlert(ALERT.closeNotify));
    this.abandon();
  }

  /** Ends the session without a word to the client. */
  abandon(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#around.ended(this);
  }

  #countForgery(): void {
    this.#forgeries += 1;
    if (this.#forgeries > this.#parameters.suite.maxForgeries) this.close();
  }

  #accept(record: DtlsRecord, opened: Opened, from: Endpoint): void {
    const { window } = this.#parameters;
    const isNewest = record.sequence > window.highest;
    window.accept(record.sequence);
    // An attacker may have kept an old record back, so it moves nothing (RFC 9146 section 6).
    if (isNewest) this.#follow(from);
    this.#around.used(this);
    this.#take(opened);
  }

  #send(type: number, content: Buffer): void {
    if (!this.#hasEnded) this.#around.send(this.#parameters.writer.sealed(type, content), this.#endpoint);
  }

  #follow(from: Endpoint): void {
    const before = this.#endpoint;
    if (from.address === before.address && from.port === before.port) return;
    this.#around.moved(this, from);
    this.#endpoint = from;
  }

  #take({ type, content }: Opened): void {
    if (type === CONTENT.applicationData) {
      this.#isConfirmed = true;
      this.#around.received(this, content);
    } else if (type === CONTENT.alert) this.#takeAlert(content);
    else if (type === CONTENT.handshake) this.#takeHandshake(content);
  }

  #takeAlert(content: Buffer): void {
    const alert = readAlert(content);
    // The answer to close_notify is close_notify (RFC 5246 section 7.2.1).
    if (alert?.description === ALERT.closeNotify) this.close();
    else if (alert?.isFatal === true) this.abandon();
  }

  #takeHandshake(content: Buffer): void {
    const types = typesIn(content);
    if (types.includes(MESSAGE.finished)) this.finish();
    // A renegotiation under these keys is refused, and the session goes on (RFC 5746 section 4.4).
    else if (types.includes(MESSAGE.clientHello)) this.#send(CONTENT.alert, writeAlert(ALERT.noRenegotiation));
  }
}

function typesIn(content: Buffer): readonly number[] {
  try {
    return readFragments(content).map(({ type }) => type);
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}
