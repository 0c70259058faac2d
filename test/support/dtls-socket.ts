import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { generate, parse, type ParsedPacket } from "coap-packet";
import { CONTENT } from "../../src/dtls/record.js";
import { DtlsClient, type ClientChoices } from "./dtls-client.js";

/** One device over UDP: a session, and requests of CoAP in it. It sends nothing again, so it is for a network without loss. */
export class DtlsSocket {
  readonly #client: DtlsClient;
  readonly #socket: Socket;
  readonly #port: number;
  readonly #waiting = new Map<string, (reply: ParsedPacket) => void>();
  #messageId = 0;
  #taken = 0;

  private constructor(socket: Socket, port: number, choices: ClientChoices) {
    this.#client = new DtlsClient(choices, randomBytes);
    this.#socket = socket;
    this.#port = port;
  }

  /** Connects to a port of this machine. */
  static async connect(port: number, choices: ClientChoices = {}): Promise<DtlsSocket> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const device = new DtlsSocket(socket, port, choices);
    await device.#shakeHands();
    socket.on("message", (datagram) => device.#receive(datagram));
    return device;
  }

  /** How the handshake ended. */
  get outcome(): string {
    return this.#client.isConnected ? "a session" : this.#client.seen.at(-1)!;
  }

  close(): void {
    this.#socket.close();
  }

  /** POSTs a form. */
  post(path: string, form: Readonly<Record<string, string>>): Promise<ParsedPacket> {
    this.#messageId = (this.#messageId + 1) % 0x10000;
    const token = Buffer.alloc(4);
    token.writeUInt32BE(this.#messageId);
    const options = path
      .slice(1)
      .split("/")
      .map((part) => ({ name: "Uri-Path" as const, value: Buffer.from(part) }));
    const payload = Buffer.from(new URLSearchParams(form).toString());
    const packet = { code: "0.02", confirmable: true, messageId: this.#messageId, token, options, payload };
    return new Promise((resolve) => {
      this.#waiting.set(token.toString("hex"), resolve);
      this.#send(this.#client.writer.sealed(CONTENT.applicationData, generate(packet)));
    });
  }

  async #shakeHands(): Promise<void> {
    for (const step of [() => this.#client.hello(), () => this.#client.hello()]) await this.#ask(step());
    while (!this.#client.seen.includes("serverHelloDone")) await this.#ask();
    await this.#ask(Buffer.concat(this.#client.answer()));
  }

  /** Sends a datagram, and takes the answer. */
  async #ask(datagram?: Buffer): Promise<void> {
    const answered = once(this.#socket, "message");
    if (datagram !== undefined) this.#send(datagram);
    this.#client.receive(((await answered) as [Buffer])[0]);
  }

  #send(datagram: Buffer): void {
    this.#socket.send(datagram, this.#port, "127.0.0.1");
  }

  #receive(datagram: Buffer): void {
    this.#client.receive(datagram);
    for (const { type, content } of this.#client.received.slice(this.#taken)) {
      if (type === CONTENT.applicationData) this.#take(parse(content));
    }
    this.#taken = this.#client.received.length;
  }

  #take(reply: ParsedPacket): void {
    if (reply.code === "0.00") return;
    if (reply.confirmable) {
      const ack = generate({ code: "0.00", ack: true, messageId: reply.messageId });
      this.#send(this.#client.writer.sealed(CONTENT.applicationData, ack));
    }
    const token = reply.token.toString("hex");
    this.#waiting.get(token)?.(reply);
    this.#waiting.delete(token);
  }
}
