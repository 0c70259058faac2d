import { createSocket, type Socket, type SocketOptions, type SocketType } from "node:dgram";
import { once } from "node:events";
import { OperatorError } from "../errors/operator-error.js";
import type { DatagramService, Peer, Transport } from "./peer.js";

/** Plain CoAP listens here only. A program in front of it speaks DTLS with the devices. */
const LOOPBACK = [
  { type: "udp4", address: "127.0.0.1" },
  { type: "udp6", address: "::1" },
] as const;

/** Codes of a machine without IPv6. */
const NO_SUCH_ADDRESS: readonly unknown[] = ["EADDRNOTAVAIL", "EAFNOSUPPORT"];

/**
 * Receives plain datagrams on the loopback addresses.
 * @param port 0 for a free one
 * @throws OperatorError if the port is not available
 */
export async function listenPlain(port: number, service: DatagramService): Promise<Transport> {
  const sockets: Socket[] = [];
  const stop = async () => {
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  };
  for (const { type, address } of LOOPBACK) {
    const taken = sockets[0]?.address().port ?? port;
    try {
      sockets.push(await open(type, address, taken, service));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (sockets.length > 0 && NO_SUCH_ADDRESS.includes(code)) continue;
      await stop();
      throw new OperatorError(`cannot receive CoAP on ${address} port ${taken} (${code})`);
    }
  }
  return { port: sockets[0]!.address().port, stop };
}

type UdpLookup = NonNullable<SocketOptions["lookup"]>;

async function open(type: SocketType, address: string, port: number, service: DatagramService): Promise<Socket> {
  const family = type === "udp6" ? 6 : 4;
  // Peers have addresses and no names. With Node's own lookup a datagram would leave later, and get lost when the socket closes.
  const lookup: UdpLookup = (host, _options, found) => found(null, host, family);
  const socket = createSocket({ type, ipv6Only: family === 6, lookup });
  const listening = once(socket, "listening");
  // A worker has a socket of its own: node:cluster would spread the datagrams of one peer over the processes.
  socket.bind({ address, port, exclusive: true });
  try {
    await listening;
  } catch (error) {
    socket.close();
    throw error;
  }
  // What the network reports about a datagram that was sent ends nothing.
  socket.on("error", () => {});
  socket.on("message", (datagram, { address: from, port: itsPort }) => {
    service.received(peerOn(socket, from, itsPort), datagram);
  });
  return socket;
}

function peerOn(socket: Socket, address: string, port: number): Peer {
  // A datagram that cannot be sent counts as lost on the way. A closed socket throws.
  const send = (datagram: Uint8Array) => {
    try {
      socket.send(datagram, port, address, () => {});
    } catch {
      return;
    }
  };
  return { address, port, secure: false, send, close: () => {} };
}
