import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Ends connections that were made under a client authority which is not trusted any more: what their handshake said of the
 * client's certificate does not hold. New connections are judged by the new list.
 */
export class ConnectionCutter {
  /** Those that still have an answer to give. */
  readonly #cut = new WeakSet<Socket>();

  /** Whether nothing that comes on this connection now may be answered. */
  isCut(socket: Socket): boolean {
    return this.#cut.has(socket);
  }

  /**
   * Cuts every connection: at once where no request is under way, else behind its answer.
   * @param sockets of TCP, also those whose handshake is not finished
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

/** What the TLS connection and the TCP connection under it have in common. */
function remoteEndOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
