import type { FlightPart } from "./flight.js";
import type { SessionKeys } from "./key-schedule.js";
import type { CipherSuite } from "./cipher-suites.js";
import type { RecordWriter } from "./record-writer.js";
import type { ReplayWindow } from "./replay-window.js";

/** What a handshake leaves to its session. */
export interface SessionParameters {
  readonly suite: CipherSuite;
  readonly keys: SessionKeys;
  readonly writer: RecordWriter;
  /** It already has the records of the handshake. */
  readonly window: ReplayWindow;
  /** The id in records of the client; empty without RFC 9146. */
  readonly connectionId: Buffer;
  /** The random value of the ClientHello, by which a late copy of it is recognised. */
  readonly clientRandom: Buffer;
  /** Sent again as long as the client sends its own Finished again. */
  readonly lastFlight: readonly FlightPart[];
}
