import { generateKeyPairSync, sign, verify } from "node:crypto";

/** Bytes of r, and of s, in an ES256 signature as JWS writes it (RFC 7518 section 3.4). */
const HALF = 32;

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const HEADER = `${encode({ alg: "ES256", typ: "at+jwt", kid: "floor" })}.`;

/** On Node 24 OpenSSL takes twice as long for the form of JWS. There the DER form is made, and then converted. */
const CONVERTS = process.versions.node.startsWith("24.");

/** Writes a JWT, at the lowest price that a correct signature has. */
export function writeJwt(claims: object): string {
  const signed = HEADER + encode(claims);
  return `${signed}.${signatureOf(Buffer.from(signed, "latin1")).toString("base64url")}`;
}

/** @returns the claims of a JWT of this process that has not expired, or undefined */
export function readJwt(text: string, now: number): { readonly jti: string; readonly exp: number } | undefined {
  const dot = text.lastIndexOf(".");
  if (!text.startsWith(HEADER)) return undefined;
  const signature = Buffer.from(text.slice(dot + 1), "base64url");
  const key = { key: publicKey, dsaEncoding: "ieee-p1363" } as const;
  if (!verify("sha256", Buffer.from(text.slice(0, dot), "latin1"), key, signature)) return undefined;
  const claims = Buffer.from(text.slice(HEADER.length, dot), "base64url").toString();
  const read = JSON.parse(claims) as { jti: string; exp: number };
  return read.exp > now ? read : undefined;
}

function signatureOf(bytes: Buffer): Buffer {
  if (CONVERTS) return fromDer(sign("sha256", bytes, privateKey));
  return sign("sha256", bytes, { key: privateKey, dsaEncoding: "ieee-p1363" });
}

/** A sequence of two integers (X.690), each with its tag and its length before it, becomes two numbers of a fixed length. */
function fromDer(der: Buffer): Buffer {
  const signature = Buffer.alloc(2 * HALF);
  const firstLength = der[3]!;
  const second = 4 + firstLength + 2;
  putNumber(der.subarray(4, 4 + firstLength), signature.subarray(0, HALF));
  putNumber(der.subarray(second, second + der[second - 1]!), signature.subarray(HALF));
  return signature;
}

/** Copies a number so that it ends where its place ends. A leading zero byte, which only shows the sign, has no room there. */
function putNumber(number: Buffer, place: Buffer): void {
  const digits = number.subarray(Math.max(0, number.length - HALF));
  place.set(digits, HALF - digits.length);
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
