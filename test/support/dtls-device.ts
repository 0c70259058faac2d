import { randomBytes } from "node:crypto";
import type { Endpoint } from "../../src/dtls/endpoint.js";
import { DtlsClient, type ClientChoices } from "./dtls-client.js";
import type { DtlsHouse } from "./dtls-house.js";
import type { LossyNetwork } from "./lossy-network.js";

/** Milliseconds after which a device sends again what got no answer. */
const PATIENCE = 1_000;

/** A device in a lossy network: it connects, asks its questions one after the other, and sends again what is not answered. */
export class Device {
  readonly client: DtlsClient;
  readonly #house: DtlsHouse;
  readonly #network: LossyNetwork;
  readonly #from: Endpoint;
  readonly #questions: readonly string[];

  constructor(
    house: DtlsHouse,
    network: LossyNetwork,
    from: Endpoint,
    choices: ClientChoices,
    questions: readonly string[],
  ) {
    this.client = new DtlsClient(choices, randomBytes);
    this.#house = house;
    this.#network = network;
    this.#from = from;
    this.#questions = questions;
  }

  /** Whether each question is answered. */
  get isDone(): boolean {
    return this.#questions.every((question) => this.client.texts.includes(question.toUpperCase()));
  }

  begin(): void {
    if (this.isDone) return;
    for (const datagram of this.#next()) this.#network.carry(() => this.#house.server.receive(datagram, this.#from));
    this.#house.time.after(PATIENCE, () => this.begin());
  }

  receive(datagram: Buffer): void {
    this.client.receive(datagram);
  }

  /** What the device sends in its present state. */
  #next(): readonly Buffer[] {
    if (this.client.isConnected) {
      const question = this.#questions.find((one) => !this.client.texts.includes(one.toUpperCase()));
      return question === undefined ? [] : [this.client.data(question)];
    }
    return this.client.seen.includes("serverHelloDone") ? [Buffer.concat(this.client.answer())] : [this.client.hello()];
  }
}
