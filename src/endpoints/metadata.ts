import { METHODS } from "../clients/methods.js";
import type { AuthenticationMethod } from "../clients/methods/method.js";
import type { Core } from "../core.js";
import type { GrantRegistry } from "../grants/grant.js";
import { SIGNING_ALGORITHMS } from "../keys/ring.js";
import { BUILT_IN_SCOPES } from "../tokens/claims.js";
import { PASSWORD_ACR } from "../browser/authorize/claims-parameter.js";
import { PROMPTS } from "../browser/authorize/next.js";
import { RESPONSE_MODES } from "../browser/authorize/request.js";
import { UI_LOCALES } from "../browser/view.js";
import type { OperationName } from "./operations.js";

/** Where a dialect has its endpoints, as paths below the issuer. */
export interface MountedPaths {
  readonly jwks: string;
  readonly operations: Readonly<Partial<Record<OperationName, string>>>;
  /** Where people's browsers are sent. */
  readonly pages: { readonly authorize?: string; readonly logout?: string };
}

/** The metadata name of each operation's URL (RFC 8414 section 2). */
const ENDPOINT_NAMES: Readonly<Partial<Record<OperationName, string>>> = {
  token: "token_endpoint",
  revoke: "revocation_endpoint",
  introspect: "introspection_endpoint",
  userinfo: "userinfo_endpoint",
};

/**
 * Scopes that nobody is invited to ask for: powers over other clients' tokens, and what people agree to when they say who
 * they are for UMA.
 */
const NOT_ASKED_FOR = /^(jeton:|uma_claims$)/;

/**
 * The metadata document (RFC 8414, OpenID Connect Discovery), derived from what is registered: a grant, a client
 * authentication method or a scope that is added appears in it by itself.
 */
export async function metadataDocument(
  { issuer, registry }: Core,
  grants: GrantRegistry,
  { jwks, operations, pages }: MountedPaths,
): Promise<object> {
  const scopes = [...BUILT_IN_SCOPES, ...(await registry.scopes()).values()];
  return {
    issuer,
    ...endpointMetadata(issuer, operations),
    jwks_uri: issuer + jwks,
    grant_types_supported: grants.types,
    ...authorizationMetadata(issuer, pages),
    scopes_supported: [...new Set(scopes.map(({ name }) => name))].filter((name) => !NOT_ASKED_FOR.test(name)),
    ...authenticationMetadata(),
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: SIGNING_ALGORITHMS,
    userinfo_signing_alg_values_supported: SIGNING_ALGORITHMS,
    claims_supported: [...new Set(["sub", "iss", "auth_time", "acr", ...scopes.flatMap(({ claims }) => claims)])],
  };
}

/** How clients may prove who they are, at each endpoint that asks (RFC 8414 section 2, RFC 8705 section 3.3). */
function authenticationMetadata(): object {
  const methods: readonly (readonly [string, AuthenticationMethod])[] = Object.entries(METHODS);
  const all = methods.map(([name]) => name);
  const confidential = methods.filter(([, method]) => method.confidential).map(([name]) => name);
  const algorithms = [...new Set(methods.flatMap(([, { signingAlgorithms = [] }]) => signingAlgorithms))];
  const endpoints = { token_endpoint: all, revocation_endpoint: all, introspection_endpoint: confidential };
  const lists: (readonly [string, readonly string[]])[] = Object.entries(endpoints).flatMap(([endpoint, names]) => [
    [`${endpoint}_auth_methods_supported`, names],
    [`${endpoint}_auth_signing_alg_values_supported`, algorithms],
  ]);
  return { ...Object.fromEntries(lists), tls_client_certificate_bound_access_tokens: true };
}

/** The URL of each operation that metadata has a name for. */
export function endpointMetadata(
  issuer: string,
  operations: MountedPaths["operations"],
): Readonly<Record<string, string>> {
  const named = Object.entries(ENDPOINT_NAMES).filter(([operation]) => Object.hasOwn(operations, operation));
  return Object.fromEntries(named.map(([operation, name]) => [name, issuer + operations[operation as OperationName]]));
}

/** What the authorization endpoint can do (OpenID Connect Discovery section 3, RFC 9207 section 3). */
function authorizationMetadata(issuer: string, { authorize, logout }: MountedPaths["pages"]): object {
  if (authorize === undefined) return { response_types_supported: [] };
  return {
    authorization_endpoint: issuer + authorize,
    ...(logout === undefined ? {} : { end_session_endpoint: issuer + logout }),
    response_types_supported: ["code"],
    response_modes_supported: RESPONSE_MODES,
    code_challenge_methods_supported: ["S256"],
    prompt_values_supported: PROMPTS,
    display_values_supported: ["page"],
    acr_values_supported: [PASSWORD_ACR],
    claims_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    authorization_response_iss_parameter_supported: true,
    ui_locales_supported: UI_LOCALES,
  };
}
