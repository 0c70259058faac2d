import type { DatagramService } from "../coap/peer.js";
import type { Timers } from "../coap/timers.js";
import type { DtlsLimits } from "./limits.js";
import { nameOf, type Endpoint } from "./endpoint.js";
import type { DtlsRecord } from "./record.js";
import { Roster } from "./roster.js";
import { Session, type SessionSurroundings } from "./session.js";
import type { SessionParameters } from "./session-parameters.js";

/** Milliseconds between two checks for sessions that are idle for too long. */
const CHECK_INTERVAL = 10_000;

interface TableSurroundings {
  readonly timers: Timers;
  readonly limits: DtlsLimits;
  readonly send: (datagram: Buffer, to: Endpoint) => void;
}

/** The sessions of a server, by address and by connection id. */
export class SessionTable {
  readonly #timers: Timers;
  readonly #limits: DtlsLimits;
  readonly #service: DatagramService;
  readonly #around: SessionSurroundings;
  readonly #byEndpoint = new Map<string, Session>();
  readonly #byId = new Map<string, Session>();
  readonly #roster: Roster<Session>;
  /** When each was last used, in milliseconds. */
  readonly #usedAt = new Map<Session, number>();
  #cancel: (() => void) | undefined;

  constructor({ timers, limits, send }: TableSurroundings, service: DatagramService) {
    this.#timers = timers;
    this.#limits = limits;
    this.#service = service;
    this.#roster = new Roster(limits.sessions);
    this.#around = {
      send,
      received: (session, content) => service.received(session, content),
      ended: (session) => this.#remove(session),
      moved: (session, to) => this.#move(session, to),
      used: (session) => this.#use(session),
    };
  }

  get size(): number {
    return this.#roster.size;
  }

  at(endpoint: Endpoint): Session | undefined {
    return this.#byEndpoint.get(nameOf(endpoint));
  }

  /** The session that a protected record claims to belong to. */
  find({ connectionId }: DtlsRecord, from: Endpoint): Session | undefined {
    return connectionId.length > 0 ? this.#byId.get(connectionId.toString("hex")) : this.at(from);
  }

  open(parameters: SessionParameters, endpoint: Endpoint): Session {
    const session = new Session(parameters, endpoint, this.#around);
    if (session.connectionId.length > 0) this.#byId.set(session.connectionId.toString("hex"), session);
    this.#place(session, endpoint);
    this.#use(session);
    this.#cancel ??= this.#timers.after(CHECK_INTERVAL, () => this.#expire());
    return session;
  }

  stop(): void {
    this.#cancel?.();
    for (const session of [...this.#roster]) session.close();
  }

  /** The newest session has the address. An earlier one goes on only if its client can be recognised by a connection id. */
  #place(session: Session, endpoint: Endpoint): void {
    const previous = this.at(endpoint);
    this.#byEndpoint.set(nameOf(endpoint), session);
    if (previous !== undefined && previous !== session && previous.connectionId.length === 0) previous.abandon();
  }

  #use(session: Session): void {
    this.#usedAt.set(session, this.#timers.now());
    this.#roster.touch(session)?.close();
  }

  #move(session: Session, to: Endpoint): void {
    this.#vacate(session);
    this.#roster.delete(session);
    this.#place(session, to);
  }

  #remove(session: Session): void {
    this.#roster.delete(session);
    this.#usedAt.delete(session);
    this.#byId.delete(session.connectionId.toString("hex"));
    this.#vacate(session);
    this.#service.gone(session);
  }

  #vacate(session: Session): void {
    const name = nameOf(session.endpoint);
    if (this.#byEndpoint.get(name) === session) this.#byEndpoint.delete(name);
  }

  /** The roster begins with the one that has been idle for longest. */
  #expire(): void {
    const since = this.#timers.now() - this.#limits.idle;
    for (const session of [...this.#roster]) {
      if (this.#usedAt.get(session)! > since) break;
      session.close();
    }
    this.#cancel = this.size > 0 ? this.#timers.after(CHECK_INTERVAL, () => this.#expire()) : undefined;
  }
}
