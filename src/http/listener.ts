import { createServer, STATUS_CODES, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { OperatorError } from "../errors/operator-error.js";
import { Refusal } from "../errors/refusal.js";
import type { CertificateHolder } from "./certificate-watch.js";
import { Distrust } from "./distrust.js";
import { headersOf } from "./headers.js";
import { DRAIN_LIMIT, LIMITS } from "./limits.js";
import { openTlsServer } from "./tls.js";
import type { TlsFiles } from "./tls-files.js";

/**
 * The socket, which is there before and after the application: it takes the port first, answers 503 until there is
 * something to hand requests to, and lets the last answers out before it closes.
 */
export interface Listener {
  readonly port: number;
  /** Where it answers, as a URL without a path. */
  readonly url: string;
  /** Where it speaks TLS itself. */
  readonly certificate: CertificateHolder | undefined;
  /** Hands requests over; the shape Fastify's serverFactory wants. */
  readonly serve: (handler: RequestListener) => Server;
  /** From here on `/readyz` answers 200. */
  ready(): void;
  /**
   * `/readyz` answers 503 while what was accepted before is being answered; then it closes.
   * @param limit milliseconds after which whatever is still connected is cut
   */
  drain(limit?: number): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsFiles;
}

/** Takes the address. @throws OperatorError when it cannot be had, or a PEM file cannot be used */
export async function openListener({ host, port, tls }: ListenOptions): Promise<Listener> {
  let handler: RequestListener | undefined;
  let state: "starting" | "serving" | "draining" = "starting";
  const underWay = new Set<ServerResponse>();
  const distrust = new Distrust();

  const answer: RequestListener = (request, response) => {
    if (distrust.holds(request.socket)) return void request.socket.destroy();
    underWay.add(response);
    response.once("close", () => underWay.delete(response));
    if (state === "draining") response.setHeader("Connection", "close");
    const path = request.url?.split("?", 1)[0];
    if (path === "/readyz" && state !== "serving") return refuseEarly(response);
    if (handler !== undefined) return handler(request, response);
    if (path === "/healthz") return void response.end('{"status":"alive"}');
    return refuseEarly(response);
  };

  const secure = tls && (await openTlsServer(tls, answer));
  const server = secure?.server ?? createServer(LIMITS, answer);
  server.on("clientError", refuseBrokenHttp);
  // Those of Node's own list are past their TLS handshake.
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", ({ code }: NodeJS.ErrnoException) => {
      reject(new OperatorError(`cannot listen on ${host}:${port} (${code})`));
    });
    server.listen({ host, port, exclusive: true }, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    port: address.port,
    url: `${tls ? "https" : "http"}://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`,
    certificate: secure && {
      get material() {
        return secure.material;
      },
      renew: async (now) => {
        const renewal = await secure.renew(now);
        if (renewal?.distrusts) distrust.cut(sockets, underWay);
        return renewal;
      },
    },
    serve: (given) => {
      handler = given;
      return server;
    },
    ready: () => {
      state = "serving";
    },
    drain: async (limit = DRAIN_LIMIT) => {
      state = "draining";
      const deadline = setTimeout(() => sockets.forEach((socket) => socket.destroy()), limit);
      for (const response of underWay) if (!response.headersSent) response.setHeader("Connection", "close");
      // The socket stays until what was accepted is answered: whoever asks meanwhile hears 503 from /readyz.
      await Promise.all([...underWay].map((response) => new Promise((resolve) => response.once("close", resolve))));
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await closed;
      clearTimeout(deadline);
    },
  };
}

function refuseEarly(response: ServerResponse): void {
  const { status, message, error } = new Refusal("not_ready");
  response.writeHead(status, { ...headersOf(), "Content-Type": "application/json; charset=utf-8", "Retry-After": "1" });
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
      ...Object.entries(headersOf()).map(([name, value]) => `${name}: ${value}`),
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
