import { ALERT } from "./alerts.js";
import { CIPHER_SUITES, type CertificateExchange, type CipherSuite } from "./cipher-suites.js";
import { connectionIdOf, EXTENSION, numbersIn, type ClientHello } from "./client-hello.js";
import type { Credentials, SignatureScheme } from "./credentials.js";
import { GROUPS, type Group } from "./key-exchange.js";
import { DTLS_1_2 } from "./record.js";

/** How a key exchange with a certificate is signed. */
export interface Signing {
  readonly group: Group;
  readonly scheme: SignatureScheme;
}

/** What client and server agree on. */
export interface Agreement {
  readonly suite: CipherSuite;
  /** Undefined for a suite with a PSK. */
  readonly signing: Signing | undefined;
  /** RFC 7627. */
  readonly extendedMasterSecret: boolean;
  /** RFC 5746: the server confirms that this is no renegotiation. */
  readonly confirmsRenegotiation: boolean;
  readonly confirmsPointFormats: boolean;
  /** The id in records to the client; undefined if it does not speak RFC 9146. */
  readonly clientConnectionId: Buffer | undefined;
}

/** Values in a list of suites that are signals (RFC 5746 section 3.3, RFC 7507). */
const RENEGOTIATION_SIGNAL = 0x00ff;
const FALLBACK_SIGNAL = 0x5600;

/**
 * Chooses what both sides can do.
 * @returns the description of an alert if the client offers nothing that this server accepts
 * @throws DecodeError if an extension does not have its form
 */
export function negotiate(hello: ClientHello, credentials: Credentials): Agreement | number {
  const refusal = refusalOf(hello);
  if (refusal !== undefined) return refusal;
  const signing = signingWith(hello, credentials);
  const suite = suiteFor(hello, signing === undefined ? undefined : credentials.exchange);
  if (suite === undefined) return ALERT.handshakeFailure;
  return {
    suite,
    signing: suite.exchange === "psk" ? undefined : signing,
    extendedMasterSecret: hello.extensions.has(EXTENSION.extendedMasterSecret),
    confirmsRenegotiation:
      hello.suites.includes(RENEGOTIATION_SIGNAL) || hello.extensions.has(EXTENSION.renegotiationInfo),
    confirmsPointFormats: hello.extensions.has(EXTENSION.pointFormats),
    clientConnectionId: connectionIdOf(hello),
  };
}

/** How the server's key can sign for this client; undefined if it cannot. @throws DecodeError */
function signingWith(hello: ClientHello, credentials: Credentials): Signing | undefined {
  const groups = numbersIn(hello, EXTENSION.supportedGroups) ?? [];
  const schemes = numbersIn(hello, EXTENSION.signatureAlgorithms) ?? [];
  const group = GROUPS.find(({ id }) => groups.includes(id));
  const scheme = credentials.schemes.find(({ id }) => schemes.includes(id));
  const knowsCurve = credentials.group === undefined || groups.includes(credentials.group);
  return knowsCurve && group !== undefined && scheme !== undefined ? { group, scheme } : undefined;
}

/**
 * The client's order decides between a PSK and a certificate, because it knows which of the two it has. The server's order decides
 * between the suites of that kind.
 */
function suiteFor({ suites }: ClientHello, certificate: CertificateExchange | undefined): CipherSuite | undefined {
  const possible = CIPHER_SUITES.filter(({ exchange }) => exchange === "psk" || exchange === certificate);
  const first = suites.map((id) => possible.find((one) => one.id === id)).find((one) => one !== undefined);
  return possible.find(({ id, exchange }) => exchange === first?.exchange && suites.includes(id));
}

/** Why no handshake with this client is possible, as the description of an alert. */
function refusalOf({ version, suites, compression, extensions }: ClientHello): number | undefined {
  // A version is written as its complement: a larger number is an older version.
  if (version >> 8 !== 0xfe || version > DTLS_1_2) {
    return suites.includes(FALLBACK_SIGNAL) ? ALERT.inappropriateFallback : ALERT.protocolVersion;
  }
  if (!compression.includes(0)) return ALERT.illegalParameter;
  // Anything but one empty field is a renegotiation, and a first handshake has nothing to renegotiate (RFC 5746 section 3.6).
  const renegotiation = extensions.get(EXTENSION.renegotiationInfo);
  if (renegotiation !== undefined && !renegotiation.equals(Buffer.from([0]))) return ALERT.handshakeFailure;
  return undefined;
}

/** The extensions of ServerHello. It has none that the client did not send (RFC 5246 section 7.4.1.4). */
export function serverExtensions(agreement: Agreement, connectionId: Buffer): readonly (readonly [number, Buffer])[] {
  const offered: readonly (readonly [boolean, number, Buffer])[] = [
    [agreement.confirmsRenegotiation, EXTENSION.renegotiationInfo, Buffer.from([0])],
    [agreement.extendedMasterSecret, EXTENSION.extendedMasterSecret, Buffer.alloc(0)],
    // One format, the uncompressed one (RFC 8422 section 5.1.2).
    [agreement.confirmsPointFormats, EXTENSION.pointFormats, Buffer.from([1, 0])],
    [
      agreement.clientConnectionId !== undefined,
      EXTENSION.connectionId,
      Buffer.concat([Buffer.from([connectionId.length]), connectionId]),
    ],
  ];
  return offered.filter(([isSent]) => isSent).map(([, type, data]) => [type, data]);
}
