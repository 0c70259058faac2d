import { Refusal } from "../errors/refusal.js";
import { confirmation, shownThumbprint, type Confirmation } from "./confirmation.js";
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
export const METHOD_NAMES = Object.keys(ALL_METHODS) as [MethodName, ...MethodName[]];

/** What a registration says about its methods: a list, one method, or nothing. */
export interface RegisteredMethods {
  readonly token_endpoint_auth_method?: string | null | undefined;
  readonly token_endpoint_auth_methods?: readonly string[] | undefined;
}

/** A client registered without a method may send its secret in either place (RFC 6749 section 2.3.1). */
const EITHER_PLACE: readonly MethodName[] = ["client_secret_basic", "client_secret_post"];

/** Each method as the only one of a client. Every request of such a client asks for this list, several times. */
const ALONE: ReadonlyMap<string, readonly MethodName[]> = new Map(METHOD_NAMES.map((name) => [name, [name]]));

/** The names of a client's methods, in the order of the table above. A single method restricts the client to it. */
export function methodNames(registered: RegisteredMethods): readonly MethodName[] {
  const { token_endpoint_auth_method: only, token_endpoint_auth_methods: list = [] } = registered;
  if (list.length > 0) return METHOD_NAMES.filter((name) => list.includes(name));
  return only === null || only === undefined ? EITHER_PLACE : (ALONE.get(only) ?? []);
}

/** The rows of a client's methods. */
export function methodsOf(registered: RegisteredMethods): readonly AuthenticationMethod[] {
  return methodNames(registered).map((name) => ALL_METHODS[name]);
}

/** A registered client together with the names of its methods. */
export type ClientOfMethod = RegisteredClient & {
  readonly token_endpoint_auth_method: MethodName | null;
  readonly token_endpoint_auth_methods: readonly MethodName[];
};

/**
 * The method that a request uses: of the client's methods, the first whose credential it presents. A request without any
 * is refused by the first of them.
 */
export function usedMethod(client: ClientOfMethod, presented: PresentedCredentials): MethodName {
  const names = methodNames(client);
  return names.find((name) => ALL_METHODS[name].isPresented(presented)) ?? names[0]!;
}

export function methodNamed(name: MethodName): AuthenticationMethod {
  return ALL_METHODS[name];
}

/** How the store keeps a client's secrets: sealed as soon as one of its methods needs them in clear. */
export function secretStorage(registered: RegisteredMethods): AuthenticationMethod["secret"] {
  const kinds = methodsOf(registered).map(({ secret }) => secret);
  return (["sealed", "hashed"] as const).find((kind) => kinds.includes(kind)) ?? "none";
}

/** Whether the client is a device (docs/decisions/0010). */
export function isDevice(client: ClientOfMethod): boolean {
  return client.token_endpoint_auth_method === "device_jwt";
}

/** Whether the client has a credential (RFC 6749 section 2.1). */
export function isConfidential(client: ClientOfMethod): boolean {
  return methodsOf(client).every(({ confidential }) => confidential);
}

/**
 * Whether the client has one of the scopes that allow it to act on tokens of others. A public client never may: any
 * caller can use its client_id.
 */
export function mayActFor(client: ClientOfMethod, power: "jeton:admin" | "jeton:introspect"): boolean {
  return isConfidential(client) && client.scope.includes(power);
}

/**
 * The bindings of new tokens of an authenticated client: to its certificate, if its method or its registration says so, and
 * to the key of its DPoP proof. Chain and dates of the certificate do not matter here: the client holds its key.
 * @param jkt the thumbprint of the key of the proof
 * @throws Refusal client_certificate_missing
 */
export function bindingsOf(
  client: ClientOfMethod,
  presented: PresentedCredentials,
  jkt: string | undefined,
): Confirmation | undefined {
  const binds = bindsToCertificate(client, usedMethod(client, presented), presented.certificate !== undefined);
  return confirmation(binds ? shownThumbprint(presented) : undefined, jkt);
}

/**
 * Whether the tokens of a client are bound to its certificate.
 * @throws Refusal client_certificate_missing
 */
export function bindsToCertificate(client: ClientOfMethod, method: MethodName, hasCertificate: boolean): boolean {
  const binds = methodNamed(method).bindsTokens === true || client.tls_client_certificate_bound_access_tokens;
  if (binds && !hasCertificate) throw new Refusal("client_certificate_missing");
  return binds;
}
