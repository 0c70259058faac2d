import { hash, type JsonWebKey } from "node:crypto";
import { thumbprintOf } from "./certificate.js";
import type { PresentedCredentials } from "./presented.js";

/**
 * The keys that a token is bound to, as `cnf` names them. A request with the token has to show that it holds each of them.
 * The same type describes the keys that a request has shown.
 */
export interface Confirmation {
  /** The SHA-256 thumbprint of a certificate, in base64url (RFC 8705 section 3.1). */
  readonly "x5t#S256"?: string | undefined;
  /** The SHA-256 thumbprint of the key of DPoP proofs, in base64url (RFC 9449 section 6.1). */
  readonly jkt?: string | undefined;
}

/** The bindings of one token; undefined if it has none. */
export function confirmation(certificate: string | undefined, jkt: string | undefined): Confirmation | undefined {
  return certificate === undefined && jkt === undefined ? undefined : { "x5t#S256": certificate, jkt };
}

/** Whether a request has shown every key that a token is bound to. An unbound token needs none. */
export function isHeldBy(cnf: Confirmation | undefined, shown: Confirmation): boolean {
  if (cnf === undefined) return true;
  const { "x5t#S256": certificate = shown["x5t#S256"], jkt = shown.jkt } = cnf;
  return certificate === shown["x5t#S256"] && jkt === shown.jkt;
}

/** The thumbprint of the certificate of a request. */
export function shownThumbprint({ certificate }: PresentedCredentials): string | undefined {
  return certificate && thumbprintOf(certificate.der);
}

/** How a bound token is presented (RFC 9449 section 5): its `token_type`. */
export type TokenType = "Bearer" | "DPoP";

export function tokenTypeOf(cnf: Confirmation | undefined): TokenType {
  return cnf?.jkt === undefined ? "Bearer" : "DPoP";
}

/** The members of a public key that identify it, in their order, by its type (RFC 7638 section 3.2). */
const IDENTIFYING: ReadonlyMap<unknown, readonly (keyof JsonWebKey)[]> = new Map([
  ["EC", ["crv", "kty", "x", "y"]],
  ["OKP", ["crv", "kty", "x"]],
  ["RSA", ["e", "kty", "n"]],
]);

/** The members that identify a public key, and nothing else; undefined for another type of key. */
export function identifyingMembers(jwk: JsonWebKey): JsonWebKey | undefined {
  const names = IDENTIFYING.get(jwk.kty);
  return names && Object.fromEntries(names.map((name) => [name, jwk[name]]));
}

/** The SHA-256 thumbprint of a public key (RFC 7638), in base64url. */
export function jwkThumbprint(jwk: JsonWebKey): string {
  return hash("sha256", JSON.stringify(identifyingMembers(jwk)), "base64url");
}
