import type { Code, Kind } from "../errors/catalogue.js";
import { row } from "../errors/catalogue.js";
import { DEVICE_CODE_GRANT } from "../grants/device-code.js";
import { UMA_TICKET_TYPES } from "../grants/uma-ticket.js";

/**
 * The checks of a request, and the order in which each operation makes them. A refusal belongs to one check, by its code. So the
 * checks that were made follow from the refusal, and a request need not record them.
 */
export type Check =
  | "request" // it can be read
  | "grant_type"
  | "parameters"
  | "client" // registered, enabled, and in the dialect
  | "authentication"
  | "permission" // grant types, response types, and what else a client is registered for
  | "keys" // of DPoP proofs and certificates
  | "request_object" // pushed and signed requests
  | "redirect_uri"
  | "pkce"
  | "resource" // RFC 8707
  | "credential" // a password, code, token, assertion or ticket
  | "person"
  | "rules" // of UMA, of token exchange and of trusted issuers
  | "scope"
  | "login"
  | "consent"
  | "limits"
  | "tokens" // they can be made
  | "server"; // it could do its work

/** The check that refuses with the codes of a kind, unless the next table names another. */
const OF_KIND: Readonly<Record<Kind, Check>> = {
  malformed: "parameters",
  unprocessable: "parameters",
  unsupported_grant: "grant_type",
  bad_option: "request",
  no_credentials: "authentication",
  bad_credentials: "authentication",
  not_allowed: "permission",
  bad_scope: "scope",
  bad_target: "resource",
  bad_grant: "credential",
  authorization_pending: "credential",
  slow_down: "credential",
  expired_token: "credential",
  grant_denied: "consent",
  bad_token: "credential",
  bad_proof: "keys",
  no_nonce: "keys",
  bad_token_proof: "keys",
  no_token_nonce: "keys",
  insufficient_scope: "scope",
  unsupported_response_type: "parameters",
  access_denied: "consent",
  login_required: "login",
  consent_required: "consent",
  request_not_supported: "request_object",
  request_uri_not_supported: "request_object",
  bad_request_object: "request_object",
  bad_request_uri: "request_object",
  registration_not_supported: "parameters",
  bad_redirect_uri: "parameters",
  bad_client_metadata: "parameters",
  bad_software_statement: "parameters",
  need_info: "rules",
  request_submitted: "rules",
  request_denied: "rules",
  bad_resource: "parameters",
  not_found: "credential",
  conflict: "parameters",
  precondition_failed: "parameters",
  wrong_method: "request",
  not_acceptable: "request",
  too_slow: "request",
  incomplete: "request",
  too_large: "request",
  wrong_media_type: "request",
  expectation_failed: "request",
  too_many: "limits",
  headers_too_large: "request",
  internal: "server",
  not_implemented: "request",
  busy: "server",
  no_proxy: "request",
};

const OF_CODE: Readonly<Partial<Record<Code, Check>>> = {
  grant_type_missing: "grant_type",
  client_unknown: "client",
  client_document_unusable: "client",
  client_methods_mixed: "authentication",
  client_ids_differ: "authentication",
  client_must_be_confidential: "permission",
  client_certificate_missing: "keys",
  dpop_proof_missing: "keys",
  dpop_unsupported: "keys",
  redirect_uri_unknown: "redirect_uri",
  redirect_uri_missing: "redirect_uri",
  code_redirect_uri_unknown: "redirect_uri",
  code_challenge_missing: "pkce",
  code_challenge_method_unsupported: "pkce",
  pushed_request_required: "request_object",
  request_object_required: "request_object",
  request_uri_pushed: "request_object",
  subject_token_invalid: "credential",
  actor_token_invalid: "credential",
  exchange_too_long: "credential",
  exchange_not_allowed: "rules",
  policy_not_satisfied: "rules",
  interaction_unknown: "login",
  interaction_answered: "login",
  interaction_declined: "login",
  interaction_foreign: "login",
  form_foreign: "login",
  audiences_disagree: "tokens",
  encryption_key_unknown: "tokens",
  registrations_too_many: "limits",
  hashing_busy: "limits",
  body_missing: "request",
  body_malformed: "request",
  json_malformed: "request",
  cbor_malformed: "request",
  http_malformed: "request",
  coap_block_size_reserved: "request",
  coap_block_size_wrong: "request",
  coap_block_beyond: "request",
};

