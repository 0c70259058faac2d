/** The border between CoAP and the transports below it: plain UDP on loopback, and DTLS. */

/**
 * The other end of a transport. Over DTLS it is a session, and every datagram of the session comes with the same object (RFC
 * 7252 section 9.1). Over plain UDP it is an address and a port.
 */
export interface Peer {
  readonly address: string;
  readonly port: number;
  /** Whether it is a DTLS session. */
  readonly secure: boolean;
  /** Sends one datagram. It never throws: a datagram that cannot be sent is lost. */
  send(datagram: Uint8Array): void;
  /** Ends the session, and tells the other end if the transport can. */
  close(): void;
}

/** The key under which something of a peer is kept: the session, or the address with the port. */
export type PeerKey = Peer | string;

export function keyOf(peer: Peer): PeerKey {
  return peer.secure ? peer : `${peer.address} ${peer.port}`;
}

/** Receives the datagrams of a transport. Neither function throws. */
export interface DatagramService {
  received(peer: Peer, datagram: Uint8Array): void;
  /** The session has ended. Nothing can be sent to this peer any more. */
  gone(peer: Peer): void;
}

/** Open sockets. */
export interface Transport {
  readonly port: number;
  /** Ends every session and closes the sockets. */
  stop(): Promise<void>;
}
