import type { Random } from "../clock.js";
import { Refusal } from "../errors/refusal.js";
import { isRequest } from "./codes.js";
import { LIMITS, type Limits } from "./limits.js";
import { decode, encode, encodeEmpty, TYPE, type Message, type Type } from "./message.js";
import { Options } from "./options.js";
import type { Outgoing } from "./outbox.js";
import { PROCESSING_DELAY } from "./parameters.js";
import type { DatagramService, Peer } from "./peer.js";
import { Remembered, type Arrived, type Exchange } from "./remembered.js";
import { Requests, type Received, type Reply } from "./requests.js";
import type { Resources } from "./resource.js";
import type { Timers } from "./timers.js";

interface EndpointParts {
  readonly resources: Resources;
  readonly timers: Timers;
  readonly random: Random;
  readonly limits?: Limits;
  /** Most bytes of a request's body. */
  readonly maxBody: number;
}

/**
 * A CoAP server (RFC 7252): the message layer. Each request reaches the resources once, and a message that arrives again gets
 * the same answer. A datagram that is no CoAP message gets none.
 */
export class Endpoint implements DatagramService {
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #resources: Resources;
  readonly #requests: Requests;
  readonly #remembered: Remembered;
  #underWay = 0;
  #isDraining = false;
  #drained = () => {};

  constructor({ resources, timers, random, limits = LIMITS, maxBody }: EndpointParts) {
    this.#timers = timers;
    this.#random = random;
    this.#resources = resources;
    this.#requests = new Requests({ resources, timers, limits, maxBody });
    this.#remembered = new Remembered({ timers, random, limits, emptied: () => this.#checkDrained() });
  }

  /** Requests without an answer. */
  get underWay(): number {
    return this.#underWay;
  }

  received(peer: Peer, datagram: Uint8Array): void {
    const message = decode(datagram);
    if (message === undefined) return;
    const isMalformed = "malformed" in message;
    if (message.type === TYPE.ACK || message.type === TYPE.RST) {
      const isEmpty = !isMalformed && message.code === 0;
      if (isEmpty) this.#remembered.conversationWith(peer)?.outbox.settle(message.id);
    } else if (isMalformed || !isRequest(message.code)) {
      // A ping, a response or a malformed message is rejected: this server expects only requests (sections 4.2 and 4.3).
      if (message.type === TYPE.CON) peer.send(encodeEmpty(TYPE.RST, message.id));
    } else {
      this.#receiveRequest(peer, message, datagram);
    }
  }

  gone(peer: Peer): void {
    this.#remembered.forget(peer);
    this.#requests.forget(peer);
  }

  /** Refuses new requests, and answers those that were accepted. @param limit milliseconds that this may take */
  async drain(limit: number): Promise<void> {
    this.#isDraining = true;
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    const cancel = this.#timers.after(limit, this.#drained);
    this.#checkDrained();
    await drained;
    cancel();
  }

