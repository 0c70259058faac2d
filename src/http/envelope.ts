import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "../errors/refusal.js";
import { isPlainText } from "../store/plain-text.js";
import { countHeader } from "./edge.js";
import { isAuthority, isOriginForm, pathOf } from "./target.js";

/**
 * What must hold of every request, whatever its path: that it is HTTP/1.x with one host, a target and a body that can be
 * read in one way. Node's parser leaves these to the application, or would answer by itself without headers and log line.
 */
export function checkEnvelopes(app: FastifyInstance): void {
  app.addHook("onRequest", async (request, reply) => {
    const fault = faultOf(request);
    if (fault !== undefined) throw closingAfter(reply, new Refusal("http_malformed", { reason: fault }));
    // RFC 9112 section 6.1: the length of the body is known, what stands in it is not.
    if (hasUnknownCoding(request)) throw closingAfter(reply, new Refusal("transfer_coding_unsupported"));
    if (expectsMore(request.raw)) throw new Refusal("expectation_unsupported");
    if (!isPlainText(decodeURIComponent(pathOf(request.url)))) throw new Refusal("path_unknown");
  });
}

/** What follows on a connection whose request was not understood is not read. */
function closingAfter(reply: FastifyReply, refusal: Refusal): Refusal {
  reply.header("Connection", "close");
  return refusal;
}

/** Why a request is no valid HTTP, for the log; undefined where nothing is wrong. */
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

/** Whether more is expected than that a body is welcome (RFC 9110 section 10.1.1); HTTP/1.0 has no expectations. */
export function expectsMore({ headers, httpVersion }: IncomingMessage): boolean {
  if (headers.expect === undefined || httpVersion === "1.0") return false;
  return headers.expect.split(",").some((one) => one.trim().toLowerCase() !== "100-continue");
}
