import { generateKeyPairSync, hash, randomUUID, type JsonWebKey, type KeyObject } from "node:crypto";
import type { Clock } from "../../src/clock.js";
import { ecdsa, jws, type Signer } from "./assertions.js";

/** A key of a client, and the proofs that it makes: good ones, and such that are wrong in one place (RFC 9449 section 4.2). */

export interface DpopKey {
  readonly privateKey: KeyObject;
  readonly jwk: JsonWebKey;
  /** RFC 7638. */
  readonly jkt: string;
}

export function dpopKey(namedCurve = "P-256"): DpopKey {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve });
  const jwk = publicKey.export({ format: "jwk" });
  const { crv, kty, x, y } = jwk;
  return { privateKey, jwk, jkt: hash("sha256", JSON.stringify({ crv, kty, x, y }), "base64url") };
}

/** The differences from a good proof; a member that is undefined is left out. */
export interface ProofChanges {
  readonly header?: object;
  readonly claims?: object;
  readonly signer?: Signer;
}

/** Makes proofs for requests to a server. */
export function prover(issuer: string, clock: Clock) {
  return (key: DpopKey, htm: string, path: string, { header, claims, signer }: ProofChanges = {}): string => {
    const iat = Math.floor(clock.now() / 1000);
    return jws(
      { typ: "dpop+jwt", alg: "ES256", jwk: key.jwk, ...header },
      { jti: randomUUID(), htm, htu: issuer + path, iat, ...claims },
      signer ?? ecdsa(key.privateKey),
    );
  };
}

/** The claim `ath` for an access token. */
export function hashOf(accessToken: string): { readonly ath: string } {
  return { ath: hash("sha256", accessToken, "base64url") };
}
