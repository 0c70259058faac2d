import { readFile } from "node:fs/promises";
import { createServer, STATUS_CODES, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { Refusal } from "../errors/refusal.js";
import { DRAIN_LIMIT, LIMITS } from "./limits.js";

/**
 * The socket, which is there before and after the application: it takes the port first, answers 503 until there is
 * something to hand requests to, and lets the last answers out before it closes.
 */
export interface Listener {
  readonly port: number;
  /** Where it answers, as a URL without a path. */
  readonly url: string;
  /** Hands requests over; the shape Fastify's serverFactory wants. */
  readonly serve: (handler: RequestListener) => Server;
  /** From here on `/readyz` answers 200. */
  ready(): void;
  /** Answers what was accepted, takes nothing new, and closes within DRAIN_LIMIT. */
  drain(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** PEM files, to speak https. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** Takes the address. @throws Error of the operating system when it cannot be had */
export async function openListener({ host, port, tls }: ListenOptions): Promise<Listener> {
  let handler: RequestListener | undefined;
  let state: "starting" | "serving" | "draining" = "starting";

  const answer: RequestListener = (request, response) => {
    if (state === "draining") response.setHeader("Connection", "close");
    const path = request.url?.split("?", 1)[0];
    if (path === "/readyz" && state !== "serving") return refuseEarly(response);
    if (handler !== undefined) return handler(request, response);
    if (path === "/healthz") return void response.end('{"status":"alive"}');
    return refuseEarly(response);
  };

  const server = tls
    ? createTlsServer({ ...LIMITS, cert: await readFile(tls.cert), key: await readFile(tls.key) }, answer)
    : createServer(LIMITS, answer);
  server.on("clientError", refuseBrokenHttp);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    port: address.port,
    url: `${tls ? "https" : "http"}://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`,
    serve: (given) => {
      handler = given;
      return server;
    },
    ready: () => {
      state = "serving";
    },
    drain: async () => {
      state = "draining";
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const deadline = setTimeout(() => server.closeAllConnections(), DRAIN_LIMIT);
      await closed;
      clearTimeout(deadline);
    },
  };
}

function refuseEarly(response: Parameters<RequestListener>[1]): void {
  const { status, message, error } = new Refusal("not_ready");
  response.writeHead(status, { "Content-Type": "application/json", "Retry-After": "1", "Cache-Control": "no-store" });
  response.end(JSON.stringify({ error, error_description: message }));
}

/** What Node's parser gives up on never becomes a request: it is answered here, in the standard's shape, and cut. */
function refuseBrokenHttp(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const { status, message, error: word } = refusalOf(error.code);
  const body = JSON.stringify({ error: word, error_description: message });
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      "Connection: close",
      "Content-Type: application/json; charset=utf-8",
      "Cache-Control: no-store",
      "X-Content-Type-Options: nosniff",
      `Content-Length: ${Buffer.byteLength(body)}`,
      "",
      body,
    ].join("\r\n"),
  );
}

function refusalOf(code: string | undefined): Refusal {
  if (code === "HPE_HEADER_OVERFLOW") return new Refusal("http_headers_too_large");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return new Refusal("http_too_slow");
  return new Refusal("http_malformed");
}

