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
 * The listening socket, which exists before and after the application. It takes the port first, answers 503 until the
 * application is ready, and sends the last answers before it closes.
 */
export interface Listener {
  readonly port: number;
  /** Its URL, without a path. */
  readonly url: string;
  /** Takes the address. @throws OperatorError if it is not available */
  open(): Promise<void>;
  /** Its certificate, if it speaks TLS itself. */
  readonly certificate: CertificateHolder | undefined;
  /** The application that gets the requests once the listener is ready, except those that the load shedder refuses. */
  readonly serve: (handler: RequestListener, shedder?: LoadShedder) => Server;
  /** The number of accepted requests without an answer. */
  readonly underWay: number;
  /** From now on, early refusals have this format; before, the standard's. */
  refuseWith(refuse: RefuseEarly): void;
  /** From now on, requests reach the application, and `/readyz` answers 200. */
  ready(): void;
  /**
   * Answers accepted requests, with 503 at `/readyz`, then closes.
   * @param limit milliseconds after which remaining connections are cut
   */
  drain(limit?: number): Promise<void>;
}

/** Most new connections in the queue. The system has a limit of its own (net.core.somaxconn). */
const MAX_BACKLOG = 4_096;

interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: TlsFiles;
  /** Whether the workers of one primary listen on the address together (node:cluster). */
  readonly isShared?: boolean;
}

/** Takes the address. @throws OperatorError if the address is not available, or a PEM file is invalid */
export async function openListener(options: ListenOptions): Promise<Listener> {
  const listener = await prepareListener(options);
  await listener.open();
  return listener;
}

/** Does everything but take the address. @throws OperatorError if a PEM file is invalid */
export async function prepareListener({ host, port, tls, isShared = false }: ListenOptions): Promise<Listener> {
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
    // This check comes first: in an overload most requests end here, and each step before it costs time for all of
    // them.
    if (shedder?.refuses(path, request, response, underWay.size)) return;
    underWay.add(response);
    response.once("close", () => underWay.delete(response));
    if (state === "draining") response.setHeader("Connection", "close");
    const refuseEarly = () =>
      answerEarly(response, refuse(new Refusal("not_ready", { retryAfter: 1 }), describeRequest(request)));
    if (path === "/readyz" && state !== "serving") return refuseEarly();
    // An application that is still being built has no hooks yet, and would fail.
    if (handler !== undefined && state !== "starting") return handler(request, response);
    if (path === "/healthz") return void response.end('{"status":"alive"}');
    return refuseEarly();
  };

  const secure = tls && (await openTlsServer(tls, answer));
  const server = secure?.server ?? createServer(LIMITS, answer);
  // Node would silently drop all headers after the 2,000th, for example a second Host. Their total size is limited
  // instead.
  server.maxHeadersCount = 0;
  // Node would answer other expectations by itself. The application refuses them like other requests.
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
  // All TCP connections. Node's own list has only those past their TLS handshake.
  const sockets = new Set<Socket>();
  probeHalfClosed(server, underWay);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      setImmediate(endAbandoned, underWay);
    });
  });
  let taken: Pick<AddressInfo, "address" | "port"> = { address: host, port };
  return {
    get port() {
      return taken.port;
    },
    get url() {
      const { address, port: itsPort } = taken;
      return `${tls ? "https" : "http"}://${address.includes(":") ? `[${address}]` : address}:${itsPort}`;
    },
    get underWay() {
      return underWay.size;
    },
    open: async () => {
      await new Promise<void>((resolve, reject) => {
        server.once("error", ({ code }: NodeJS.ErrnoException) => {
          reject(new OperatorError(`cannot listen on ${host}:${port} (${code})`));
        });
        // Node accepts one new connection per turn of its event loop, so a burst of them waits here and must not be
        // dropped.
        server.listen({ host, port, exclusive: !isShared, backlog: MAX_BACKLOG }, resolve);
      });
      taken = server.address() as AddressInfo;
    },
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
      // The socket stays open until all accepted requests are answered: until then /readyz answers 503.
      await Promise.all([...underWay].map((response) => new Promise((resolve) => response.once("close", resolve))));
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await closed;
      clearTimeout(deadline);
    },
  };
}

/**
 * At the end of a connection, Node emits `close` for the response in progress, but not for pipelined ones behind it.
 * Without this they would count as in progress for ever.
 */
function endAbandoned(underWay: Iterable<ServerResponse>): void {
  for (const response of underWay) if (response.req.socket.destroyed) response.emit("close");
}

/** Answers a request that Node's parser rejects, and cuts the connection. */
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

/** Answers the whole requests before a broken one. The broken one gets no answer, which would overtake theirs. */
function endAfter(response: ServerResponse, socket: Socket): void {
  if (!response.headersSent) response.setHeader("Connection", "close");
  // Its answer may be complete, and wait for an earlier one.
  else response.once("close", () => socket.end());
}
