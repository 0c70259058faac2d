import { METHODS } from "../clients/methods.js";
import type { Core } from "../core.js";
import type { GrantRegistry } from "../grants/grant.js";
import { SIGNING_ALGORITHMS } from "../keys/ring.js";
import { BUILT_IN_SCOPES } from "../tokens/claims.js";
import type { OperationName } from "./operations.js";

/** Where a dialect has its endpoints, as paths below the issuer. */
export interface MountedPaths {
  readonly jwks: string;
  readonly operations: Readonly<Partial<Record<OperationName, string>>>;
}

/** The metadata name of each operation's URL (RFC 8414 section 2). */
const ENDPOINT_NAMES: Readonly<Record<OperationName, string>> = {
  token: "token_endpoint",
  revoke: "revocation_endpoint",
  introspect: "introspection_endpoint",
};

/** Scopes that are powers over other clients' tokens: nobody is invited to ask for them. */
const POWERS = /^jeton:/;

/**
 * The metadata document (RFC 8414, OpenID Connect Discovery), derived from what is registered: a grant, a client
 * authentication method or a scope that is added appears in it by itself.
 */
export async function metadataDocument(
  { issuer, registry }: Core,
  grants: GrantRegistry,
  { jwks, operations }: MountedPaths,
): Promise<object> {
  const endpoints = Object.entries(operations).map(([operation, path]) => [
    ENDPOINT_NAMES[operation as OperationName],
    issuer + path,
  ]);
  const scopes = [...BUILT_IN_SCOPES, ...(await registry.scopes()).values()];
  const methods = Object.keys(METHODS);
  const confidential = methods.filter((name) => METHODS[name]?.confidential);
  return {
    issuer,
    ...Object.fromEntries(endpoints),
    jwks_uri: issuer + jwks,
    grant_types_supported: grants.types,
    response_types_supported: [],
    scopes_supported: [...new Set(scopes.map(({ name }) => name))].filter((name) => !POWERS.test(name)),
    token_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_methods_supported: confidential,
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: SIGNING_ALGORITHMS,
  };
}
