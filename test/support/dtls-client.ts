import { constants, createHash, verify, X509Certificate, type KeyObject } from "node:crypto";
import { Reader, uint, vector } from "../../src/dtls/bytes.js";
import { CIPHER_SUITES, type CipherSuite } from "../../src/dtls/cipher-suites.js";
import {
  isWhole,
  MESSAGE,
  readFragments,
  writeMessage,
  type HandshakeMessage,
} from "../../src/dtls/handshake-messages.js";
import { GROUPS, type Group } from "../../src/dtls/key-exchange.js";
import { masterSecret, pskPremaster, sessionKeys, verifyData, type SessionKeys } from "../../src/dtls/key-schedule.js";
import { open, type Opened } from "../../src/dtls/protection.js";
import { CONTENT, NO_CONNECTION_ID, type DtlsRecord } from "../../src/dtls/record.js";
import { RecordWriter } from "../../src/dtls/record-writer.js";
import { Reassembly } from "../../src/dtls/reassembly.js";

/** How a server may sign. */
const SCHEMES: Readonly<
  Record<number, { readonly hash: string; readonly padding?: number; readonly saltLength?: number }>
> = {
  0x0403: { hash: "sha256" },
  0x0503: { hash: "sha384" },
  0x0603: { hash: "sha512" },
  0x0804: { hash: "sha256", padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
  0x0401: { hash: "sha256" },
};

export interface ClientChoices {
  /** The names of the suites that it offers: by default all those with a certificate, or all with a PSK. */
  readonly suites?: readonly string[];
  /** X25519, P-256 and P-384 by default. */
  readonly groups?: readonly number[];
  /** The id that it wants in records to it; without it, it does not speak RFC 9146. */
  readonly connectionId?: Buffer;
  readonly extendedMasterSecret?: boolean;
  /** With it, it offers the suites for a PSK by default. */
  readonly psk?: { readonly identity: string | Buffer; readonly key: string | Buffer };
  readonly version?: number;
  /** Added to the list of suites: signals. */
  readonly signals?: readonly number[];
  readonly compression?: Buffer;
  /** Added to the extensions, or in their place. */
  readonly extensions?: readonly (readonly [number, Buffer])[];
}

/**
 * The messages of a DTLS 1.2 client, without any timer: a test sends them when it likes, and changes them. The suite has clients
 * of other people beside it; this one offers what they cannot, and breaks the rules on request.
 */
export class DtlsClient {
  readonly random: Buffer;
  readonly writer = new RecordWriter(0);
  /** The content of the records that the server sent under the keys. */
  readonly received: Opened[] = [];
  /** The types of the plain handshake messages that arrived, and the alerts. */
  readonly seen: string[] = [];
  suite: CipherSuite | undefined;
  /** The id that the server wants in records to it. */
  serverConnectionId: Buffer = NO_CONNECTION_ID;
  readonly #choices: ClientChoices;
  readonly #incoming = new Reassembly(1);
  readonly #transcript: Buffer[] = [];
  #cookie: Buffer = Buffer.alloc(0);
  #share: ReturnType<Group["makeShare"]> | undefined;
  #serverPoint: Buffer = Buffer.alloc(0);
  #serverRandom: Buffer = Buffer.alloc(0);
  #certificateKey: KeyObject | undefined;
  #extended = false;
  #keys: SessionKeys | undefined;
  #master: Buffer = Buffer.alloc(0);
  isConnected = false;

  constructor(choices: ClientChoices, random: (bytes: number) => Buffer) {
    this.#choices = choices;
    this.random = random(32);
  }

  /** ClientHello, with the cookie as soon as there is one. */
  hello(): Buffer {
    return this.writer.plain(CONTENT.handshake, writeMessage(this.#helloMessage()));
  }

  #helloMessage(): HandshakeMessage {
    const { suites, psk, signals = [0x00ff], version = 0xfefd, compression = Buffer.from([0]) } = this.#choices;
    const isDefault = ({ exchange }: CipherSuite) => (exchange === "psk") === (psk !== undefined);
    const all =
      suites?.map((name) => CIPHER_SUITES.find((one) => one.name === name)!) ?? CIPHER_SUITES.filter(isDefault);
    const offered = all.map(({ id }) => id);
    const body = Buffer.concat([
      uint(2, version),
      this.random,
      vector(1),
      vector(1, this.#cookie),
      vector(2, ...[...offered, ...signals].map((one) => uint(2, one))),
      vector(1, compression),
      vector(2, ...this.#extensions().map(([type, data]) => Buffer.concat([uint(2, type), vector(2, data)]))),
    ]);
    return { type: MESSAGE.clientHello, sequence: this.#cookie.length > 0 ? 1 : 0, body };
  }

  #extensions(): readonly (readonly [number, Buffer])[] {
    const { groups = [29, 23, 24], extendedMasterSecret = true, connectionId, extensions = [] } = this.#choices;
    const list = (numbers: readonly number[]) => vector(2, ...numbers.map((one) => uint(2, one)));
    const own = new Map<number, Buffer>([
      [10, list(groups)],
      [11, Buffer.from([1, 0])],
      [13, list(Object.keys(SCHEMES).map(Number))],
      ...(extendedMasterSecret ? [[23, Buffer.alloc(0)] as const] : []),
      ...(connectionId === undefined ? [] : [[54, vector(1, connectionId)] as const]),
      ...extensions,
    ]);
    return [...own];
  }

  /** Takes a datagram of the server. */
  receive(datagram: Buffer): void {
    for (const record of recordsFor(datagram, this.#choices.connectionId?.length ?? 0)) {
      if (record.epoch === 0) this.#plain(record);
      else this.#protected(record);
    }
  }

  #plain({ type, body }: DtlsRecord): void {
    if (type === CONTENT.alert) this.seen.push(`alert ${body[1]}`);
    if (type !== CONTENT.handshake) return;
    for (const fragment of readFragments(body)) {
      if (fragment.type === MESSAGE.helloVerifyRequest && isWhole(fragment)) {
        this.seen.push("helloVerifyRequest");
        const reader = new Reader(fragment.part);
        reader.uint(2);
        this.#cookie = Buffer.from(reader.vector(1));
      } else this.#incoming.add(fragment);
    }
    for (let next = this.#incoming.take(); next !== undefined; next = this.#incoming.take()) this.#message(next);
  }

  #message(message: HandshakeMessage): void {
    const name = Object.entries(MESSAGE).find(([, type]) => type === message.type)?.[0] ?? String(message.type);
    this.seen.push(name);
    if (message.type === MESSAGE.serverHello) {
      this.#transcript.push(writeMessage(this.#helloMessage()));
      this.#serverHello(new Reader(message.body));
    }
    if (message.type === MESSAGE.certificate) {
      const reader = new Reader(new Reader(message.body).vector(3));
      this.#certificateKey = new X509Certificate(reader.vector(3)).publicKey;
    }
    if (message.type === MESSAGE.serverKeyExchange) this.#keyExchange(message.body);
    this.#transcript.push(writeMessage(message));
  }

  #serverHello(reader: Reader): void {
    reader.uint(2);
    this.#serverRandom = reader.take(32);
    reader.vector(1);
    const id = reader.uint(2);
    this.suite = CIPHER_SUITES.find((one) => one.id === id);
    reader.uint(1);
    const extensions = new Reader(reader.vector(2));
    while (extensions.left > 0) {
      const [type, data] = [extensions.uint(2), extensions.vector(2)];
      if (type === 23) this.#extended = true;
      if (type === 54) this.serverConnectionId = new Reader(data).vector(1);
    }
  }

  #keyExchange(body: Buffer): void {
    const reader = new Reader(body);
    reader.uint(1);
    const group = reader.uint(2);
    this.#serverPoint = reader.vector(1);
    const parameters = body.subarray(0, reader.at);
    const { hash, ...padding } = SCHEMES[reader.uint(2)]!;
    const signed = Buffer.concat([this.random, this.#serverRandom, parameters]);
    const isSigned = verify(hash, signed, { key: this.#certificateKey!, ...padding }, reader.vector(2));
    if (!isSigned) throw new Error("the server's signature is wrong");
    this.#share = GROUPS.find(({ id }) => id === group)!.makeShare();
  }

  /** ClientKeyExchange, ChangeCipherSpec and Finished: each a record. @param point instead of its own */
  answer(point?: Buffer): readonly [Buffer, Buffer, Buffer] {
    if (this.#keys === undefined) this.#agree(point);
    const body = verifyData(this.suite!, this.#master, "client", this.#hash());
    const finished = { type: MESSAGE.finished, sequence: 3, body };
    return [
      this.writer.plain(CONTENT.handshake, this.#transcript.at(-1)!),
      this.writer.plain(CONTENT.changeCipherSpec, Buffer.from([1])),
      this.writer.sealed(CONTENT.handshake, writeMessage(finished)),
    ];
  }

  #agree(point?: Buffer): void {
    const isPsk = this.suite!.exchange === "psk";
    const { identity, key } = this.#choices.psk ?? { identity: "", key: "" };
    const body = isPsk ? vector(2, Buffer.from(identity)) : vector(1, point ?? this.#share!.publicKey);
    const exchange = { type: MESSAGE.clientKeyExchange, sequence: 2, body };
    this.#transcript.push(writeMessage(exchange));
    const randoms = { client: this.random, server: this.#serverRandom };
    const premaster = isPsk ? pskPremaster(Buffer.from(key)) : this.#share!.agree(this.#serverPoint)!;
    this.#master = masterSecret(this.suite!, premaster, randoms, this.#extended ? this.#hash() : undefined);
    this.#keys = sessionKeys(this.suite!, this.#master, randoms);
    this.writer.protect({ suite: this.suite!, keys: this.#keys.client, connectionId: this.serverConnectionId });
  }

  #hash(): Buffer {
    return createHash(this.suite!.hash).update(Buffer.concat(this.#transcript)).digest();
  }

  #protected(record: DtlsRecord): void {
    const opened = this.#keys === undefined ? undefined : open(this.suite!, this.#keys.server, record);
    if (opened === undefined) return;
    this.received.push(opened);
    if (opened.type === CONTENT.handshake) this.isConnected = true;
  }

  /** A record of application data. */
  data(text: string): Buffer {
    return this.writer.sealed(CONTENT.applicationData, Buffer.from(text));
  }

  /** The texts of application data that have arrived. */
  get texts(): readonly string[] {
    return this.received.filter(({ type }) => type === CONTENT.applicationData).map(({ content }) => String(content));
  }

  /** The protected alerts that have arrived. */
  get alerts(): readonly number[] {
    return this.received.filter(({ type }) => type === CONTENT.alert).map(({ content }) => content[1]!);
  }
}

/** The records of a server's datagram. Their connection ids have the client's length. */
function recordsFor(datagram: Buffer, idBytes: number): readonly DtlsRecord[] {
  const reader = new Reader(datagram);
  const records: DtlsRecord[] = [];
  while (reader.left > 0) {
    const [type, version, epoch, sequence] = [reader.uint(1), reader.uint(2), reader.uint(2), reader.uint(6)];
    const connectionId = reader.take(type === CONTENT.connectionId ? idBytes : 0);
    records.push({ type, version, epoch, sequence, connectionId, body: reader.vector(2) });
  }
  return records;
}
