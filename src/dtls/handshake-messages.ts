import { Reader, uint, vector } from "./bytes.js";
import { DTLS_1_0, DTLS_1_2 } from "./record.js";

/** Handshake types (RFC 5246 section 7.4, RFC 6347 section 4.3.2). */
export const MESSAGE = {
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  serverHelloDone: 14,
  clientKeyExchange: 16,
  finished: 20,
} as const;

export const MESSAGE_HEADER_BYTES = 12;

/** A whole handshake message. */
export interface HandshakeMessage {
  readonly type: number;
  /** Its number in the handshake (RFC 6347 section 4.2.2). */
  readonly sequence: number;
  readonly body: Buffer;
}

/** A part of a handshake message, as a record carries it. */
export interface Fragment {
  readonly type: number;
  readonly sequence: number;
  /** Bytes of the whole body, and where in it the part begins. */
  readonly length: number;
  readonly offset: number;
  readonly part: Buffer;
}

/** The fragments in the content of a handshake record. @throws DecodeError if it holds anything else */
export function readFragments(content: Buffer): readonly Fragment[] {
  const reader = new Reader(content);
  const fragments: Fragment[] = [];
  do {
    const [type, length, sequence] = [reader.uint(1), reader.uint(3), reader.uint(2)];
    const offset = reader.uint(3);
    fragments.push({ type, length, sequence, offset, part: reader.vector(3) });
  } while (reader.left > 0);
  return fragments;
}

/** Whether a fragment is a whole message. */
export function isWhole({ offset, part, length }: Fragment): boolean {
  return offset === 0 && part.length === length;
}

export function writeFragment({ type, sequence, length, offset, part }: Fragment): Buffer {
  return Buffer.concat([uint(1, type), uint(3, length), uint(2, sequence), uint(3, offset), vector(3, part)]);
}

/** A message as the transcript has it: in one fragment (RFC 6347 section 4.2.6). */
export function writeMessage({ type, sequence, body }: HandshakeMessage): Buffer {
  return writeFragment({ type, sequence, length: body.length, offset: 0, part: body });
}

/** RFC 6347 section 4.2.1: its version is that of DTLS 1.0, whatever follows. */
export function helloVerifyRequest(cookie: Buffer): Buffer {
  return Buffer.concat([uint(2, DTLS_1_0), vector(1, cookie)]);
}

/** RFC 5246 section 7.4.1.3. Its session id is empty, because sessions are not resumed. */
export function serverHello(random: Buffer, suite: number, extensions: readonly (readonly [number, Buffer])[]): Buffer {
  const written = extensions.map(([type, data]) => Buffer.concat([uint(2, type), vector(2, data)]));
  const tail = written.length > 0 ? [vector(2, ...written)] : [];
  return Buffer.concat([uint(2, DTLS_1_2), random, uint(1, 0), uint(2, suite), uint(1, 0), ...tail]);
}

/** RFC 5246 section 7.4.2. @param chain DER, the server's own certificate first */
export function certificate(chain: readonly Buffer[]): Buffer {
  return vector(3, ...chain.map((one) => vector(3, one)));
}

/** The parameters of ServerKeyExchange that are signed: a named curve and a point on it (RFC 8422 section 5.4). */
export function keyExchangeParameters(group: number, publicKey: Buffer): Buffer {
  return Buffer.concat([uint(1, 3), uint(2, group), vector(1, publicKey)]);
}

export function serverKeyExchange(parameters: Buffer, scheme: number, signature: Buffer): Buffer {
  return Buffer.concat([parameters, uint(2, scheme), vector(2, signature)]);
}

/** The point of the client (RFC 8422 section 5.7). */
export function readClientKeyExchange(body: Buffer): Buffer {
  const reader = new Reader(body);
  const point = reader.vector(1);
  reader.end();
  return point;
}

/** The identity of the client's PSK (RFC 4279 section 2). */
export function readPskIdentity(body: Buffer): Buffer {
  const reader = new Reader(body);
  const identity = reader.vector(2);
  reader.end();
  return identity;
}
