import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Server as TlsServer } from "node:tls";

/** Milliseconds before the first interim answer to a client that may have left, and between two of them. */
const INTERIM = 50;

/**
 * A client that sends no more may still read, or may have left: TCP says the same of both. So Node is told to keep such a
 * connection, and the client is sent interim answers (RFC 9110 section 15.2). One that reads skips them. The system of one
 * that left resets the connection, the next of them meets that, and what was not begun for the client is dropped.
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
