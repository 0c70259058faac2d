import { randomBytes } from "node:crypto";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { DatagramService, Transport } from "../coap/peer.js";
import type { Timers } from "../coap/timers.js";
import { OperatorError } from "../errors/operator-error.js";
import { networkOf } from "../http/network.js";
import type { Credentials } from "./credentials.js";
import type { PskLookup } from "./exchange.js";
import { DTLS_LIMITS } from "./limits.js";
import { DtlsServer } from "./server.js";

/** Where to listen, and as whom. */
interface DtlsAddress {
  /** An IP address. `::` takes IPv4 too. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

interface DtlsOptions extends DtlsAddress {
  /** Asked for each handshake, so that a renewed certificate is used at once. */
  readonly credentials: () => Credentials;
  readonly pskOf: PskLookup;
  readonly timers: Timers;
  /** Told why a handshake gave no session. The address is that of a client that receives there. */
  readonly failed: (address: string, reason: string) => void;
}

/** Bytes of datagrams that the kernel keeps while this process is busy. It grants less where its own limit is lower. */
const RECEIVE_BUFFER = 2 ** 20;

/**
 * Speaks DTLS 1.2 on a UDP port, and hands the content of each session to the service.
 * @throws OperatorError in one line if the port cannot be used
 */
export async function listenDtls(options: DtlsOptions, service: DatagramService): Promise<Transport> {
  const { host, port, credentials, pskOf, timers, failed } = options;
  const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4", recvBufferSize: RECEIVE_BUFFER });
  const server = new DtlsServer(
    {
      timers,
      credentials,
      pskOf,
      random: randomBytes,
      limits: DTLS_LIMITS,
      // A datagram that cannot be sent is lost.
      send: (datagram, to) => socket.send(datagram, to.port, to.address, () => undefined),
      failed: ({ address }, reason) => failed(address, reason),
    },
    service,
  );
  socket.on("message", (datagram, { address, port }: RemoteInfo) => {
    if (port > 0) server.receive(datagram, { address, port, network: networkOf(address) });
  });
  await bind(socket, host, port);
  return { port: socket.address().port, stop: () => stop(socket, server) };
}

/** Ends every session and closes the socket when the last alerts are sent. */
async function stop(socket: Socket, server: DtlsServer): Promise<void> {
  socket.removeAllListeners("message");
  server.stop();
  await new Promise<void>((resolve) => setImmediate(() => socket.close(resolve)));
}

async function bind(socket: Socket, address: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once("error", (error: NodeJS.ErrnoException) => {
      reject(new OperatorError(`COAPS_PORT ${port} on ${address} cannot be used (${error.code})`));
    });
    socket.bind({ address, port, exclusive: true }, resolve);
  });
  socket.removeAllListeners("error");
  // Whatever the network reports about a datagram later ends nothing.
  socket.on("error", () => undefined);
}
