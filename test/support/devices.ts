import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { ecdsa, ed25519, jws, rsa, type Signer } from "./assertions.js";

/** Iothentix devices and their signed texts, written out so that each can be wrong in one place. */

export interface DeviceKey {
  readonly alg: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly sign: Signer;
  /** The proof that it is had, by its page: over the SHA-256 of a JWT. */
  readonly prove: (jwt: string) => string;
}

/** A new key of each type that a device may have. */
export const NEW_KEYS = {
  ES256: () => ecKey("ES256", "P-256"),
  ES384: () => ecKey("ES384", "P-384", "sha384"),
  EdDSA: (): DeviceKey => {
    const pair = generateKeyPairSync("ed25519");
    const prove = (jwt: string) =>
      sign(null, createHash("sha256").update(jwt).digest(), pair.privateKey).toString("base64");
    return { alg: "EdDSA", ...pair, sign: ed25519(pair.privateKey), prove };
  },
  RS256: (): DeviceKey => {
    const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const prove = (jwt: string) => sign("sha256", Buffer.from(jwt), pair.privateKey).toString("base64");
    return { alg: "RS256", ...pair, sign: rsa(pair.privateKey), prove };
  },
} as const;

function ecKey(alg: string, namedCurve: string, hash = "sha256"): DeviceKey {
  const pair = generateKeyPairSync("ec", { namedCurve });
  const prove = (jwt: string) => sign("sha256", Buffer.from(jwt), pair.privateKey).toString("base64");
  return { alg, ...pair, sign: ecdsa(pair.privateKey, hash), prove };
}

/** The PEM of a public key, as its page has it in `public_key`. */
export function pemOf({ publicKey }: DeviceKey): string {
  return publicKey.export({ type: "spki", format: "pem" }).toString();
}

/** A provisioning entry. */
export function deviceEntry(device_id: string, { publicKey }: DeviceKey, more: object = {}): object {
  return { device_id, jwk: publicKey.export({ format: "jwk" }), scope: "tenant.demo refresh.token temp", ...more };
}

/** A jti as the pages have it: 32 hexadecimal digits. */
export function newJti(): string {
  return randomBytes(16).toString("hex").toUpperCase();
}

/** A JWT that proves who a device is, but for what is said otherwise; what is undefined is left out. */
export function deviceJwt(
  device_id: string,
  key: DeviceKey,
  { header = {}, claims = {}, signer = key.sign }: { header?: object; claims?: object; signer?: Signer } = {},
): string {
  return jws(
    { alg: key.alg, typ: "JWT", kid: device_id, ...header },
    { sub: device_id, jti: newJti(), ...claims },
    signer,
  );
}
