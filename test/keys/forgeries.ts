// Signatures and texts that are none: the cases that project Wycheproof collects.
import { generateKeyPairSync, sign } from "node:crypto";

const half = (signature: Buffer, which: 0 | 1) => signature.subarray(which * 32, which * 32 + 32);
const ZERO = Buffer.alloc(32);
/** The order of P-256 (SEC 2 section 2.4.2). */
const ORDER = Buffer.from("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", "hex");
const strange = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

export type Forge = (signature: Buffer, signed: string) => Buffer;

export const OF_ALL: readonly (readonly [string, Forge])[] = [
  ["no signature", () => Buffer.alloc(0)],
  ["a truncated one", (signature) => signature.subarray(0, -1)],
  ["one that is longer", (signature) => Buffer.concat([signature, Buffer.alloc(1)])],
  ["one that begins with a zero", (signature) => Buffer.concat([Buffer.alloc(1), signature])],
  ["nothing but zeros", (signature) => Buffer.alloc(signature.length)],
  ["nothing but ones", (signature) => Buffer.alloc(signature.length, 0xff)],
  ["one altered bit", (signature) => signature.map((byte, index) => (index === 5 ? byte ^ 1 : byte)) as Buffer],
];

export const OF_ECDSA: readonly (readonly [string, Forge])[] = [
  ["r = 0", (signature) => Buffer.concat([ZERO, half(signature, 1)])],
  ["s = 0", (signature) => Buffer.concat([half(signature, 0), ZERO])],
  ["r = n", (signature) => Buffer.concat([ORDER, half(signature, 1)])],
  ["s = n", (signature) => Buffer.concat([half(signature, 0), ORDER])],
  ["r = s = 1", () => Buffer.concat([ZERO.subarray(1), Buffer.from([1]), ZERO.subarray(1), Buffer.from([1])])],
  ["r and s in the other order", (signature) => Buffer.concat([half(signature, 1), half(signature, 0)])],
  ["DER", (signature) => der(half(signature, 0), half(signature, 1))],
  [
    "another key's",
    (_signature, text) => sign("sha256", Buffer.from(text), { key: strange, dsaEncoding: "ieee-p1363" }),
  ],
];

/** ECDSA-Sig-Value (RFC 3279 section 2.2.3). */
function der(...numbers: readonly Buffer[]): Buffer {
  const integers = numbers.map((number) => {
    const content = number[0]! & 0x80 ? Buffer.concat([Buffer.alloc(1), number]) : number;
    return Buffer.concat([Buffer.from([0x02, content.length]), content]);
  });
  const body = Buffer.concat(integers);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Other texts of the same octets, which a forgiving decoder takes. */
export const SPELLINGS: readonly (readonly [string, (text: string) => string])[] = [
  ["set trailing bits", (text) => text.slice(0, -1) + ALPHABET[ALPHABET.indexOf(text.at(-1)!) | 1]!],
  ["padding", (text) => `${text}==`],
  ["a line break in it", (text) => `${text.slice(0, -9)}\n${text.slice(-9)}`],
  ["a space behind it", (text) => `${text} `],
  ["a fourth part", (text) => `${text}.AAAA`],
  ["the other alphabet", (text) => text.replace(/[-_](?=[^.]*$)/g, (sign) => (sign === "-" ? "+" : "/"))],
];
