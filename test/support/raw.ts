import { connect } from "node:net";

/** A request as it stands on the wire, for what fetch refuses to send. */
export interface RawRequest {
  readonly method?: string;
  /** The request-target, byte for byte. */
  readonly target: string;
  /** Every field line in order, repeated or not; Host, Connection and Content-Length are added where they are absent. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string | Buffer;
}

export interface RawReply {
  readonly status: number;
  /** By name in lower case; of a repeated field the last. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
  // What a test looks into is what it expects to find.
  readonly json: any;
}

/** The bytes of a request. */
export function write({ method = "POST", target, headers = [], body = "" }: RawRequest): Buffer {
  const has = (wanted: string) => headers.some(([name]) => name.toLowerCase() === wanted);
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...(has("host") ? [] : ["Host: localhost"]),
    ...(has("connection") ? [] : ["Connection: close"]),
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(has("content-length") || has("transfer-encoding") || body.length === 0
      ? []
      : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), Buffer.from(body)]);
}

/** Sends bytes on a connection of their own and reads until the server closes it. */
export async function converse(url: string, bytes: Buffer | string): Promise<RawReply> {
  const { hostname, port } = new URL(url);
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("close", () => resolve());
    // A server that refuses before it has read everything resets what it does not read; what it said counts.
    socket.on("error", (error) => (chunks.length > 0 ? resolve() : reject(error)));
  });
  return parse(Buffer.concat(chunks).toString("utf8"));
}

function parse(answer: string): RawReply {
  const end = answer.indexOf("\r\n\r\n");
  const [statusLine = "", ...fields] = answer.slice(0, end < 0 ? answer.length : end).split("\r\n");
  const text = end < 0 ? "" : answer.slice(end + 4);
  const headers = fields.map((field) => {
    const colon = field.indexOf(":");
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
  });
  return {
    status: Number(statusLine.split(" ")[1] ?? 0),
    headers: Object.fromEntries(headers),
    text,
    json: json(text),
  };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
