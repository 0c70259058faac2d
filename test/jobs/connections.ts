// Keep-alive connections of a load generator, as cheap as they can be: one request at a time on each.
import { connect, type Socket } from "node:net";

export interface Answer {
  /** 0 where the connection ended without an answer. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Connections open at once, at most. */
const MAX_CONNECTIONS = 2_000;

/** Milliseconds for which answers are waited for after the last request. */
const PATIENCE = 20_000;

const HEAD_END = "\r\n\r\n";

class Connection {
  readonly socket: Socket;
  #received = "";
  #then: ((answer: Answer, reusable: boolean) => void) | undefined;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1").setNoDelay();
    this.socket.setEncoding("latin1").on("data", (text: string) => this.#take(text));
    this.socket.on("error", () => {}).on("close", () => this.#settle({ status: 0, head: "", body: "" }, false));
  }

  send(bytes: string, then: (answer: Answer, reusable: boolean) => void): void {
    this.#then = then;
    this.socket.write(bytes, "latin1");
  }

  #take(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf(HEAD_END);
    if (end < 0) return;
    const head = this.#received.slice(0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const body = this.#received.slice(end + HEAD_END.length);
    if (body.length < length) return;
    this.#received = "";
    this.#settle({ status: Number(head.slice(9, 12)), head, body }, !/\r\nconnection: close/i.test(head));
  }

  #settle(answer: Answer, reusable: boolean): void {
    const then = this.#then;
    this.#then = undefined;
    if (!reusable) this.socket.destroy();
    then?.(answer, reusable);
  }
}

/** Requests to one target with the same headers, as bytes. What is the same in all of them is made once. */
export class FormRequests {
  readonly #prefix: string;

  constructor(target: string, given: Readonly<Record<string, string>>) {
    const headers = { Host: "localhost", "Content-Type": "application/x-www-form-urlencoded", ...given };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#prefix = `POST ${target} HTTP/1.1\r\n${lines.join("")}Content-Length: `;
  }

  bytesOf(form: Readonly<Record<string, string>>): string {
    const body = new URLSearchParams(form).toString();
    return `${this.#prefix}${body.length}\r\n\r\n${body}`;
  }
}

/** As many connections as it takes: the one that was used last goes first. */
export class Pool {
  readonly #port: number;
  readonly #idle: Connection[] = [];
  #underWay = 0;

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends a request. @returns false where too many are under way */
  send(bytes: string, then: (answer: Answer) => void): boolean {
    if (this.#underWay >= MAX_CONNECTIONS) return false;
    let connection = this.#idle.pop();
    while (connection?.socket.destroyed) connection = this.#idle.pop();
    const taken = connection ?? new Connection(this.#port);
    this.#underWay += 1;
    taken.send(bytes, (answer, reusable) => {
      this.#underWay -= 1;
      if (reusable) this.#idle.push(taken);
      then(answer);
    });
    return true;
  }

  /** Closes the connections that are idle. */
  close(): void {
    for (const { socket } of this.#idle.splice(0)) socket.destroy();
  }

  /** Waits until everything is answered, or nothing more is to be expected. */
  async settled(): Promise<void> {
    const end = performance.now() + PATIENCE;
    while (this.#underWay > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
