import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Server as TlsServer } from "node:tls";

/** Milliseconds before the first interim response to a client that may have left, and between two of them. */
const INTERIM = 50;

/**
 * A client that closes its sending side may still read, or may have left: both look the same to TCP. So such a
 * connection is kept open, and the client gets interim responses (RFC 9110 section 15.2). A reading client skips them.
 * The system of a client that left resets the connection, and work that has not begun is dropped.
 */
export function probeHalfClosed(server: Server, underWay: ReadonlySet<ServerResponse>): void {
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on(server instanceof TlsServer ? "secureConnection" : "connection", (socket: Socket) => {
    socket.once("end", () => {
      for (const response of underWay)
        if (response.socket === socket) setTimeout(sendInterim, INTERIM, response).unref();
    });
  });
}

function sendInterim(response: ServerResponse): void {
  const isOpen = !response.destroyed && !response.headersSent && response.req.httpVersionMinor >= 1;
  if (!isOpen) return;
  response.writeProcessing();
  setTimeout(sendInterim, INTERIM, response).unref();
}
