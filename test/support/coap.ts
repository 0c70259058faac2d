import { createSocket } from "node:dgram";
import { once } from "node:events";
import { Agent, registerFormat, request, type CoapRequestParams, type IncomingMessage } from "coap";
import { decode } from "cborg";
import { generate, parse, type Packet } from "coap-packet";
import type { Test } from "tap";

/** Speaks CoAP with a server: by the client of npm, and by single datagrams. */

export interface CoapReply {
  /** As documents write it: 2.01. */
  readonly code: string;
  readonly text: string;
  readonly payload: Buffer;
  /** The Content-Format by name; undefined without one. */
  readonly format: string | undefined;
  readonly maxAge: number | undefined;
  /** What JSON.parse makes of the payload. What a test looks into is what it expects to find. */
  readonly json: any;
  /** The members of a map in CBOR. */
  readonly cbor: ReadonlyMap<string | number, unknown>;
}

export interface CoapAsked extends Pick<CoapRequestParams, "method" | "query" | "confirmable"> {
  /** A form, or the bytes of a body. */
  readonly body?: Readonly<Record<string, string | undefined>> | string | Buffer | undefined;
  readonly format?: number;
  readonly accept?: number;
  readonly options?: Readonly<Record<string, Buffer>>;
}

registerFormat("application/ace+cbor", 19);

/** A client of npm for one device, which ends with its test. */
export function coapClient(t: Test, port: number | undefined) {
  const agent = new Agent({ type: "udp4" });
  t.teardown(() => agent.close());
  return async (
    pathname: string,
    { body, format, accept, options = {}, ...more }: CoapAsked = {},
  ): Promise<CoapReply> => {
    const asked = request({ method: "POST", ...more, hostname: "127.0.0.1", port: port!, pathname, agent });
    const numbers = { "Content-Format": format, Accept: accept };
    for (const [name, value] of Object.entries(numbers)) if (value !== undefined) asked.setOption(name, byte(value));
    for (const [name, value] of Object.entries(options)) asked.setOption(name, value);
    const answered = once(asked, "response");
    asked.end(bytesOf(body));
    const [reply] = (await answered) as [IncomingMessage];
    return describe(reply);
  };
}

function byte(value: number): Buffer {
  return value === 0 ? Buffer.alloc(0) : Buffer.from([value]);
}

/** The bytes of a form, a text or a body. */
export function bytesOf(body: CoapAsked["body"] = ""): Buffer {
  if (typeof body === "string" || Buffer.isBuffer(body)) return Buffer.from(body as Buffer);
  const form = new URLSearchParams(
    Object.entries(body).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
  return Buffer.from(form.toString());
}

function describe({ code, payload, headers }: IncomingMessage): CoapReply {
  const text = payload.toString("utf8");
  const reply = { code, text, payload, format: headers["Content-Format"], maxAge: headers["Max-Age"] };
  return Object.defineProperties(reply, {
    json: { get: () => JSON.parse(text) as unknown },
    cbor: { get: () => decode(payload, { useMaps: true }) as unknown },
  }) as CoapReply;
}

/** A socket that sends and receives single datagrams. It ends with its test. */
export async function rawPeer(t: Test, port: number | undefined) {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  t.teardown(() => socket.close());
  const received: Buffer[] = [];
  socket.on("message", (datagram) => received.push(datagram));
  const next = async () => {
    while (received.length === 0) await once(socket, "message");
    return received.shift()!;
  };
  let pings = 0xf000;
  const peer = {
    send: (datagram: Buffer) => socket.send(datagram, port, "127.0.0.1"),
    /** The next datagram. */
    next,
    /** Everything that has arrived when the server answers a ping. */
    settled: async () => {
      const id = pings++;
      peer.send(generate({ code: "0.00", confirmable: true, messageId: id }));
      const seen: Buffer[] = [];
      for (;;) {
        const datagram = await next();
        const { reset, messageId } = parse(datagram);
        if (reset && messageId === id) return seen;
        seen.push(datagram);
      }
    },
  };
  return peer;
}

/** The datagram of a request to a path. */
export function requestTo(path: string, packet: Packet & { readonly format?: number } = {}): Buffer {
  const segments = path.split("/").slice(1);
  const options = [
    ...segments.map((segment) => ({ name: "Uri-Path" as const, value: Buffer.from(segment) })),
    ...(packet.format === undefined ? [] : [{ name: "Content-Format" as const, value: byte(packet.format) }]),
    ...(packet.options ?? []),
  ];
  return generate(
    { code: "POST", confirmable: true, messageId: 1, token: Buffer.from([7]), ...packet, options },
    65_000,
  );
}
