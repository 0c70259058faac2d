import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Ends connections that were made under a client authority that is no longer trusted: the result of their handshake is
 * no longer valid. New connections are checked against the new list.
 */
export class ConnectionCutter {
  /** Connections that still have an answer to send. */
  readonly #cut = new WeakSet<Socket>();

  /** Whether further requests on this connection must not be answered. */
  isCut(socket: Socket): boolean {
    return this.#cut.has(socket);
  }

  /**
   * Cuts every connection: at once if it is idle, else after its answer.
   * @param sockets TCP connections, also those with an unfinished handshake
   */
  cut(sockets: Iterable<Socket>, underWay: Iterable<ServerResponse>): void {
    const answering = new Set<string>();
    for (const response of underWay) {
      const { socket } = response.req;
      this.#cut.add(socket);
      answering.add(remoteEndOf(socket));
      if (!response.headersSent) response.setHeader("Connection", "close");
      response.once("finish", () => socket.destroySoon());
    }
    for (const socket of sockets) if (!answering.has(remoteEndOf(socket))) socket.destroy();
  }
}

/** The remote address and port, which a TLS connection shares with its TCP connection. */
function remoteEndOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