/** Refusals with a code of another check, by the reason in the log. */
const OF_REASON: Readonly<Partial<Record<Code, Readonly<Record<string, Check>>>>> = {
  resource_owner_credentials_wrong: { "the user is disabled": "person" },
  target_unknown: { "no scope is for it": "scope" },
  assertion_grant_invalid: {
    "its issuer is disabled": "rules",
    "the client may not use this issuer": "rules",
    "no such user, or a disabled one": "person",
  },
};

/** The check that refused a request. */
export function checkOf(code: Code, reason?: string): Check {
  const byReason = reason === undefined ? undefined : OF_REASON[code]?.[reason];
  return byReason ?? OF_CODE[code] ?? OF_KIND[row(code).kind];
}

/** The checks of every token request, up to those of its grant. */
const TOKEN: readonly Check[] = [
  ...(["request", "grant_type", "parameters", "client", "authentication", "permission", "keys", "resource"] as const),
];

const OF_GRANT: Readonly<Record<string, readonly Check[]>> = {
  client_credentials: ["scope"],
  password: ["credential", "person", "scope"],
  refresh_token: ["credential", "person", "scope"],
  authorization_code: ["credential", "person", "redirect_uri", "scope"],
  [DEVICE_CODE_GRANT]: ["credential", "person", "scope"],
  "urn:ietf:params:oauth:grant-type:token-exchange": ["credential", "rules", "scope"],
  "urn:ietf:params:oauth:grant-type:jwt-bearer": ["rules", "scope", "credential", "person"],
  ...Object.fromEntries(
    UMA_TICKET_TYPES.map((type): [string, readonly Check[]] => [type, ["credential", "scope", "rules"]]),
  ),
};

const AUTHORIZATION: readonly Check[] = [
  ...(["redirect_uri", "request_object", "parameters", "permission", "resource", "scope", "pkce"] as const),
];

const OF_OPERATION: Readonly<Record<string, readonly Check[]>> = {
  authorize: ["request", "client", ...AUTHORIZATION, "login", "consent"],
  interaction: ["request", "client", "redirect_uri", "login", "consent"],
  pushAuthorization: ["request", "client", "authentication", ...AUTHORIZATION, "keys"],
  deviceAuthorization: ["request", "parameters", "client", "authentication", "permission", "resource", "scope"],
  revoke: ["request", "parameters", "client", "authentication", "credential"],
  introspect: ["request", "parameters", "client", "authentication", "permission", "credential", "rules"],
  renewToken: ["request", "parameters", "credential", "permission", "scope"],
};

const OTHERS: readonly Check[] = [
  "request",
  "client",
  "authentication",
  "parameters",
  "permission",
  "credential",
  "scope",
];

/** The checks of a request, in their order. */
export function checksOf(operation: string | undefined, grant_type: string | undefined): readonly Check[] {
  if (operation === "token" || operation === "appToken") {
    const ofGrant = grant_type === undefined ? undefined : OF_GRANT[grant_type];
    return [...TOKEN, ...(ofGrant ?? []), "tokens"];
  }
  return OF_OPERATION[operation ?? ""] ?? OTHERS;
}

/** Whether the rules of an operation are known. Any other one is as it was. */
export function hasRules(operation = ""): boolean {
  return operation === "token" || operation === "appToken" || Object.hasOwn(OF_OPERATION, operation);
}

/** What became of a check. `unknown`: the refusal does not tell how far the request came. */
export type CheckResult = "passed" | "refused" | "not_reached" | "unknown";

/**
 * The checks of a decision with their results.
 * @param refusedBy the check that refused; undefined if the request was granted
 */
export function resultsOf(
  checks: readonly Check[],
  refusedBy: Check | undefined,
): readonly { readonly check: Check; readonly result: CheckResult }[] {
  if (refusedBy === undefined) return checks.map((check) => ({ check, result: "passed" }));
  const place = checks.indexOf(refusedBy);
  if (place < 0) {
    return [...checks.map((check) => ({ check, result: "unknown" }) as const), { check: refusedBy, result: "refused" }];
  }
  return checks.map((check, index) => ({
    check,
    result: index < place ? "passed" : index === place ? "refused" : "not_reached",
  }));
}
