import { createHash } from "node:crypto";
import type { Random } from "../clock.js";
import type { Limits } from "./limits.js";
import { Outbox, type Outgoing } from "./outbox.js";
import { EXCHANGE_LIFETIME, NON_LIFETIME } from "./parameters.js";
import { keyOf, type Peer, type PeerKey } from "./peer.js";
import type { Timers } from "./timers.js";

/** Characters of a digest that are kept. */
const DIGEST = 22;

/** A message with a request, and its answer. */
export interface Exchange {
  readonly conversation: Conversation;
  /** The Message ID. */
  readonly id: number;
  readonly isConfirmable: boolean;
  /** Of the datagram. */
  readonly digest: string;
  readonly expires: number;
  /** The datagram that answers the message; undefined while the request is being worked on. */
  answer: Buffer | undefined;
  /** A separate response that the peer has not acknowledged, if it was given up. */
  lost: Outgoing | undefined;
}

/** What is known of one peer. */
interface Conversation {
  readonly peer: Peer;
  /** By Message ID. */
  readonly exchanges: Map<number, Exchange>;
  readonly outbox: Outbox;
  /** The next Message ID of our own. */
  nextId: number;
  /** Whether the session has ended. */
  hasEnded: boolean;
}

interface RememberedParts {
  readonly limits: Limits;
  readonly timers: Timers;
  readonly random: Random;
  /** Called when an outbox becomes empty. */
  readonly emptied: () => void;
}

/** A message with a request, as it arrived. */
export interface Arrived {
  readonly peer: Peer;
  readonly id: number;
  readonly isConfirmable: boolean;
  readonly datagram: Uint8Array;
}

/**
 * The requests of the last minutes with their answers, so that a message that arrives twice is one request (RFC 7252 section
 * 4.5). A JWT of a device works once, so a device whose answer was lost depends on it. Nothing is forgotten early: at a limit,
 * new requests are refused.
 */
export class Remembered {
  readonly #parts: RememberedParts;
  readonly #conversations = new Map<PeerKey, Conversation>();
  /** Confirmable and non-confirmable ones, each in the order in which they expire. */
  readonly #byAge = { confirmable: new Set<Exchange>(), nonConfirmable: new Set<Exchange>() };
  #bytes = 0;

  constructor(parts: RememberedParts) {
    this.#parts = parts;
  }

  get conversations(): Iterable<Conversation> {
    return this.#conversations.values();
  }

  conversationWith(peer: Peer): Conversation | undefined {
    return this.#conversations.get(keyOf(peer));
  }

  /**
   * The exchange of a message that has arrived before. A message with a known id and other bytes is a new one: its peer has
   * restarted, or another device has taken its port.
   */
  find({ peer, id, datagram }: Arrived): Exchange | undefined {
    this.#expire();
    const found = this.conversationWith(peer)?.exchanges.get(id);
    return found?.digest === digestOf(datagram) ? found : undefined;
  }

  /** Begins the exchange of a new message. @returns undefined if there is no room for it */
  begin({ peer, id, isConfirmable, datagram }: Arrived): Exchange | undefined {
    if (!this.#hasRoomFor(peer)) return undefined;
    const conversation = this.conversationWith(peer) ?? this.#beginConversation(peer);
    const expires = this.#parts.timers.now() + (isConfirmable ? EXCHANGE_LIFETIME : NON_LIFETIME);
    const exchange = {
      conversation,
      id,
      isConfirmable,
      digest: digestOf(datagram),
      expires,
      answer: undefined,
      lost: undefined,
    };
    this.#replace(conversation.exchanges.get(id), exchange);
    return exchange;
  }

  /** Remembers the answer of an exchange. */
  complete(exchange: Exchange, answer: Buffer): void {
    exchange.answer = answer;
    if (this.#ageOf(exchange).has(exchange)) this.#bytes += answer.length;
  }

  /** Keeps a separate response that was given up. */
  keepLost(exchange: Exchange, lost: Outgoing): void {
    if (!this.#ageOf(exchange).has(exchange)) return;
    exchange.lost = lost;
    this.#bytes += lost.datagram.length;
  }

  /** The separate response that was given up, if there is one. The caller sends it again. */
  takeLost(exchange: Exchange): Outgoing | undefined {
    const { lost } = exchange;
    exchange.lost = undefined;
    this.#bytes -= lost?.datagram.length ?? 0;
    return lost;
  }

  /** Forgets a peer that nothing can be sent to any more. */
  forget(peer: Peer): void {
    const conversation = this.conversationWith(peer);
    if (conversation === undefined) return;
    conversation.hasEnded = true;
    conversation.outbox.clear();
    for (const exchange of conversation.exchanges.values()) this.#drop(exchange);
  }

  #hasRoomFor(peer: Peer): boolean {
    const { confirmable, nonConfirmable } = this.#byAge;
    const { requestsOfSession, requests, answerBytes } = this.#parts.limits;
    const ofPeer = this.conversationWith(peer)?.exchanges.size ?? 0;
    if (peer.secure && ofPeer >= requestsOfSession) return false;
    return confirmable.size + nonConfirmable.size < requests && this.#bytes < answerBytes;
  }

  #beginConversation(peer: Peer): Conversation {
    const { timers, random, emptied } = this.#parts;
    const outbox = new Outbox({ send: (datagram) => peer.send(datagram), timers, random, emptied });
    const nextId = random(2).readUInt16BE();
    const conversation = { peer, exchanges: new Map<number, Exchange>(), outbox, nextId, hasEnded: false };
    this.#conversations.set(keyOf(peer), conversation);
    return conversation;
  }

  #replace(earlier: Exchange | undefined, exchange: Exchange): void {
    exchange.conversation.exchanges.set(exchange.id, exchange);
    if (earlier !== undefined) this.#uncount(earlier);
    this.#ageOf(exchange).add(exchange);
  }

  #drop(exchange: Exchange): void {
    const { peer, exchanges } = exchange.conversation;
    exchanges.delete(exchange.id);
    if (exchanges.size === 0) this.#conversations.delete(keyOf(peer));
    this.#uncount(exchange);
  }

  #uncount(exchange: Exchange): void {
    this.#ageOf(exchange).delete(exchange);
    this.#bytes -= (exchange.answer?.length ?? 0) + (exchange.lost?.datagram.length ?? 0);
  }

  #ageOf({ isConfirmable }: Exchange): Set<Exchange> {
    return isConfirmable ? this.#byAge.confirmable : this.#byAge.nonConfirmable;
  }

  #expire(): void {
    const now = this.#parts.timers.now();
    for (const age of Object.values(this.#byAge)) {
      for (const exchange of age) {
        if (exchange.expires > now) break;
        this.#drop(exchange);
      }
    }
  }
}

/** Tells datagrams apart by 132 bits of a hash. */
function digestOf(datagram: Uint8Array): string {
  return createHash("sha256").update(datagram).digest("base64url").slice(0, DIGEST);
}
