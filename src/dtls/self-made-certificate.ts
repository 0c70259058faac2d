import { createPrivateKey, generateKeyPairSync, sign, X509Certificate, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../clock.js";
import { replaceFile } from "../durable-file.js";

/** Milliseconds of a day. */
const DAY = 24 * 60 * 60_000;
/** How long a certificate is valid, and how long before its end a start replaces it. */
const LIFE = 365 * DAY;
const RENEWED_BEFORE = 90 * DAY;

/** The names of this machine for itself, which a client checks. */
const DNS_NAME = "localhost";
const ADDRESSES = [Buffer.from([127, 0, 0, 1]), Buffer.from([...Array<number>(15).fill(0), 1])];

/** Paths of PEM files. */
interface SelfMadeFiles {
  readonly cert: string;
  readonly key: string;
}

/**
 * A certificate for this machine that vouches for itself, for people who look around. It is made at the first start, and again
 * when it ends within 90 days. A client has to be given the certificate's file.
 * @param now milliseconds since the epoch
 */
export async function selfMadeCertificate(folder: string, now: number, random: Random): Promise<SelfMadeFiles> {
  const files = { cert: join(folder, "coaps-cert.pem"), key: join(folder, "coaps-key.pem") };
  if (await isUsable(files, now)) return files;
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ format: "pem", type: "pkcs8" });
  // A crash between the two leaves a pair that does not match, and the next start makes both.
  await replaceFile(files.key, (file) => file.writeFile(pem), random);
  const certificate = writeCertificate({ privateKey, publicKey }, now, random);
  await replaceFile(files.cert, (file) => file.writeFile(certificate), random);
  return files;
}

async function isUsable({ cert, key }: SelfMadeFiles, now: number): Promise<boolean> {
  try {
    const certificate = new X509Certificate(await readFile(cert));
    const isPair = certificate.checkPrivateKey(createPrivateKey(await readFile(key)));
    return isPair && Date.parse(certificate.validTo) - now > RENEWED_BEFORE;
  } catch {
    // Absent or damaged: either way a new one is made.
    return false;
  }
}

interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** A certificate of version 3 in PEM (RFC 5280 section 4.1). */
function writeCertificate({ privateKey, publicKey }: KeyPair, now: number, random: Random): string {
  const name = sequence(element(0x31, sequence(COMMON_NAME, element(0x0c, Buffer.from(DNS_NAME)))));
  const toBeSigned = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))),
    // Positive, and of 16 bytes whatever they are.
    element(0x02, Buffer.from([0x40]), random(15)),
    ECDSA_WITH_SHA_256,
    name,
    sequence(time(now - DAY), time(now + LIFE)),
    name,
    publicKey.export({ format: "der", type: "spki" }),
    element(0xa3, sequence(alternativeNames(), serverOnly())),
  );
  const signature = element(0x03, Buffer.from([0]), sign("sha256", toBeSigned, privateKey));
  const lines = sequence(toBeSigned, ECDSA_WITH_SHA_256, signature)
    .toString("base64")
    .match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** RFC 5280 section 4.2.1.6: the tags of a DNS name and of an address. */
function alternativeNames(): Buffer {
  const addresses = ADDRESSES.map((address) => element(0x87, address));
  return extension("551d11", sequence(element(0x82, Buffer.from(DNS_NAME)), ...addresses));
}

/** RFC 5280 section 4.2.1.12: serverAuth. */
function serverOnly(): Buffer {
  return extension("551d25", sequence(objectId("2b06010505070301")));
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(objectId(id), element(0x04, value));
}

/** UTCTime, which RFC 5280 section 4.1.2.5 asks for until 2049, or GeneralizedTime. */
function time(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().slice(0, 19).replace(/\D/g, "");
  return Number(digits.slice(0, 4)) < 2050
    ? element(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : element(0x18, Buffer.from(`${digits}Z`));
}

const COMMON_NAME = objectId("550403");
const ECDSA_WITH_SHA_256 = sequence(objectId("2a8648ce3d040302"));

function objectId(hex: string): Buffer {
  return element(0x06, Buffer.from(hex, "hex"));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(0x30, ...parts);
}

/** One element of DER (X.690 section 8.1). None here is longer than 65,535 bytes. */
function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const octets = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...octets]), content]);
}
