import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Refusal } from "../errors/refusal.js";
import { headersOf } from "./headers.js";

/** Refusals of what never reaches the application: it is not ready, or what came is no request. */

/** What is known of a request when it is refused. */
export interface EarlyRequest {
  readonly method?: string | undefined;
  /** The request-target, where the request line could be read. */
  readonly target?: string | undefined;
  /** The address of the peer. */
  readonly peer?: string | undefined;
}

/** An answer as it goes out. */
export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Words a refusal, and puts it on record. */
export type RefuseEarly = (refusal: Refusal, request: EarlyRequest) => RawResponse;

export const JSON_TYPE = "application/json; charset=utf-8";

/** As the standard says it: before anybody has said which dialects are spoken. */
export const inStandardFormat: RefuseEarly = ({ status, error, message, retryAfter }) => ({
  status,
  headers: {
    ...headersOf(),
    "Content-Type": JSON_TYPE,
    ...(retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) }),
  },
  body: JSON.stringify({ error, error_description: message }),
});

/** Answers a request that Node has read. */
export function answerEarly(response: ServerResponse, { status, headers, body }: RawResponse): void {
  response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) }).end(body);
}

/** Answers on the bare connection, where Node has made no request of what came, and ends it. */
export function answerOnSocket(socket: Duplex, { status, headers, body }: RawResponse): void {
  const fields = { Connection: "close", ...headers, "Content-Length": String(Buffer.byteLength(body)) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, "", body].join("\r\n"));
}

/** What Node's parser says when it gives up. */
export interface ParserError extends Error {
  readonly code?: string;
  /** The bytes that it was reading: those that came last. */
  readonly rawPacket?: Buffer;
}

/** What the parser's complaint is refused with. */
export function refusalOf({ code }: ParserError): Refusal {
  const details = { reason: code === "HPE_INVALID_EOF_STATE" ? "its sender left" : (code ?? "unreadable") };
  if (code === "HPE_HEADER_OVERFLOW") return new Refusal("http_headers_too_large", details);
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return new Refusal("http_too_slow", details);
  return new Refusal("http_malformed", details);
}

/** Longest part of what came that is looked at for a request line, in bytes. */
const MAX_REQUEST_LINE = 2_048;

/**
 * The request of which only bytes are there. Its request line can be read if they begin with it; if they are a later part,
 * nothing is known. It says no more than which dialect the refusal is worded in.
 */
export function requestFromBytes({ rawPacket }: ParserError, { remoteAddress: peer }: Socket): EarlyRequest {
  const start = rawPacket?.subarray(0, MAX_REQUEST_LINE).toString("latin1") ?? "";
  const [, method, target] = /^([A-Za-z-]{1,20}) (\/[^\s]*|https?:\/\/[^\s]+)/.exec(start) ?? [];
  return { method, target, peer };
}

const refusedEarly = new WeakSet<IncomingMessage>();

/** Marks a request that was handed to the application and refused here, because its body could not be read to its end. */
export function markRefusedEarly(request: IncomingMessage): void {
  refusedEarly.add(request);
}

/** Whether a request has its answer and its log line already. */
export function wasRefusedEarly(request: IncomingMessage): boolean {
  return refusedEarly.has(request);
}

/** What is known of a request that Node has read. */
export function describeRequest({ method, url, socket }: IncomingMessage): EarlyRequest {
  return { method, target: url, peer: socket.remoteAddress };
}
