import type { FastifyInstance } from "fastify";
import { DPOP_ALGORITHMS } from "../clients/dpop.js";
import { CONTENT_ENCRYPTIONS, RESPONSE_ENCRYPTION_ALGORITHMS } from "../clients/encryption.js";
import { METHODS } from "../clients/methods.js";
import { SUBJECT_TYPES } from "../clients/subject.js";
import { PUBLIC_KEY_ALGORITHMS } from "../clients/methods/algorithms.js";
import type { AuthenticationMethod } from "../clients/methods/method.js";
import { SIGNING_ALGORITHMS } from "../keys/signing-key.js";
import { BUILT_IN_SCOPES } from "../tokens/claims.js";
import { PASSWORD_ACR } from "../browser/authorize/claims-parameter.js";
import { PROMPTS } from "../browser/authorize/next.js";
import { RESPONSE_MODES } from "../browser/authorize/target.js";
import { UI_LOCALES } from "../browser/view.js";
import type { EndpointMetadata, OperationName } from "./operations.js";

/** The paths of a dialect's endpoints, below the issuer. */
export interface MountedPaths {
  readonly jwks: string;
  readonly operations: Readonly<Partial<Record<OperationName, string>>>;
  /** Whether a client_id may be the URL of a metadata document. */
  readonly clientDocuments: boolean;
  readonly signsIntrospection: boolean;
  readonly pairwiseSubjects: boolean;
  /** The paths that browsers are sent to. */
  readonly pages: { readonly authorize?: string; readonly logout?: string };
}

/** The registries that the documents are derived from. */
export type MetadataSources = Pick<FastifyInstance, "core" | "grants" | "operations">;

/**
 * Scopes that are not advertised: those with power over other clients' tokens, and the consent to claims gathering of UMA.
 */
const NOT_ASKED_FOR = /^(jeton:|uma_claims$)/;

/**
 * The metadata document (RFC 8414, OpenID Connect Discovery). It is derived from the registries, so a new grant, method,
 * endpoint or scope appears in it without further changes.
 */
export async function metadataDocument(app: MetadataSources, mounted: MountedPaths): Promise<object> {
  const { issuer, registry } = app.core;
  const scopes = [...BUILT_IN_SCOPES, ...(await registry.scopes()).values()];
  return {
    issuer,
    ...endpointUrls(app, mounted, "all"),
    jwks_uri: issuer + mounted.jwks,
    grant_types_supported: app.grants.types,
    ...authorizationMetadata(issuer, mounted),
    scopes_supported: [...new Set(scopes.map(({ name }) => name))].filter((name) => !NOT_ASKED_FOR.test(name)),
    ...authenticationMetadata(app, mounted),
    client_id_metadata_document_supported: mounted.clientDocuments ? true : undefined,
    dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
    subject_types_supported: mounted.pairwiseSubjects ? SUBJECT_TYPES : ["public"],
    id_token_signing_alg_values_supported: SIGNING_ALGORITHMS,
    userinfo_signing_alg_values_supported: SIGNING_ALGORITHMS,
    introspection_signing_alg_values_supported: mounted.signsIntrospection ? SIGNING_ALGORITHMS : undefined,
    id_token_encryption_alg_values_supported: RESPONSE_ENCRYPTION_ALGORITHMS,
    id_token_encryption_enc_values_supported: CONTENT_ENCRYPTIONS,
    userinfo_encryption_alg_values_supported: RESPONSE_ENCRYPTION_ALGORITHMS,
    userinfo_encryption_enc_values_supported: CONTENT_ENCRYPTIONS,
    claims_supported: [...new Set(["sub", "iss", "auth_time", "acr", ...scopes.flatMap(({ claims }) => claims)])],
  };
}

/** How clients authenticate at each endpoint where they do (RFC 8414 section 2, RFC 8705 section 3.3). */
function authenticationMetadata(app: MetadataSources, mounted: MountedPaths): object {
  const methods: readonly (readonly [string, AuthenticationMethod])[] = Object.entries(METHODS);
  const names = {
    all: methods.map(([name]) => name),
    confidential: methods.filter(([, method]) => method.confidential).map(([name]) => name),
  };
  const algorithms = [...new Set(methods.flatMap(([, { signingAlgorithms = [] }]) => signingAlgorithms))];
  const lists = describedEndpoints(app, mounted).flatMap(
    ({ member, clients }): (readonly [string, readonly string[]])[] =>
      clients === undefined
        ? []
        : [
            [`${member}_auth_methods_supported`, names[clients]],
            [`${member}_auth_signing_alg_values_supported`, algorithms],
          ],
  );
  return { ...Object.fromEntries(lists), tls_client_certificate_bound_access_tokens: true };
}

/** The URL of each mounted operation that a document has a member for. */
export function endpointUrls(
  app: MetadataSources,
  mounted: MountedPaths,
  wanted: EndpointMetadata["documents"],
): Readonly<Record<string, string>> {
  const described = describedEndpoints(app, mounted).filter(({ documents }) => documents === wanted);
  return Object.fromEntries(described.map(({ member, path }) => [member, app.core.issuer + path]));
}

/** The mounted operations that metadata describes, each with its path. */
function describedEndpoints({ operations }: MetadataSources, mounted: MountedPaths) {
  return Object.entries(mounted.operations).flatMap(([name, path]) => {
    const { metadata } = operations.get(name as OperationName).row;
    return metadata === undefined ? [] : [{ ...metadata, path }];
  });
}

/** The capabilities of the authorization endpoint (OpenID Connect Discovery section 3, RFC 9207 section 3). */
function authorizationMetadata(issuer: string, { pages: { authorize, logout }, operations }: MountedPaths): object {
  if (authorize === undefined) return { response_types_supported: [] };
  return {
    authorization_endpoint: issuer + authorize,
    end_session_endpoint: logout && issuer + logout,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
    response_types_supported: ["code"],
    response_modes_supported: RESPONSE_MODES,
    authorization_signing_alg_values_supported: SIGNING_ALGORITHMS,
    code_challenge_methods_supported: ["S256"],
    prompt_values_supported: PROMPTS,
    display_values_supported: ["page"],
    acr_values_supported: [PASSWORD_ACR],
    claims_parameter_supported: true,
    request_parameter_supported: true,
    request_object_signing_alg_values_supported: PUBLIC_KEY_ALGORITHMS,
    require_signed_request_object: false,
    // Of a request_uri that would have to be fetched. A pushed one is announced by its endpoint.
    request_uri_parameter_supported: false,
    require_pushed_authorization_requests: operations.pushAuthorization === undefined ? undefined : false,
    authorization_response_iss_parameter_supported: true,
    ui_locales_supported: UI_LOCALES,
  };
}
