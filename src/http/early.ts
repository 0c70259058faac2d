import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Refusal } from "../errors/refusal.js";
import { headersOf } from "./headers.js";

/** Refusals before the application: it is not ready, or the bytes are no valid request. */

/** The known parts of a refused request. */
export interface EarlyRequest {
  readonly method?: string | undefined;
  /** The request-target, if the request line could be read. */
  readonly target?: string | undefined;
  /** The address of the peer. */
  readonly peer?: string | undefined;
}

/** A complete response. */
interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Formats a refusal and logs it. */
export type RefuseEarly = (refusal: Refusal, request: EarlyRequest) => RawResponse;

export const JSON_TYPE = "application/json; charset=utf-8";

/** The standard's format, until the dialects are known. */
export const inStandardFormat: RefuseEarly = ({ status, error, message, retryAfter }) => ({
  status,
  headers: {
    ...headersOf(),
    "Content-Type": JSON_TYPE,
    ...(retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) }),
  },
  body: JSON.stringify({ error, error_description: message }),
});

/** Answers a request that Node has parsed. */
export function answerEarly(response: ServerResponse, { status, headers, body }: RawResponse): void {
  response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) }).end(body);
}

/** Answers on the connection itself, for bytes that Node could not parse, and closes it. */
export function answerOnSocket(socket: Duplex, { status, headers, body }: RawResponse): void {
  const fields = { Connection: "close", ...headers, "Content-Length": String(Buffer.byteLength(body)) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, "", body].join("\r\n"));
}

/** An error of Node's HTTP parser. */
export interface ParserError extends Error {
  readonly code?: string;
  /** The bytes that it was reading, the latest of the connection. */
  readonly rawPacket?: Buffer;
}

/** The refusal for an error of the parser. */
export function refusalOf({ code }: ParserError): Refusal {
  const details = { reason: code === "HPE_INVALID_EOF_STATE" ? "its sender left" : (code ?? "unreadable") };
  if (code === "HPE_HEADER_OVERFLOW") return new Refusal("http_headers_too_large", details);
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return new Refusal("http_too_slow", details);
  return new Refusal("http_malformed", details);
}

/** Most bytes that are searched for a request line. */
const MAX_REQUEST_LINE = 2_048;

/**
 * The request in unparsed bytes. Its request line can be read if the bytes begin with it; otherwise nothing is known.
 * It only selects the dialect of the refusal.
 */
export function requestFromBytes({ rawPacket }: ParserError, { remoteAddress: peer }: Socket): EarlyRequest {
  const start = rawPacket?.subarray(0, MAX_REQUEST_LINE).toString("latin1") ?? "";
  const [, method, target] = /^([A-Za-z-]{1,20}) (\/[^\s]*|https?:\/\/[^\s]+)/.exec(start) ?? [];
  return { method, target, peer };
}

const refusedEarly = new WeakSet<IncomingMessage>();

/** Marks a request that the application got, and that was refused here because its body could not be read. */
export function markRefusedEarly(request: IncomingMessage): void {
  refusedEarly.add(request);
}

/** Whether a request has been answered and logged already. */
export function wasRefusedEarly(request: IncomingMessage): boolean {
  return refusedEarly.has(request);
}

/** The known parts of a request that Node has parsed. */
export function describeRequest({ method, url, socket }: IncomingMessage): EarlyRequest {
  return { method, target: url, peer: socket.remoteAddress };
}
