import { setImmediate } from "node:timers/promises";
import { generate, parse, type Packet, type ParsedPacket } from "coap-packet";
import { Endpoint } from "../../src/coap/endpoint.js";
import { LIMITS, type Limits } from "../../src/coap/limits.js";
import type { Peer } from "../../src/coap/peer.js";
import type { CoapRequest, CoapResponse } from "../../src/coap/resource.js";
import type { Refusal } from "../../src/errors/refusal.js";
import type { Timers } from "../../src/coap/timers.js";

/** A CoAP endpoint without a network: its datagrams, its resources and its time are those of the test. */

/** Time that moves when the test says so. */
export class TestTimers implements Timers {
  #now = 1_000;
  readonly #waiting = new Set<{ readonly at: number; readonly call: () => void }>();

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, call: () => void): () => void {
    const one = { at: this.#now + milliseconds, call };
    this.#waiting.add(one);
    return () => this.#waiting.delete(one);
  }

  /** Moves the time, and makes the calls that are due on the way, each at its time. */
  async move(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      const [next] = [...this.#waiting].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (next === undefined) break;
      this.#waiting.delete(next);
      this.#now = next.at;
      next.call();
      await setImmediate();
    }
    this.#now = end;
  }
}

/** A peer that keeps what it is sent. */
export interface LabPeer extends Peer {
  readonly received: Buffer[];
  /** Takes what was received so far. */
  take(): ParsedPacket[];
}

export interface LabOptions {
  readonly answer?: (request: CoapRequest) => CoapResponse | Promise<CoapResponse>;
  readonly hasRoom?: () => boolean;
  readonly limits?: Partial<Limits>;
}

export const OK: CoapResponse = { code: 65, format: 50, body: Buffer.from("{}") };
const BUSY: CoapResponse = { code: 163, maxAge: 5, body: Buffer.from("busy") };

export function laboratory({ answer = () => OK, hasRoom = () => true, limits = {} }: LabOptions = {}) {
  const timers = new TestTimers();
  const requests: CoapRequest[] = [];
  /** Codes of refusals, and reasons why there was no room. */
  const refused: string[] = [];
  const resources = {
    hasRoom,
    busy: (_request: unknown, reason: string) => {
      refused.push(reason);
      return BUSY;
    },
    refused: (_request: unknown, refusal: Refusal) => void refused.push(refusal.row.code),
    answer: async (request: CoapRequest) => {
      requests.push(request);
      return answer(request);
    },
  };
  const endpoint = new Endpoint({
    ...{ resources, timers, random: (size) => Buffer.alloc(size), maxBody: 65_536 },
    limits: { ...LIMITS, ...limits },
  });
  let ports = 1_000;
  const newPeer = (secure = false): LabPeer => {
    const received: Buffer[] = [];
    const send = (datagram: Uint8Array) => void received.push(Buffer.from(datagram));
    const take = () => received.splice(0).map((datagram) => parse(datagram));
    return { address: "127.0.0.1", port: ports++, secure, send, close: () => {}, received, take };
  };
  /** Sends a datagram or a packet, and returns what comes back at once. */
  const send = async (peer: LabPeer, what: Buffer | Packet): Promise<ParsedPacket[]> => {
    endpoint.received(peer, Buffer.isBuffer(what) ? what : datagramOf(what));
    await setImmediate();
    return peer.take();
  };
  return { timers, endpoint, requests, refused, newPeer, send };
}

/** The datagram of a packet: a confirmable POST to /r by default. */
export function datagramOf(packet: Packet): Buffer {
  const options = [{ name: "Uri-Path", value: Buffer.from("r") } as const, ...(packet.options ?? [])];
  return generate({ code: "POST", confirmable: true, token: Buffer.from([7]), ...packet, options }, 65_000);
}

/** The value of an option of a packet as a number; undefined if it has none. */
export function optionOf(packet: ParsedPacket | undefined, name: string): number | undefined {
  const found = packet?.options.find((one) => String(one.name) === name);
  return found && [...found.value].reduce((sum, one) => sum * 256 + one, 0);
}

/** The value of Block1 or Block2. */
export function block(number: number, more: boolean, exponent = 0): Buffer {
  const value = (number << 4) | (more ? 8 : 0) | exponent;
  return value < 256 ? Buffer.from([value]) : Buffer.from([value >> 8, value & 255]);
}