  #receiveRequest(peer: Peer, message: Message, datagram: Uint8Array): void {
    const arrived = { peer, id: message.id, isConfirmable: message.type === TYPE.CON, datagram };
    const earlier = this.#remembered.find(arrived);
    if (earlier !== undefined) return this.#answerAgain(earlier);
    const options = new Options(message.options);
    const sent = { peer, message, options };
    if (options.unknownCritical !== undefined) return this.#rejectOption(sent, options.unknownCritical);
    const begun = this.#begin(arrived);
    const received = { ...sent, hasLeft: () => typeof begun !== "string" && begun.conversation.hasEnded };
    if (typeof begun === "string") this.#answerOnce(peer, message, this.#requests.busy(received, begun));
    else void this.#answer(begun, received);
  }

  /** Begins the exchange of a request, or says why there is no room for it. */
  #begin(arrived: Arrived): Exchange | string {
    if (this.#isDraining) return "the server stops";
    if (!this.#resources.hasRoom()) return "too much work waits";
    return this.#remembered.begin(arrived) ?? "too many requests of the last minutes are remembered";
  }

  /** A repeated message gets the same answer; while there is none, an acknowledgement (section 4.2). */
  #answerAgain(exchange: Exchange): void {
    const { answer, isConfirmable, conversation } = exchange;
    if (answer !== undefined) conversation.peer.send(answer);
    else if (isConfirmable) this.#acknowledge(exchange);
    // The acknowledgement says that the response follows in a message of its own, also when it got lost (section 5.2.2).
    const lost = this.#remembered.takeLost(exchange);
    if (lost !== undefined) this.#sendSeparately(exchange, lost);
  }

  /** A request is refused, and a message that need not be acknowledged is rejected (sections 5.4.1 and 4.3). */
  #rejectOption(sent: Omit<Received, "hasLeft">, number: number): void {
    const { peer, message } = sent;
    const refusal = new Refusal("coap_option_unsupported", { slots: { option: String(number) } });
    const reply = this.#requests.refuse({ ...sent, hasLeft: () => false }, refusal);
    if (message.type === TYPE.NON) peer.send(encodeEmpty(TYPE.RST, message.id));
    else this.#answerOnce(peer, message, reply);
  }

  /** Sends an answer that is not remembered, because the same message gets the same answer again. */
  #answerOnce(peer: Peer, { type, id, token }: Message, reply: Reply): void {
    const header = type === TYPE.CON ? { type: TYPE.ACK, id } : { type: TYPE.NON, id: this.#random(2).readUInt16BE() };
    peer.send(encode({ ...header, token, ...reply }));
  }

  async #answer(exchange: Exchange, received: Received): Promise<void> {
    this.#underWay += 1;
    const cancel = exchange.isConfirmable
      ? this.#timers.after(PROCESSING_DELAY, () => this.#acknowledge(exchange))
      : () => {};
    const reply = await this.#requests.answer(received);
    cancel();
    this.#underWay -= 1;
    if (!exchange.conversation.hasEnded) this.#send(exchange, received.message.token, reply);
    this.#checkDrained();
  }

  /** Sends a response: with the acknowledgement, after it, or without one (section 5.2). */
  #send(exchange: Exchange, token: Buffer, reply: Reply | undefined): void {
    const { isConfirmable, id, answer } = exchange;
    const write = (type: Type, itsId: number) => encode({ type, id: itsId, token, ...reply! });
    if (reply === undefined) {
      if (isConfirmable && answer === undefined) this.#acknowledge(exchange);
    } else if (answer !== undefined) {
      const own = this.#nextId(exchange);
      this.#sendSeparately(exchange, { id: own, datagram: write(TYPE.CON, own) });
    } else {
      this.#complete(exchange, isConfirmable ? write(TYPE.ACK, id) : write(TYPE.NON, this.#nextId(exchange)));
    }
  }

  /** Sends a response until it is acknowledged. One that is given up is kept, because its request may be repeated. */
  #sendSeparately(exchange: Exchange, outgoing: Outgoing): void {
    exchange.conversation.outbox.add(outgoing, () => this.#remembered.keepLost(exchange, outgoing));
  }

  /** Sends an empty acknowledgement. The response follows in a message of its own (section 5.2.2). */
  #acknowledge(exchange: Exchange): void {
    this.#complete(exchange, encodeEmpty(TYPE.ACK, exchange.id));
  }

  #complete(exchange: Exchange, answer: Buffer): void {
    this.#remembered.complete(exchange, answer);
    exchange.conversation.peer.send(answer);
  }

  #nextId({ conversation }: Exchange): number {
    conversation.nextId = (conversation.nextId + 1) & 0xffff;
    return conversation.nextId;
  }

  #checkDrained(): void {
    if (!this.#isDraining || this.#underWay > 0) return;
    const isOpen = [...this.#remembered.conversations].some(({ outbox }) => !outbox.isEmpty);
    if (!isOpen) this.#drained();
  }
}
