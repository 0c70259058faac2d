import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "../errors/refusal.js";
import { isPlainText } from "../store/plain-text.js";
import { countHeader } from "./edge.js";
import { isAuthority, isOriginForm, pathOf } from "./target.js";

/**
 * Checks of every request, for any path: HTTP/1.x with one host, a valid target and a body with unambiguous framing.
 * Node's parser leaves these checks to the application, or would answer by itself without headers and log line.
 */
export function checkEnvelopes(app: FastifyInstance): void {
  // With a promise: the parser answers first where it finds a fault in the bytes behind the header.
  app.addHook("onRequest", async (request, reply) => {
    const fault = faultOf(request);
    if (fault !== undefined) throw closingAfter(reply, new Refusal("http_malformed", { reason: fault }));
    // RFC 9112 section 6.1: the end of the body is known, its content is not.
    if (hasUnknownCoding(request)) throw closingAfter(reply, new Refusal("transfer_coding_unsupported"));
    if (expectsMore(request.raw)) throw new Refusal("expectation_unsupported");
    if (!isPlainPath(pathOf(request.url))) throw new Refusal("path_unknown");
  });
}

/** Whether a path can be stored. Node accepts no control character in a path, so that only an encoded one can be in it. */
function isPlainPath(path: string): boolean {
  return !path.includes("%") || isPlainText(decodeURIComponent(path));
}

/** Closes the connection: the bytes after an unknown body cannot be read. */
function closingAfter(reply: FastifyReply, refusal: Refusal): Refusal {
  reply.header("Connection", "close");
  return refusal;
}

/** The reason, for the log, why a request is invalid HTTP; undefined if it is valid. */
function faultOf(request: FastifyRequest): string | undefined {
  const { httpVersion } = request.raw;
  if (httpVersion !== "1.0" && httpVersion !== "1.1") return "version";
  if (!isOriginForm(request.url)) return "request-target";
  const { host, "transfer-encoding": coding } = request.headers;
  // RFC 9112 section 3.2: exactly one in HTTP/1.1, and never two or an invalid one.
  const hosts = countHeader(request, "host");
  if (hosts > 1 || (hosts === 0 && httpVersion === "1.1")) return "host";
  if (host !== undefined && !isAuthority(host)) return "host";
  // RFC 9112 section 6.1
  return httpVersion === "1.0" && coding !== undefined ? "transfer-encoding in HTTP/1.0" : undefined;
}

function hasUnknownCoding({ headers }: FastifyRequest): boolean {
  return (headers["transfer-encoding"] ?? "chunked").toLowerCase() !== "chunked";
}

/**
 * Whether a request has an expectation other than 100-continue (RFC 9110 section 10.1.1). HTTP/1.0 has no expectations.
 */
export function expectsMore({ headers, httpVersion }: IncomingMessage): boolean {
  if (headers.expect === undefined || httpVersion === "1.0") return false;
  return headers.expect.split(",").some((one) => one.trim().toLowerCase() !== "100-continue");
}
