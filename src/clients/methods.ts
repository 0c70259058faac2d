import { Refusal } from "../errors/refusal.js";
import { thumbprintOf } from "./certificate.js";
import { clientSecretBasic } from "./methods/client-secret-basic.js";
import { clientSecretJwt } from "./methods/client-secret-jwt.js";
import { clientSecretPost } from "./methods/client-secret-post.js";
import { deviceJwt } from "./methods/device-jwt.js";
import type { AuthenticationMethod } from "./methods/method.js";
import { none } from "./methods/none.js";
import { privateKeyJwt } from "./methods/private-key-jwt.js";
import { selfSignedTlsClientAuth } from "./methods/self-signed-tls-client-auth.js";
import { tlsClientAuth } from "./methods/tls-client-auth.js";
import type { PresentedCredentials } from "./presented.js";
import type { RegisteredClient } from "./registered-client.js";

/** Every method there is, by its registered name; the metadata documents and the provisioning schema list these. */
export const METHODS = {
  client_secret_basic: clientSecretBasic,
  client_secret_post: clientSecretPost,
  client_secret_jwt: clientSecretJwt,
  private_key_jwt: privateKeyJwt,
  tls_client_auth: tlsClientAuth,
  self_signed_tls_client_auth: selfSignedTlsClientAuth,
  none,
} as const satisfies Record<string, AuthenticationMethod>;

/** The method of devices is no part of registrations and metadata. */
const ALL_METHODS = { ...METHODS, device_jwt: deviceJwt } as const;

type MethodName = keyof typeof ALL_METHODS;
export const METHOD_NAMES = Object.keys(ALL_METHODS) as [MethodName];

/** A registered client together with the name of its method. */
export type ClientOfMethod = RegisteredClient & { readonly token_endpoint_auth_method: MethodName };

/** The method the client is registered with. */
export function methodOf(client: ClientOfMethod): AuthenticationMethod {
  return ALL_METHODS[client.token_endpoint_auth_method];
}

/** How the store keeps the secret of clients with this method; "none" for a name that is no method. */
export function secretStorage(name: string): AuthenticationMethod["secret"] {
  return Object.hasOwn(ALL_METHODS, name) ? ALL_METHODS[name as MethodName].secret : "none";
}

/** Whether the client is a device (docs/decisions/0010). */
export function isDevice(client: ClientOfMethod): boolean {
  return client.token_endpoint_auth_method === "device_jwt";
}

/** Whether the client has a credential (RFC 6749 section 2.1). */
export function isConfidential(client: ClientOfMethod): boolean {
  return methodOf(client).confidential;
}

/**
 * Whether the client has one of the scopes that allow it to act on tokens of others. A public client never may: any
 * caller can use its client_id.
 */
export function mayActFor(client: ClientOfMethod, power: "jeton:admin" | "jeton:introspect"): boolean {
  return isConfidential(client) && client.scope.includes(power);
}

/** The binding of an access token (RFC 8705 section 3.1): a request with it must present the same certificate. */
export interface Confirmation {
  readonly "x5t#S256": string;
}

/**
 * The binding for new tokens of an authenticated client; undefined if neither its method nor its registration binds
 * them. Chain and dates of the certificate do not matter here: the client holds its key.
 * @throws Refusal client_certificate_missing
 */
export function confirmationOf(
  client: ClientOfMethod,
  { certificate }: PresentedCredentials,
): Confirmation | undefined {
  const binds = methodOf(client).bindsTokens === true || client.tls_client_certificate_bound_access_tokens;
  if (!binds) return undefined;
  if (certificate === undefined) throw new Refusal("client_certificate_missing");
  return { "x5t#S256": thumbprintOf(certificate.der) };
}

/** The SHA-256 thumbprint of the presented certificate, in base64url. */
export function shownThumbprint({ certificate }: PresentedCredentials): string | undefined {
  return certificate && thumbprintOf(certificate.der);
}

/**
 * Whether the presented certificate satisfies the binding of a token (RFC 8705 section 3). An unbound token needs none.
 */
export function satisfiesConfirmation(cnf: Confirmation | undefined, { certificate }: PresentedCredentials): boolean {
  return cnf === undefined || (certificate !== undefined && thumbprintOf(certificate.der) === cnf["x5t#S256"]);
}
