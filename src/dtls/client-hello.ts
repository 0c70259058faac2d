import { DecodeError, Reader, uint, uint16List, vector } from "./bytes.js";

/** Extensions that this server reads. */
export const EXTENSION = {
  supportedGroups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  extendedMasterSecret: 23,
  connectionId: 54,
  renegotiationInfo: 0xff01,
} as const;

/** RFC 5246 section 7.4.1.2, with the cookie of RFC 6347 section 4.2.1. */
export interface ClientHello {
  readonly version: number;
  readonly random: Buffer;
  readonly sessionId: Buffer;
  readonly cookie: Buffer;
  readonly suites: readonly number[];
  readonly compression: Buffer;
  readonly extensions: ReadonlyMap<number, Buffer>;
}

/** @throws DecodeError */
export function readClientHello(body: Buffer): ClientHello {
  const reader = new Reader(body);
  const hello = {
    version: reader.uint(2),
    random: reader.take(32),
    sessionId: reader.vector(1),
    cookie: reader.vector(1),
    suites: uint16List(reader.vector(2)),
    compression: reader.vector(1),
    extensions: reader.left > 0 ? readExtensions(reader.vector(2)) : new Map<number, Buffer>(),
  };
  reader.end();
  if (hello.sessionId.length > 32) throw new DecodeError("a session id has more than 32 bytes");
  return hello;
}

function readExtensions(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const reader = new Reader(bytes);
  const found = new Map<number, Buffer>();
  while (reader.left > 0) {
    const type = reader.uint(2);
    if (found.has(type)) throw new DecodeError("an extension is there twice");
    found.set(type, reader.vector(2));
  }
  return found;
}

/** A list of numbers in an extension; undefined without the extension. @throws DecodeError */
export function numbersIn(hello: ClientHello, extension: number): readonly number[] | undefined {
  const data = hello.extensions.get(extension);
  if (data === undefined) return undefined;
  const reader = new Reader(data);
  const numbers = uint16List(reader.vector(2));
  reader.end();
  return numbers;
}

/** The connection id that the client wants in records to it; undefined if it does not speak RFC 9146. @throws DecodeError */
export function connectionIdOf(hello: ClientHello): Buffer | undefined {
  const data = hello.extensions.get(EXTENSION.connectionId);
  if (data === undefined) return undefined;
  const reader = new Reader(data);
  const id = reader.vector(1);
  reader.end();
  return id;
}

/** Those parts that a client repeats unchanged with its cookie (RFC 6347 section 4.2.1). The cookie is made over them. */
export function repeatedPart({ version, random, sessionId, suites, compression }: ClientHello): Buffer {
  const list = Buffer.concat(suites.map((suite) => uint(2, suite)));
  return Buffer.concat([uint(2, version), random, vector(1, sessionId), vector(2, list), vector(1, compression)]);
}
