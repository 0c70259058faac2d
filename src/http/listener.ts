import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { OperatorError } from "../errors/operator-error.js";
import { Refusal } from "../errors/refusal.js";
import type { CertificateHolder } from "./certificate-watch.js";
import { ConnectionCutter } from "./connection-cutter.js";
import type { LoadShedder } from "./load-shedder.js";
import {
  answerEarly,
  answerOnSocket,
  describeRequest,
  inStandardFormat,
  markRefusedEarly,
  refusalOf,
  requestFromBytes,
  type ParserError,
  type RefuseEarly,
} from "./early.js";
import { expectsMore } from "./envelope.js";
import { probeHalfClosed } from "./half-closed.js";
import { DRAIN_LIMIT, LIMITS } from "./limits.js";
import { canonicalTarget, pathOf } from "./target.js";
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
  /** Hands requests over, those that the load shedder lets through. */
  readonly serve: (handler: RequestListener, shedder?: LoadShedder) => Server;
  /** From here on what never reaches the application is refused so; before, in the standard's shape. */
  refuseWith(refuse: RefuseEarly): void;
  /** From here on `/readyz` answers 200. */
  ready(): void;
  /**
   * `/readyz` answers 503 while what was accepted before is being answered; then it closes.
   * @param limit milliseconds after which whatever is still connected is cut
   */
  drain(limit?: number): Promise<void>;
}

/** New connections that may wait to be taken; the system has a limit of its own (net.core.somaxconn). */
const MAX_BACKLOG = 4_096;

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsFiles;
}

/** Takes the address. @throws OperatorError when it cannot be had, or a PEM file cannot be used */
export async function openListener({ host, port, tls }: ListenOptions): Promise<Listener> {
  let handler: RequestListener | undefined;
  let shedder: LoadShedder | undefined;
  let state: "starting" | "serving" | "draining" = "starting";
  let refuse = inStandardFormat;
  const underWay = new Set<ServerResponse>();
  const cutter = new ConnectionCutter();

  const answer: RequestListener = (request, response) => {
    if (cutter.isCut(request.socket)) return void request.socket.destroy();
    request.url = canonicalTarget(request.url ?? "");
    const path = pathOf(request.url);
    // First of all: in an overload most requests come no further, so whatever stands before it is paid for them too.
    if (shedder?.refuses(path, request, response, underWay.size)) return;
    underWay.add(response);
    response.once("close", () => underWay.delete(response));
    if (state === "draining") response.setHeader("Connection", "close");
    const refuseEarly = () =>
      answerEarly(response, refuse(new Refusal("not_ready", { retryAfter: 1 }), describeRequest(request)));
    if (path === "/readyz" && state !== "serving") return refuseEarly();
    if (handler !== undefined) return handler(request, response);
    if (path === "/healthz") return void response.end('{"status":"alive"}');
    return refuseEarly();
  };

  const secure = tls && (await openTlsServer(tls, answer));
  const server = secure?.server ?? createServer(LIMITS, answer);
  // Node would drop what stands behind the 2,000th without a word, a second Host for example; their size is limited.
  server.maxHeadersCount = 0;
  // Node would answer other expectations by itself; the application refuses them as it refuses other requests.
  server.on("checkExpectation", answer);
  server.on("checkContinue", (request, response) => {
    if (!expectsMore(request)) response.writeContinue();
    answer(request, response);
  });
  server.on("connect", (request, socket) => {
    const refusal = new Refusal("method_not_allowed", { slots: { method: "CONNECT" }, allow: [] });
    answerOnSocket(socket, refuse(refusal, { ...describeRequest(request), target: undefined }));
  });
  server.on("clientError", (error: ParserError, socket: Socket) =>
    refuseBrokenHttp(error, socket, { underWay, refuse }),
  );
  // Those of Node's own list are past their TLS handshake.
  const sockets = new Set<Socket>();
  probeHalfClosed(server, underWay);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      setImmediate(endAbandoned, underWay);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", ({ code }: NodeJS.ErrnoException) => {
      reject(new OperatorError(`cannot listen on ${host}:${port} (${code})`));
    });
    // Node takes one new connection in each turn of its loop, so those of a burst wait here and must not be dropped.
    server.listen({ host, port, exclusive: true, backlog: MAX_BACKLOG }, resolve);
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
        if (renewal?.dropsAuthority) cutter.cut(sockets, underWay);
        return renewal;
      },
    },
    serve: (application, itsShedder) => {
      handler = application;
      shedder = itsShedder;
      return server;
    },
    refuseWith: (given) => {
      refuse = given;
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

/**
 * Node says `close` of the answer whose turn it was when a connection ended, and nothing of those that waited behind it
 * (pipelining). They would count as under way for ever.
 */
function endAbandoned(underWay: Iterable<ServerResponse>): void {
  for (const response of underWay) if (response.req.socket.destroyed) response.emit("close");
}

/** What Node's parser gives up on never becomes a whole request: it is answered here and cut. */
function refuseBrokenHttp(
  error: ParserError,
  socket: Socket,
  { underWay, refuse }: { readonly underWay: Iterable<ServerResponse>; readonly refuse: RefuseEarly },
): void {
  const isSilent = error.code === "ERR_HTTP_REQUEST_TIMEOUT" && socket.bytesRead === 0;
  if (error.code === "ECONNRESET" || isSilent || !socket.writable) return void socket.destroy();
  const waiting = [...underWay].filter((response) => response.req.socket === socket);
  const lastWhole = waiting.findLast(({ req }) => req.complete);
  if (lastWhole !== undefined) return endAfter(lastWhole, socket);
  const [broken] = waiting;
  if (broken === undefined) return answerOnSocket(socket, refuse(refusalOf(error), requestFromBytes(error, socket)));
  if (broken.headersSent) return void socket.destroy();
  markRefusedEarly(broken.req);
  answerOnSocket(socket, refuse(refusalOf(error), describeRequest(broken.req)));
}

/** Whole requests that came before a broken one are answered; that has no answer, because it would overtake theirs. */
function endAfter(response: ServerResponse, socket: Socket): void {
  if (!response.headersSent) response.setHeader("Connection", "close");
  // Its answer may be finished already, and wait for one before it.
  else response.once("close", () => socket.end());
}
