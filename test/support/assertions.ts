import { createHash, createHmac, randomUUID, sign, type KeyObject } from "node:crypto";
import { CompactEncrypt } from "jose";
import type { Form } from "./instance.js";

/** Assertions of clients, good and broken, written out so that each can be wrong in one place. */

export const JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** The parameters that carry an assertion. */
export function asserted(client_assertion: string, more: Form = {}): Form {
  return { client_assertion_type: JWT_BEARER, client_assertion, ...more };
}

/** The claims of a good assertion, but for what is said otherwise; what is undefined is left out. */
export function claimsOf(client_id: string, aud: unknown, now: number, changed: object = {}): object {
  const seconds = Math.floor(now / 1000);
  return { iss: client_id, sub: client_id, aud, jti: randomUUID(), iat: seconds, exp: seconds + 60, ...changed };
}

export type Signer = (data: Buffer) => Buffer;

/** HMAC with the octets of a text or a key. */
export function hmac(secret: string | Buffer, hash = "sha256"): Signer {
  return (data) => createHmac(hash, secret).update(data).digest();
}

/** ECDSA as JOSE writes it: r and s side by side (RFC 7518 section 3.4). */
export function ecdsa(key: KeyObject, hash = "sha256", dsaEncoding: "ieee-p1363" | "der" = "ieee-p1363"): Signer {
  return (data) => sign(hash, data, { key, dsaEncoding });
}

/** RSASSA-PKCS1-v1_5, or another padding. */
export function rsa(key: KeyObject, options: object = {}): Signer {
  return (data) => sign("sha256", data, { key, ...options });
}

export function ed25519(key: KeyObject): Signer {
  return (data) => sign(null, data, key);
}

/** A JWS in compact form out of any header and payload. */
export function jws(header: unknown, payload: unknown, signer: Signer): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${signer(Buffer.from(input)).toString("base64url")}`;
}

function encode(part: unknown): string {
  return Buffer.from(typeof part === "string" ? part : JSON.stringify(part)).toString("base64url");
}

const CONTENT_KEYS: Readonly<Record<string, readonly [hash: string, size: number]>> = {
  "A128CBC-HS256": ["sha256", 32],
  "A192CBC-HS384": ["sha384", 48],
  "A256CBC-HS512": ["sha512", 64],
  A128GCM: ["sha256", 16],
  A256GCM: ["sha256", 32],
};

/** A JWE whose content key is derived from a secret (OpenID Connect Core section 10.2). */
export function encryptWithSecret(plain: string, secret: string, enc = "A128CBC-HS256", header = {}): Promise<string> {
  const [hash, size] = CONTENT_KEYS[enc]!;
  const key = createHash(hash).update(secret).digest().subarray(0, size);
  return new CompactEncrypt(Buffer.from(plain)).setProtectedHeader({ alg: "dir", enc, ...header }).encrypt(key);
}
