import type { HandshakeRate } from "./budget.js";
import type { RosterLimits } from "./roster.js";

/** What clients may hold and cost. Times are milliseconds. */
export interface DtlsLimits {
  /** Handshakes that are not finished. A client has none before its cookie is verified. */
  readonly handshakes: RosterLimits;
  readonly sessions: RosterLimits;
  readonly rate: HandshakeRate;
  /** How long a session lives without an authentic record of the client. */
  readonly idle: number;
}

/** A network may be a whole site behind one address. So it may have many sessions, and start them all after a power cut. */
export const DTLS_LIMITS: DtlsLimits = {
  handshakes: { total: 4_000, perNetwork: 1_000 },
  sessions: { total: 20_000, perNetwork: 5_000 },
  rate: { atOnce: 1_000, perSecond: 20 },
  idle: 60 * 60_000,
};

/** A flight is sent again after this time at first, and after twice as long each time (RFC 6347 section 4.2.4.1). */
export const FIRST_WAIT = 1_000;
export const MAX_WAIT = 60_000;

/** How long a handshake may take, and how often its flight is sent, be it by the timer or because the client asks again. */
export const HANDSHAKE_LIFE = 60_000;
export const MAX_TRANSMISSIONS = 12;

/** Bytes of a datagram of the handshake; and of one after two transmissions got no answer (RFC 6347 section 4.1.1.1). */
export const MAX_DATAGRAM = 1_200;
export const SMALL_DATAGRAM = 508;
export const TRANSMISSIONS_BEFORE_SMALL = 2;

/** Protected records that are kept until the keys are known, because a datagram overtook another. */
export const MAX_EARLY_RECORDS = 4;
