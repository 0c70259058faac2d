/** Alert descriptions that this server sends or reads (RFC 5246 section 7.2). */
export const ALERT = {
  closeNotify: 0,
  handshakeFailure: 40,
  illegalParameter: 47,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
  internalError: 80,
  inappropriateFallback: 86,
  noRenegotiation: 100,
} as const;

const WARNING = 1;
const FATAL = 2;

/** The alerts that end nothing. */
const WARNINGS: readonly number[] = [ALERT.closeNotify, ALERT.noRenegotiation];

interface Alert {
  readonly isFatal: boolean;
  readonly description: number;
}

export function writeAlert(description: number): Buffer {
  return Buffer.from([WARNINGS.includes(description) ? WARNING : FATAL, description]);
}

/** Undefined where the content is no alert. */
export function readAlert(content: Buffer): Alert | undefined {
  return content.length === 2 ? { isFatal: content[0] === FATAL, description: content[1]! } : undefined;
}
