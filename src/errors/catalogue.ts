/**
 * All refusals of this server, one row each.
 *
 * A row has a kind, the message that leaves the server (with named slots), a remedy for the reader of the message, and a
 * reference. The kind determines the standard's error word and status, and a dialect may word it differently. Nothing else
 * in the code chooses a word or a status. Rows with a `documented` number are the thirty messages of the Token API page,
 * byte for byte. A test holds `docs/errors.md` equal to this table. A published code keeps its meaning for ever: retire a
 * row, and never reuse its code.
 */

/** The kinds of refusal, each with the word and the HTTP status that the standards give it. */
export const KINDS = {
  malformed: { error: "invalid_request", status: 400 },
  unsupported_grant: { error: "unsupported_grant_type", status: 400 },
  bad_option: { error: "invalid_request", status: 402 },
  no_credentials: { error: "invalid_client", status: 401 },
  bad_credentials: { error: "invalid_client", status: 401 },
  not_allowed: { error: "unauthorized_client", status: 400 },
  bad_scope: { error: "invalid_scope", status: 400 },
  bad_target: { error: "invalid_target", status: 400 },
  bad_grant: { error: "invalid_grant", status: 400 },
  authorization_pending: { error: "authorization_pending", status: 400 },
  slow_down: { error: "slow_down", status: 400 },
  expired_token: { error: "expired_token", status: 400 },
  grant_denied: { error: "access_denied", status: 400 },
  bad_token: { error: "invalid_token", status: 401 },
  bad_proof: { error: "invalid_dpop_proof", status: 400 },
  no_nonce: { error: "use_dpop_nonce", status: 400 },
  bad_token_proof: { error: "invalid_dpop_proof", status: 401 },
  no_token_nonce: { error: "use_dpop_nonce", status: 401 },
  insufficient_scope: { error: "insufficient_scope", status: 403 },
  unsupported_response_type: { error: "unsupported_response_type", status: 400 },
  access_denied: { error: "access_denied", status: 403 },
  login_required: { error: "login_required", status: 400 },
  consent_required: { error: "consent_required", status: 400 },
  request_not_supported: { error: "request_not_supported", status: 400 },
  request_uri_not_supported: { error: "request_uri_not_supported", status: 400 },
  bad_request_object: { error: "invalid_request_object", status: 400 },
  bad_request_uri: { error: "invalid_request_uri", status: 400 },
  registration_not_supported: { error: "registration_not_supported", status: 400 },
  bad_redirect_uri: { error: "invalid_redirect_uri", status: 400 },
  bad_client_metadata: { error: "invalid_client_metadata", status: 400 },
  bad_software_statement: { error: "unapproved_software_statement", status: 400 },
  need_info: { error: "need_info", status: 403 },
  request_submitted: { error: "request_submitted", status: 403 },
  request_denied: { error: "request_denied", status: 403 },
  bad_resource: { error: "invalid_resource_id", status: 400 },
  not_found: { error: "not_found", status: 404 },
  conflict: { error: "conflict", status: 409 },
  wrong_method: { error: "invalid_request", status: 405 },
  not_acceptable: { error: "invalid_request", status: 406 },
  too_slow: { error: "invalid_request", status: 408 },
  incomplete: { error: "invalid_request", status: 408 },
  too_large: { error: "invalid_request", status: 413 },
  wrong_media_type: { error: "invalid_request", status: 415 },
  expectation_failed: { error: "invalid_request", status: 417 },
  too_many: { error: "temporarily_unavailable", status: 429 },
  headers_too_large: { error: "invalid_request", status: 431 },
  internal: { error: "server_error", status: 500 },
  not_implemented: { error: "invalid_request", status: 501 },
  busy: { error: "temporarily_unavailable", status: 503 },
  no_proxy: { error: "invalid_request", status: 505 },
} as const satisfies Record<string, { error: string; status: number }>;

export type Kind = keyof typeof KINDS;

interface Row {
  readonly kind: Kind;
  readonly message: string;
  /** What the receiver of the message can do. */
  readonly remedy: string;
  /** Where the refusal is specified. */
  readonly reference: string;
  /** Its place among the thirty messages of the documented Token API. */
  readonly documented?: number;
}

export const CATALOGUE = {
  grant_type_missing: {
    documented: 1,
    kind: "malformed",
    message: "the parameter grant_type is missing",
    remedy: "send grant_type in the form body",
    reference: "RFC 6749 section 5.2",
  },
  username_missing: {
    documented: 2,
    kind: "malformed",
    message: "the parameter username is missing",
    remedy: "send the login name, verified email or verified phone number as username",
    reference: "RFC 6749 section 4.3.2",
  },
  password_missing: {
    documented: 3,
    kind: "malformed",
    message: "the parameter password is missing",
    remedy: "send the password",
    reference: "RFC 6749 section 4.3.2",
  },
  scope_missing: {
    documented: 4,
    kind: "malformed",
    message: "the parameter scope is missing",
    remedy: "name the scopes; only dialects whose page requires them ask for it",
    reference: "RFC 6749 section 3.3",
  },
  refresh_token_missing: {
    documented: 5,
    kind: "malformed",
    message: "the parameter refresh_token is missing",
    remedy: "send the refresh token of the last answer",
    reference: "RFC 6749 section 6",
  },
  code_missing: {
    documented: 6,
    kind: "malformed",
    message: "the parameter code is missing",
    remedy: "send the authorization code",
    reference: "RFC 6749 section 4.1.3",
  },
  token_missing: {
    documented: 7,
    kind: "malformed",
    message: "the parameter token is missing",
    remedy: "send the token to revoke or introspect in the form body",
    reference: "RFC 7009 section 2.1, RFC 7662 section 2.1",
  },
  client_unknown: {
    documented: 8,
    kind: "bad_credentials",
    message: "the client doesn't exist",
    remedy: "send the client_id of a registered, enabled client that may use this path",
    reference: "RFC 6749 section 5.2",
  },
  client_secret_basic_wrong: {
    documented: 9,
    kind: "bad_credentials",
    message: "the client cannot be authenticated with secret basic",
    remedy: "send client_id and client_secret in the Authorization header, scheme Basic",
    reference: "RFC 6749 section 2.3.1",
  },
  client_secret_post_wrong: {
    documented: 10,
    kind: "bad_credentials",
    message: "the client cannot be authenticated with secret post",
    remedy: "send client_id and client_secret in the form body",
    reference: "RFC 6749 section 2.3.1",
  },
  client_tls_wrong: {
    documented: 11,
    kind: "bad_credentials",
    message: "the client cannot be authenticated with TLS",
    remedy: "present the registered client certificate",
    reference: "RFC 8705 section 2",
  },
  client_certificate_missing: {
    kind: "malformed",
    message: "the client must present a certificate, because its tokens are bound to one",
    remedy: "send the request over mutual TLS, with the client's certificate",
    reference: "RFC 8705 section 3.4",
  },
  dpop_proof_missing: {
    kind: "malformed",
    message: "the client must send a DPoP proof, because its tokens are bound to a key",
    remedy: "send a proof in the header DPoP with each token request",
    reference: "RFC 9449 section 5.2",
  },
  dpop_proof_invalid: {
    kind: "bad_proof",
    message: "the DPoP proof is not valid: {flaw}",
    remedy: "make a new proof for each request, with the method and the URL of that request",
    reference: "RFC 9449 section 4.3",
  },
  dpop_nonce_missing: {
    kind: "no_nonce",
    message: "the DPoP proof has no fresh nonce of this server",
    remedy: "repeat the request with a new proof, whose nonce is the value of the header DPoP-Nonce",
    reference: "RFC 9449 section 8",
  },
  dpop_token_proof_invalid: {
    kind: "bad_token_proof",
    message: "the DPoP proof beside the access token is not valid: {flaw}",
    remedy: "make a new proof for each request, with its method and URL, and with the hash of the access token in ath",
    reference: "RFC 9449 section 7.1",
  },
  dpop_token_nonce_missing: {
    kind: "no_token_nonce",
    message: "the DPoP proof beside the access token has no fresh nonce of this server",
    remedy: "repeat the request with a new proof, whose nonce is the value of the header DPoP-Nonce",
    reference: "RFC 9449 section 9",
  },
  dpop_unsupported: {
    kind: "malformed",
    message: "DPoP is not supported at this path",
    remedy: "send no header DPoP, or use the paths of the standard dialect",
    reference: "RFC 9449 section 5",
  },
  client_shared_secret_missing: {
    documented: 12,
    kind: "bad_credentials",
    message: "the client {client_id} doesn't have a shared secret",
    remedy: "register a secret for this client",
    reference: "OpenID Connect Core section 9",
  },
  assertion_not_jwe: {
    documented: 13,
    kind: "bad_credentials",
    message: "the client assertion is not a JWE token",
    remedy: "encrypt the assertion as it was registered",
    reference: "RFC 7516 section 7.1",
  },
  assertion_not_decryptable: {
    documented: 14,
    kind: "bad_credentials",
    message: "the jwe token cannot be decrypted",
    remedy: "encrypt with the registered algorithms and the client's secret",
    reference: "RFC 7516 section 5.2",
  },
  assertion_not_jws: {
    documented: 15,
    kind: "bad_credentials",
    message: "the client assertion is not a JWS token",
    remedy: "send a signed JWT in compact form",
    reference: "RFC 7515 section 7.1",
  },
  assertion_payload_unreadable: {
    documented: 16,
    kind: "bad_credentials",
    message: "the JWS payload cannot be extracted",
    remedy: "sign a JSON object with the registered key",
    reference: "RFC 7515 section 5.2",
  },
  assertion_client_wrong: {
    documented: 17,
    kind: "bad_credentials",
    message: "the client id passed in JWT is not correct",
    remedy: "set both iss and sub to the client_id",
    reference: "RFC 7523 section 3",
  },
  assertion_audience_wrong: {
    documented: 18,
    kind: "bad_credentials",
    message: "the audience passed in JWT is not correct",
    remedy: "set aud to the issuer, exactly as the metadata names it",
    reference: "RFC 7523 section 3",
  },
  assertion_expired: {
    documented: 19,
    kind: "bad_credentials",
    message: "the received JWT has expired",
    remedy: "make a new assertion for each request",
    reference: "RFC 7523 section 3",
  },
  resource_owner_credentials_wrong: {
    documented: 20,
    kind: "bad_grant",
    message: "resource owner credentials are not valid",
    remedy: "check the name and the password; the answer does not say which of them is wrong",
    reference: "RFC 6749 section 5.2",
  },
  scope_not_allowed: {
    documented: 21,
    kind: "bad_scope",
    message: "the scopes {scopes} are not allowed or invalid",
    remedy: "ask only for scopes the client is registered for, and at a refresh only for those first granted",
    reference: "RFC 6749 sections 3.3 and 6",
  },
  audiences_disagree: {
    kind: "bad_scope",
    message: "no access token suits all resource servers of these scopes",
    remedy:
      "ask for the scopes of one resource server at a time, or name it as resource: these differ in access_token_signing_alg or access_token_typ",
    reference: "RFC 9068 section 3",
  },
  subject_token_missing: {
    kind: "malformed",
    message: "the parameter subject_token is missing",
    remedy: "send the access token to exchange",
    reference: "RFC 8693 section 2.1",
  },
  subject_token_type_missing: {
    kind: "malformed",
    message: "the parameter subject_token_type is missing",
    remedy: "send urn:ietf:params:oauth:token-type:access_token",
    reference: "RFC 8693 section 2.1",
  },
  actor_token_incomplete: {
    kind: "malformed",
    message: "the parameters actor_token and actor_token_type go together",
    remedy: "send both of them or neither",
    reference: "RFC 8693 section 2.1",
  },
  token_type_unsupported: {
    kind: "malformed",
    message: "the token type is not supported",
    remedy:
      "send urn:ietf:params:oauth:token-type:access_token, or …:jwt for a JWT; id_tokens and refresh tokens are not exchanged",
    reference: "RFC 8693 section 3",
  },
  subject_token_invalid: {
    kind: "malformed",
    message: "the subject token cannot be exchanged",
    remedy:
      "send an access token of this server that is in force; a bound one with its certificate, unless it is for this client",
    reference: "RFC 8693 section 2.2.2",
  },
  actor_token_invalid: {
    kind: "malformed",
    message: "the actor token is not accepted",
    remedy: "send an access token in force that this client got itself, and that is not exchanged",
    reference: "RFC 8693 section 2.2.2",
  },
  exchange_not_allowed: {
    kind: "malformed",
    message: "the client may not exchange this token",
    remedy:
      "ask the operator for a rule in token_exchange; without an actor token it is an impersonation, with one a delegation",
    reference: "RFC 8693 section 2.2.2",
  },
  exchange_too_long: {
    kind: "malformed",
    message: "the token comes from too many exchanges",
    remedy: "exchange an earlier token of the chain",
    reference: "RFC 8693 section 4.1",
  },
  target_unknown: {
    kind: "bad_target",
    message: "no scope of the token is for the requested audience",
    remedy: "name an audience of the scopes that the token would have, as a URI exactly as it is declared",
    reference: "RFC 8707 section 2, RFC 8693 section 2.2.2",
  },
  assertion_missing: {
    kind: "malformed",
    message: "the parameter assertion is missing",
    remedy: "send the assertion of the registered issuer",
    reference: "RFC 7523 section 2.1",
  },
  assertion_grant_invalid: {
    kind: "bad_grant",
    message: "the assertion is not accepted",
    remedy:
      "get a new assertion from an issuer that is registered for this client; X-Request-Id leads to the reason in the log",
    reference: "RFC 7521 section 4.1.1, RFC 7523 section 3.1",
  },
  grant_type_not_allowed: {
    documented: 22,
    kind: "not_allowed",
    message: "the client {client_id} doesn't support the grant type {grant_type}",
    remedy: "list the grant type in the client's grant_types; client_credentials needs a confidential client",
    reference: "RFC 6749 section 5.2",
  },
  response_type_not_allowed: {
    documented: 23,
    kind: "not_allowed",
    message: "the client '{client_id}' doesn't support the response type: '{response_type}'",
    remedy: "list the response types of this grant in the client's response_types, or leave response_types out",
    reference: "RFC 7591 section 2.1",
  },
  refresh_token_invalid: {
    documented: 24,
    kind: "bad_grant",
    message: "the refresh token is not valid",
    remedy: "sign in again: the token is unknown, expired, revoked, or was used before",
    reference: "RFC 6749 section 5.2, RFC 9700 section 4.14",
  },
  refresh_token_foreign: {
    documented: 25,
    kind: "bad_grant",
    message: "the refresh token can be used only by the same issuer",
    remedy: "refresh with the client it was issued to",
    reference: "RFC 6749 section 6",
  },
  redirect_uri_malformed: {
    documented: 26,
    kind: "malformed",
    message: "Based on the RFC-3986 the redirection-uri is not well formed",
    remedy: "send the absolute redirect_uri of the authorization request",
    reference: "RFC 6749 section 4.1.3",
  },
  code_invalid: {
    documented: 27,
    kind: "bad_grant",
    message: "the authorization code is not correct",
    remedy: "start again at the authorization endpoint",
    reference: "RFC 6749 section 5.2",
  },
  body_missing: {
    documented: 28,
    kind: "malformed",
    message: "no parameter in body request",
    remedy: "send the parameters as application/x-www-form-urlencoded in the body",
    reference: "RFC 6749 section 3.2",
  },
  token_foreign: {
    documented: 29,
    kind: "bad_grant",
    message: "the token has not been issued for the given client id '{client_id}'",
    remedy: "revoke with the client it was issued to, or with one that holds jeton:admin",
    reference: "RFC 7009 section 2.1",
  },
  token_unknown: {
    documented: 30,
    kind: "bad_token",
    message: "the token doesn't exist",
    remedy: "nothing to do: the token is unknown, expired or revoked",
    reference: "RFC 7009 section 2.2 answers 200 instead; so does the standard dialect",
  },

  assertion_type_unsupported: {
    kind: "bad_credentials",
    message: "the client assertion type is not supported",
    remedy: "send client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer with the assertion",
    reference: "RFC 7521 section 4.2, RFC 7523 section 2.2",
  },
  assertion_signature_wrong: {
    kind: "bad_credentials",
    message: "the signature is not correct",
    remedy: "sign with a registered key of the client and the algorithm it is registered for",
    reference: "RFC 7523 section 3; SimpleIdentityServer 3.1",
  },
  assertion_lifetime_too_long: {
    kind: "bad_credentials",
    message: "the received JWT lives too long",
    remedy: "make a new assertion for each request; it may live 5 minutes, or the client's assertion_lifetime",
    reference: "RFC 7523 section 3",
  },
  assertion_not_yet_valid: {
    kind: "bad_credentials",
    message: "the received JWT is not valid yet",
    remedy: "set the client's clock: nbf and iat are at most 15 seconds ahead of the server's",
    reference: "RFC 7523 section 3",
  },
  assertion_without_jti: {
    kind: "bad_credentials",
    message: "the received JWT has no jti that can be used",
    remedy: "give each assertion a jti of its own, a text of at most 1024 characters",
    reference: "RFC 7523 section 3",
  },
  assertion_used: {
    kind: "bad_credentials",
    message: "the received JWT has been used before",
    remedy: "make a new assertion for each request; if this client did not send it before, another party did",
    reference: "RFC 7523 section 3",
  },
  client_keys_unavailable: {
    kind: "bad_credentials",
    message: "the keys of the client cannot be fetched",
    remedy: "make jwks_uri answer with a JWK Set, over https, without redirects, within 3 seconds",
    reference: "RFC 7591 section 2",
  },
  encryption_key_unknown: {
    kind: "bad_credentials",
    message: "the client {client_id} has no key to encrypt the response to",
    remedy: "register a public key for encryption that suits the client's …_encrypted_response_alg",
    reference: "OpenID Connect Registration section 2",
  },
  device_jwt_missing: {
    kind: "no_credentials",
    message: "no private key JWT was sent",
    remedy: "send the device's JWT as client_secret, or in the Authorization header",
    reference: "Iothentix, Token API; docs/decisions/0010-iothentix.md",
  },
  device_jwt_wrong: {
    kind: "bad_credentials",
    message: "the private key JWT of the device is not accepted",
    remedy:
      "header alg, typ and kid, claims sub and a new jti, nothing else, signed with the registered key; the log says why",
    reference: "Iothentix, authentication JWT; docs/decisions/0010-iothentix.md",
  },
  device_key_unusable: {
    kind: "bad_credentials",
    message: "the new public key cannot be used",
    remedy: "send a PEM public key (SubjectPublicKeyInfo): P-256, P-384, Ed25519, or RSA of at least 2048 bits",
    reference: "Iothentix, update public key JWT",
  },
  proof_of_possession_wrong: {
    kind: "bad_credentials",
    message: "the proof of possession was not made with the new key",
    remedy: "send pop, base64 of the new key's signature over the SHA-256 of the JWT as it was sent",
    reference: "Iothentix, proof of possession",
  },
  pop_missing: {
    kind: "malformed",
    message: "the parameter pop is missing",
    remedy: "send the proof that the new key is the device's",
    reference: "Iothentix, proof of possession",
  },
  client_id_missing: {
    kind: "malformed",
    message: "the parameter client_id is missing",
    remedy: "send client_id, the device id; only dialects whose page requires it ask for it",
    reference: "Iothentix, Token API",
  },
  renewal_not_granted: {
    kind: "not_allowed",
    message: "the token may not be renewed",
    remedy:
      "authenticate with a JWT: the token lacks the scope refresh.token, or was renewed max_renewals times in a row",
    reference: "Iothentix, renew access token",
  },
  code_verifier_wrong: {
    kind: "bad_grant",
    message: "the code verifier is not correct",
    remedy: "send the verifier of the code_challenge; one wrong attempt uses the code up, so start again",
    reference: "RFC 7636 section 4.6; SimpleIdentityServer 3.1",
  },
  code_foreign: {
    kind: "bad_grant",
    message: "the authorization code has not been issued for the given client id {client_id}",
    remedy: "exchange the code with the client that asked for it",
    reference: "RFC 6749 section 4.1.3; SimpleIdentityServer 3.1",
  },
  code_key_wrong: {
    kind: "bad_grant",
    message: "the authorization code is bound to another key",
    remedy: "send a DPoP proof of the key that dpop_jkt named in the authorization request",
    reference: "RFC 9449 section 10",
  },
  code_redirect_uri_differs: {
    kind: "bad_grant",
    message: "the redirection url is not the same than the one passed in the authorization request",
    remedy: "send the redirect_uri of the authorization request, character for character",
    reference: "RFC 6749 section 4.1.3; SimpleIdentityServer 3.1",
  },
  code_obsolete: {
    kind: "bad_grant",
    message: "the authorization code is obsolete",
    remedy: "exchange a code within a minute; start again",
    reference: "RFC 6749 section 4.1.2; SimpleIdentityServer 3.1",
  },
  code_redirect_uri_unknown: {
    kind: "bad_grant",
    message: "the redirect url {redirect_uri} doesn't exist or is not valid",
    remedy: "the redirect URI has been removed from the client; start again with a registered one",
    reference: "RFC 6749 section 3.1.2.4; SimpleIdentityServer 3.1",
  },
  device_code_missing: {
    kind: "malformed",
    message: "the parameter device_code is missing",
    remedy: "send the device_code of the device authorization response",
    reference: "RFC 8628 section 3.4",
  },
  device_code_invalid: {
    kind: "bad_grant",
    message: "the device code is not correct",
    remedy: "start again at the device authorization endpoint: the code is unknown, was used, or its grant has ended",
    reference: "RFC 8628 section 3.5",
  },
  device_code_pending: {
    kind: "authorization_pending",
    message: "the user has not answered yet",
    remedy: "poll again after the interval",
    reference: "RFC 8628 section 3.5",
  },
  device_code_polled_too_soon: {
    kind: "slow_down",
    message: "the user has not answered yet, and the request came before the interval was over",
    remedy: "wait 5 seconds longer between all further requests",
    reference: "RFC 8628 section 3.5",
  },
  device_code_expired: {
    kind: "expired_token",
    message: "the device code has expired",
    remedy: "start again at the device authorization endpoint, when the user is ready",
    reference: "RFC 8628 section 3.5",
  },
  device_code_denied: {
    kind: "grant_denied",
    message: "the user denied the request of the device",
    remedy: "tell the user, and start again only if they ask for it",
    reference: "RFC 8628 section 3.5",
  },
  redirect_uri_unknown: {
    kind: "malformed",
    message: "the redirect_uri is not registered for this client",
    remedy: "register it, character for character; the server redirects only to registered addresses",
    reference: "RFC 6749 section 3.1.2.4, RFC 9700 section 4.1.3",
  },
  redirect_uri_missing: {
    kind: "malformed",
    message: "the parameter redirect_uri is missing",
    remedy: "send it; only a client with one redirect URI that does not request openid may leave it out",
    reference: "RFC 6749 section 3.1.2.3, OpenID Connect Core section 3.1.2.1",
  },
  response_type_missing: {
    kind: "malformed",
    message: "the parameter response_type is missing",
    remedy: "send response_type=code",
    reference: "RFC 6749 section 3.1.1",
  },
  response_type_unsupported: {
    kind: "unsupported_response_type",
    message: "the response type {response_type} is not supported",
    remedy: "send response_type=code",
    reference: "RFC 6749 section 4.1.2.1, RFC 9700 section 2.1.2",
  },
  code_challenge_missing: {
    kind: "malformed",
    message: "the parameter code_challenge is missing",
    remedy: "send a PKCE challenge with code_challenge_method=S256",
    reference: "RFC 9700 section 2.1.1",
  },
  code_challenge_method_unsupported: {
    kind: "malformed",
    message: "only the code_challenge_method S256 is supported",
    remedy: "send code_challenge_method=S256; leaving it out would mean plain",
    reference: "RFC 7636 section 4.3, RFC 9700 section 2.1.1",
  },
  request_object_unsupported: {
    kind: "request_not_supported",
    message: "an unsigned or encrypted request object is not supported",
    remedy: "sign the request object with a registered key of the client, and do not encrypt it",
    reference: "RFC 9101 section 10.1",
  },
  request_object_required: {
    kind: "malformed",
    message: "the client must sign its authorization requests",
    remedy: "send the parameters inside a signed request object, in the parameter request",
    reference: "RFC 9101 section 10.5",
  },
  request_object_unreadable: {
    kind: "bad_request_object",
    message: "the request object cannot be read",
    remedy: "send a JWS in compact form whose payload is a JSON object without repeated names",
    reference: "RFC 9101 section 6.3",
  },
  request_object_signature_wrong: {
    kind: "bad_request_object",
    message: "the signature of the request object is not correct",
    remedy: "sign with a registered key of the client and the algorithm it is registered for",
    reference: "RFC 9101 section 6.2",
  },
  request_object_keys_unavailable: {
    kind: "bad_request_object",
    message: "the keys for the request object cannot be fetched",
    remedy: "make jwks_uri answer with a JWK Set, over https, without redirects, within 3 seconds",
    reference: "RFC 9101 section 6.2",
  },
  request_object_nested: {
    kind: "bad_request_object",
    message: "the request object must not have the claims request and request_uri",
    remedy: "put the parameters themselves into the request object",
    reference: "RFC 9101 section 4",
  },
  request_object_client_wrong: {
    kind: "bad_request_object",
    message: "the request object is not from this client",
    remedy: "set iss and client_id to the client_id, as beside the object, and leave sub out",
    reference: "RFC 9101 sections 5 and 10.8",
  },
  request_object_audience_wrong: {
    kind: "bad_request_object",
    message: "the request object is not for this server",
    remedy: "set aud to the issuer, exactly as the metadata names it",
    reference: "RFC 9101 section 4",
  },
  request_object_expired: {
    kind: "bad_request_object",
    message: "the request object has expired",
    remedy: "make a new request object for each request",
    reference: "RFC 9101 section 6.3",
  },
  request_object_not_yet_valid: {
    kind: "bad_request_object",
    message: "the request object is not valid yet",
    remedy: "set the client's clock: nbf and iat are at most 15 seconds ahead of the server's",
    reference: "RFC 7519 section 4.1.5",
  },
  request_object_lifetime: {
    kind: "bad_request_object",
    message: "the request object must live for an hour at most",
    remedy: "set nbf, at most an hour ago, and exp, at most an hour after nbf",
    reference: "FAPI 2.0 Message Signing section 5.3.1",
  },
  request_uri_unsupported: {
    kind: "request_uri_not_supported",
    message: "the parameter request_uri is not supported",
    remedy: "push the request, or send the parameters themselves; nothing was fetched",
    reference: "OpenID Connect Core section 6",
  },
  request_uri_unknown: {
    kind: "bad_request_uri",
    message: "the request_uri is unknown, or it has expired",
    remedy: "push the request again, and send the user on within 90 seconds; only its client can use a request_uri",
    reference: "RFC 9126 section 4",
  },
  request_uri_answered: {
    kind: "bad_request_uri",
    message: "the request_uri has been answered already",
    remedy: "continue in the app, or start again there; each request_uri gets one answer",
    reference: "RFC 9126 section 7.3",
  },
  request_uri_pushed: {
    kind: "malformed",
    message: "a pushed request must not have the parameter request_uri",
    remedy: "push the parameters themselves",
    reference: "RFC 9126 section 2.1",
  },
  pushed_request_required: {
    kind: "malformed",
    message: "the client must push its authorization requests",
    remedy:
      "send the parameters to the pushed authorization request endpoint, and the request_uri it returns to this one",
    reference: "RFC 9126 section 5",
  },
  registration_unsupported: {
    kind: "registration_not_supported",
    message: "the parameter registration is not supported",
    remedy: "register the client beforehand",
    reference: "OpenID Connect Core section 7.2.1",
  },
  login_required: {
    kind: "login_required",
    message: "the person has to log in",
    remedy: "ask again without prompt=none, or for the person who is logged in",
    reference: "OpenID Connect Core section 3.1.2.6",
  },
  consent_required: {
    kind: "consent_required",
    message: "the person has to be asked for consent",
    remedy: "ask again without prompt=none",
    reference: "OpenID Connect Core section 3.1.2.6",
  },
  access_denied: {
    kind: "access_denied",
    message: "the person did not agree",
    remedy: "the user declined; do not retry without asking them",
    reference: "RFC 6749 section 4.1.2.1",
  },
  interaction_unknown: {
    kind: "malformed",
    message: "this form has expired or was already answered",
    remedy: "start again where you came from",
    reference: "docs/decisions/0007-authorization.md",
  },
  interaction_answered: {
    kind: "malformed",
    message: "this form was already answered: you signed in and were sent on",
    remedy: "continue in the app, or start again",
    reference: "docs/decisions/0007-authorization.md",
  },
  interaction_declined: {
    kind: "malformed",
    message: "this form was already answered: you declined",
    remedy: "start again if you have changed your mind",
    reference: "docs/decisions/0007-authorization.md",
  },
  interaction_foreign: {
    kind: "malformed",
    message: "this form was opened in another browser",
    remedy: "start again where you came from, in this browser, with cookies allowed",
    reference: "docs/decisions/0007-authorization.md",
  },
  form_foreign: {
    kind: "malformed",
    message: "this form was not sent from its own page",
    remedy: "reload the page and send the form again",
    reference: "RFC 6749 section 10.12",
  },
  post_logout_redirect_uri_unknown: {
    kind: "malformed",
    message: "the post_logout_redirect_uri is not registered for this client",
    remedy: "register it, and send id_token_hint or client_id with it",
    reference: "RP-Initiated Logout section 3",
  },
  access_token_missing: {
    kind: "bad_token",
    message: "no access token was sent",
    remedy: "send it in the Authorization header, scheme Bearer, or in the form body",
    reference: "RFC 6750 section 2",
  },
  access_token_repeated: {
    kind: "malformed",
    message: "the access token was sent in more than one way",
    remedy: "send it in the header or in the body",
    reference: "RFC 6750 section 2",
  },
  access_token_not_a_persons: {
    kind: "insufficient_scope",
    message: "not a valid resource owner token",
    remedy: "use a token that a person got with the scope openid",
    reference: "OpenID Connect Core section 5.3; SimpleIdentityServer 3.1",
  },

  ticket_missing: {
    kind: "malformed",
    message: "the parameter ticket needs to be specified",
    remedy: "send the permission ticket that the resource server handed out",
    reference: "UMA 2.0 Grant section 3.3.1; SimpleIdentityServer 3.1",
  },
  claim_token_format_missing: {
    kind: "malformed",
    message: "the parameter claim_token_format is missing",
    remedy: "send the format of the claim_token",
    reference: "UMA 2.0 Grant section 3.3.1",
  },
  ticket_unknown: {
    kind: "bad_grant",
    message: "the ticket {ticket} doesn't exist",
    remedy:
      "ask the resource server for a new one: the ticket is unknown, belongs to another client, or was used before",
    reference: "UMA 2.0 Grant section 3.3.6; SimpleIdentityServer 3.1",
  },
  ticket_expired: {
    kind: "bad_grant",
    message: "the ticket is expired",
    remedy: "use a ticket within five minutes; ask the resource server for a new one",
    reference: "UMA 2.0 Grant section 3.3.6; SimpleIdentityServer 3.1",
  },
  scope_unavailable: {
    kind: "bad_scope",
    message: "none of the resources has the scopes {scopes}",
    remedy: "ask for scopes that a resource of the ticket is registered with",
    reference: "UMA 2.0 Grant section 3.3.6",
  },
  need_info: {
    kind: "need_info",
    message: "more information about the requesting party is needed",
    remedy: "come back with the new ticket and a claim token, or send the person to redirect_user",
    reference: "UMA 2.0 Grant section 3.3.6",
  },
  request_submitted: {
    kind: "request_submitted",
    message: "the owner of the resource has been asked",
    remedy: "come back with the new ticket after interval seconds",
    reference: "UMA 2.0 Grant section 3.3.6",
  },
  request_denied: {
    kind: "request_denied",
    message: "no policy allows what was asked",
    remedy: "ask the owner, who can look up the reason by the X-Request-Id of the answer",
    reference: "UMA 2.0 Grant section 3.3.6",
  },
  policy_not_satisfied: {
    kind: "bad_grant",
    message: "the authorization policy is not satisfied",
    remedy: "start again at the resource server; only the standard dialect says what is missing",
    reference: "SimpleIdentityServer 3.1",
  },
  pat_missing: {
    kind: "bad_token",
    message: "no protection API access token was sent",
    remedy: "send it in the Authorization header, scheme Bearer",
    reference: "Federated Authorization for UMA 2.0 section 1.5",
  },
  pat_invalid: {
    kind: "bad_token",
    message: "the protection API access token is not valid",
    remedy: "get a new one",
    reference: "Federated Authorization for UMA 2.0 section 1.5",
  },
  pat_scope_missing: {
    kind: "insufficient_scope",
    message: "the access token has no scope uma_protection",
    remedy: "get one with it; the client has to be registered for it",
    reference: "Federated Authorization for UMA 2.0 section 1.5",
  },
  member_unspecified: {
    kind: "malformed",
    message: "the parameter {name} needs to be specified",
    remedy: "see docs/uma.md for what the request needs",
    reference: "Federated Authorization for UMA 2.0; SimpleIdentityServer 3.1",
  },
  resource_name_missing: {
    kind: "malformed",
    message: "the parameter name needs to be specified",
    remedy: "name the resource; only dialects whose page requires it ask for it",
    reference: "SimpleIdentityServer 3.1",
  },
  url_malformed: {
    kind: "malformed",
    message: "the url {url} is not well formed",
    remedy: "send an absolute URI: https, http, or a private-use scheme with a dot in it",
    reference: "RFC 3986, RFC 8252 section 7.1; SimpleIdentityServer 3.1",
  },
  resource_not_found: {
    kind: "not_found",
    message: "resource cannot be found",
    remedy: "use the _id of a resource that was registered with this kind of token",
    reference: "Federated Authorization for UMA 2.0 section 3.2",
  },
  resource_id_invalid: {
    kind: "bad_resource",
    message: "resource set {resource_id} doesn't exist",
    remedy: "use the _id of a resource that was registered with this kind of token",
    reference: "Federated Authorization for UMA 2.0 section 4.3; SimpleIdentityServer 3.1",
  },
  permission_scope_invalid: {
    kind: "bad_scope",
    message: "one or more scopes are not valid",
    remedy: "ask for scopes that the resource is registered with",
    reference: "Federated Authorization for UMA 2.0 section 4.3; SimpleIdentityServer 3.1",
  },
  permissions_too_many: {
    kind: "malformed",
    message: "the permissions do not fit into one token",
    remedy: "ask for at most 100 at once, and for fewer where their scopes are long",
    reference: "docs/operations.md, limits",
  },
  policy_not_found: {
    kind: "not_found",
    message: "policy cannot be found",
    remedy: "use the _id of a policy that was made with this kind of token",
    reference: "docs/uma.md; SimpleIdentityServer 3.1",
  },
  policy_scope_invalid: {
    kind: "bad_scope",
    message: "one or more scopes don't belong to a resource set",
    remedy: "name scopes that every resource of the policy is registered with",
    reference: "docs/uma.md; SimpleIdentityServer 3.1",
  },
  rule_names_nobody: {
    kind: "malformed",
    message: "rule {rule} names no requesting party",
    remedy: "name clients, users, roles, claims, or consent_needed",
    reference: "docs/uma.md",
  },
  rule_ends_early: {
    kind: "malformed",
    message: "rule {rule} ends before it begins",
    remedy: "set not_after later than not_before",
    reference: "docs/uma.md",
  },
  policy_resource_absent: {
    kind: "bad_resource",
    message: "the authorization policy doesn't contain the resource",
    remedy: "nothing to do: the policy does not contain it",
    reference: "docs/uma.md; SimpleIdentityServer 3.1",
  },
  policies_too_many: {
    kind: "malformed",
    message: "a resource has at most {limit} policies",
    remedy: "combine rules in one policy",
    reference: "docs/operations.md, limits",
  },
  claims_redirect_uri_unknown: {
    kind: "malformed",
    message: "the claims_redirect_uri is not registered for this client",
    remedy: "register it, character for character; the server redirects only to registered addresses",
    reference: "UMA 2.0 Grant section 3.3.2",
  },
  claims_ticket_invalid: {
    kind: "bad_grant",
    message: "the ticket cannot be used",
    remedy: "start again in the app: the ticket is unknown, expired, belongs to another app, or was used before",
    reference: "UMA 2.0 Grant section 3.3.2",
  },

  grant_type_unsupported: {
    kind: "unsupported_grant",
    message: "the grant type {grant_type} is not supported",
    remedy: "use one of grant_types_supported in the metadata",
    reference: "RFC 6749 section 5.2",
  },
  parameter_repeated: {
    kind: "malformed",
    message: "the parameter {name} is repeated",
    remedy: "send each parameter once",
    reference: "RFC 6749 section 3.2",
  },
  parameter_malformed: {
    kind: "malformed",
    message: "the parameter {name} is malformed",
    remedy: "see the parameter's definition",
    reference: "RFC 6749 appendix A",
  },
  parameters_too_many: {
    kind: "malformed",
    message: "there are more than {limit} parameters",
    remedy: "send only the parameters of the request",
    reference: "docs/operations.md, limits",
  },
  body_malformed: {
    kind: "malformed",
    message: "the body is not valid application/x-www-form-urlencoded UTF-8 text",
    remedy: "percent-encode the UTF-8 bytes of every name and value; U+0000 is not accepted",
    reference: "RFC 6749 appendix B",
  },
  credential_in_query: {
    kind: "malformed",
    message: "the parameter {name} must not be sent in the query string",
    remedy: "send it in the form body, and replace its value: URLs end up in logs",
    reference: "RFC 6749 section 3.2, RFC 9700 section 4.3.2",
  },
  client_credential_in_query: {
    kind: "bad_credentials",
    message: "client credentials must not be sent in the query string",
    remedy: "send them in the Authorization header or the body, and replace the secret: URLs end up in logs",
    reference: "RFC 6749 section 2.3.1",
  },
  json_malformed: {
    kind: "malformed",
    message: "the body is not valid JSON (duplicate names and U+0000 are not accepted)",
    remedy: "send an object or an array: UTF-8, no name twice, no U+0000, nested at most 32 deep",
    reference: "RFC 8259, RFC 7493",
  },
  cbor_malformed: {
    kind: "malformed",
    message: "the body is not a valid CBOR map of texts",
    remedy: "send one map, no key twice: its keys are names of parameters or the numbers of RFC 9200, its values texts",
    reference: "RFC 8949, RFC 9200 section 5.8",
  },
  phone_number_missing: {
    kind: "malformed",
    message: "parameter phone_number is missing",
    remedy: "send phone_number (+49…) or email, one of them, in a JSON object",
    reference: "SimpleIdentityServer 3.1",
  },
  code_sender_missing: {
    kind: "internal",
    message: "the twilio account is not properly configured",
    remedy: "tell the operator, who has to set CODE_WEBHOOK_URL",
    reference: "SimpleIdentityServer 3.1, docs/settings.md",
  },
  app_ambiguous: {
    kind: "malformed",
    message: "the request names more than one {name}",
    remedy: "name the app, and its key, once: in the path and the X-Kii-AppID and X-Kii-AppKey headers, or in Basic",
    reference: "docs/dialects.md, kii",
  },
  login_name_missing: {
    kind: "malformed",
    message: "the parameter loginName is missing",
    remedy: "send loginName",
    reference: "docs/dialects.md, kii",
  },
  app_user_credentials_wrong: {
    kind: "bad_grant",
    message: "The user was not found or a wrong password was provided",
    remedy: "check the name and the password; the answer does not say which of them is wrong",
    reference: "docs/dialects.md, kii",
  },
  expires_at_past: {
    kind: "malformed",
    message: "expiresAt is in the past",
    remedy: "send milliseconds since the epoch, later than now",
    reference: "docs/dialects.md, kii",
  },
  expires_at_too_late: {
    kind: "malformed",
    message: "expiresAt is beyond the maximum of the app",
    remedy: "ask for less, or raise the app's max_token_lifetime",
    reference: "docs/dialects.md, kii",
  },
  registered_redirect_uri_invalid: {
    kind: "bad_redirect_uri",
    message: "the redirect URIs cannot be registered",
    remedy:
      "send 1 to 20 redirect_uris without fragment: https, http on a loopback address, or a private-use scheme with a dot",
    reference: "RFC 7591 section 3.2.2, RFC 8252 section 7",
  },
  client_metadata_invalid: {
    kind: "bad_client_metadata",
    message: "the client metadata {name} cannot be registered",
    remedy: "send a value that docs/registration.md lists; unknown metadata is ignored",
    reference: "RFC 7591 section 3.2.2",
  },
  client_document_unusable: {
    kind: "bad_credentials",
    message: "the metadata document of the client cannot be used",
    remedy:
      "serve JSON with status 200 at the client_id, at most 16 KiB, with that client_id in it and no secret; the log says why",
    reference: "draft-ietf-oauth-client-id-metadata-document-02 sections 4 and 5, docs/registration.md",
  },
  software_statement_unapproved: {
    kind: "bad_software_statement",
    message: "this server approves no software statement",
    remedy: "register without software_statement",
    reference: "RFC 7591 section 3.2.2",
  },
  registration_token_missing: {
    kind: "bad_token",
    message: "the registration needs an access token",
    remedy: "send an initial access token of the operator, or the registration access token of the client, as Bearer",
    reference: "RFC 7591 section 3, RFC 7592 section 2",
  },
  registration_token_invalid: {
    kind: "bad_token",
    message: "the access token for the registration is not valid",
    remedy: "it is unknown, expired or used up, or an update has replaced it; register the client again",
    reference: "RFC 7591 section 3, RFC 7592 section 2",
  },
  registrations_too_many: {
    kind: "busy",
    message: "no further client can be registered at the moment",
    remedy: "ask the operator for an initial access token, or to raise REGISTRATION_MAX_CLIENTS",
    reference: "RFC 7591 section 5",
  },
  registration_not_allowed: {
    kind: "not_allowed",
    message: "the app does not let its users register themselves",
    remedy: "set the app's user_registration",
    reference: "docs/settings.md, apps",
  },
  password_too_weak: {
    kind: "malformed",
    message: "the password is too short or one of the most common",
    remedy: "choose one of at least 8 characters",
    reference: "NIST SP 800-63B section 3.1.1.2",
  },
  user_exists: {
    kind: "conflict",
    message: "there is a user of that name already",
    remedy: "choose another login name",
    reference: "docs/dialects.md, kii",
  },
  app_user_foreign: {
    kind: "not_allowed",
    message: "the token does not give access to this user",
    remedy: "use the id of the user whose token it is; an administrator needs the app's user_lookup",
    reference: "docs/dialects.md, kii",
  },
  app_user_unknown: {
    kind: "not_found",
    message: "there is no such user",
    remedy: "check the id, or the name behind LOGIN_NAME:, EMAIL: or PHONE:",
    reference: "docs/dialects.md, kii",
  },
  app_user_identity_fixed: {
    kind: "not_allowed",
    message: "a user gets a login name and a password together and once",
    remedy: "send both for a user who has neither; change the password at its own path",
    reference: "docs/dialects.md, kii",
  },
  app_user_fields_too_large: {
    kind: "too_large",
    message: "the claims and fields of the user are too large",
    remedy: "keep them below 32 KiB",
    reference: "docs/dialects.md, kii",
  },
  old_password_wrong: {
    kind: "bad_credentials",
    message: "the old password is wrong",
    remedy: "send the present password as oldPassword",
    reference: "docs/dialects.md, kii",
  },
  nothing_to_verify: {
    kind: "conflict",
    message: "the user has no such address, or it is verified already",
    remedy: "register an address first",
    reference: "docs/dialects.md, kii",
  },
  verification_code_wrong: {
    kind: "not_allowed",
    message: "the verification code is wrong or has expired",
    remedy: "send the latest code, or ask for a new one",
    reference: "docs/dialects.md, kii",
  },
  vendor_thing_id_missing: {
    kind: "malformed",
    message: "the member _vendorThingID is missing",
    remedy: "send the name that the vendor gave the thing",
    reference: "docs/dialects.md, kii",
  },
  thing_registration_not_allowed: {
    kind: "not_allowed",
    message: "the app does not let things register themselves",
    remedy: "set the app's thing_registration",
    reference: "docs/settings.md, apps",
  },
  thing_exists: {
    kind: "conflict",
    message: "there is a thing of that name already",
    remedy: "choose another _vendorThingID",
    reference: "docs/dialects.md, kii",
  },
  thing_unknown: {
    kind: "not_found",
    message: "there is no such thing",
    remedy: "check the id, or the name behind VENDOR_THING_ID:",
    reference: "docs/dialects.md, kii",
  },
  thing_foreign: {
    kind: "not_allowed",
    message: "the token does not give access to this thing",
    remedy: "use the token of the thing itself or of the app's administrator",
    reference: "docs/dialects.md, kii",
  },
  authorization_header_malformed: {
    kind: "bad_credentials",
    message: "the Authorization header cannot be read",
    remedy: "send Basic, one space, and the base64 of client_id:client_secret, each form-encoded first",
    reference: "RFC 7617 section 2, RFC 6749 section 2.3.1",
  },
  authorization_header_repeated: {
    kind: "malformed",
    message: "the Authorization header is repeated",
    remedy: "send one",
    reference: "RFC 9110 section 5.3",
  },
  client_methods_mixed: {
    kind: "malformed",
    message: "more than one client authentication method was used",
    remedy: "authenticate in the header or in the body, not in both",
    reference: "RFC 6749 section 2.3",
  },
  client_ids_differ: {
    kind: "malformed",
    message: "the client_id in the body is not the one that authenticates",
    remedy: "send one client_id",
    reference: "RFC 6749 section 2.3",
  },
  client_must_be_confidential: {
    kind: "bad_credentials",
    message: "the client has no means to authenticate itself",
    remedy: "introspect with a confidential client",
    reference: "RFC 7662 section 2.1",
  },
  scope_repeated: {
    kind: "bad_scope",
    message: "duplicate scopes {scopes} have been passed in parameter",
    remedy: "name each scope once",
    reference: "SimpleIdentityServer 3.1; the standard dialect reads a scope as a set, RFC 6749 section 3.3",
  },
  token_not_valid: {
    kind: "bad_token",
    message: "the token is not valid",
    remedy: "nothing to do: the token is not in force, or this client may not see it",
    reference: "SimpleIdentityServer 3.1; the standard dialect answers active:false, RFC 7662 section 2.2",
  },
  path_unknown: {
    kind: "not_found",
    message: "there is nothing at this path",
    remedy: "see the metadata document for the available paths",
    reference: "RFC 9110 section 15.5.5",
  },
  method_not_allowed: {
    kind: "wrong_method",
    message: "the method {method} is not allowed here",
    remedy: "use a method named in Allow",
    reference: "RFC 9110 section 15.5.6",
  },
  body_too_large: {
    kind: "too_large",
    message: "the body is too large",
    remedy: "keep the body below 64 KiB",
    reference: "RFC 9110 section 15.5.14",
  },
  media_type_unsupported: {
    kind: "wrong_media_type",
    message: "the content type or encoding of the body is not supported",
    remedy: "send application/x-www-form-urlencoded without Content-Encoding; a charset, if any, is UTF-8",
    reference: "RFC 6749 section 3.2, RFC 9110 section 15.5.16",
  },
  accept_unsupported: {
    kind: "not_acceptable",
    message: "there is no answer in the requested format",
    remedy: "over CoAP, leave Accept out or send 50 (JSON), 60 (CBOR) or 19 (CBOR of RFC 9200)",
    reference: "RFC 7252 section 5.10.4",
  },
  coap_option_unsupported: {
    kind: "bad_option",
    message: "option {option} is not supported as it is sent",
    remedy: "over CoAP, leave the option out, or send it once with a value that its definition allows",
    reference: "RFC 7252 section 5.4.1",
  },
  coap_no_proxy: {
    kind: "no_proxy",
    message: "this server is no proxy",
    remedy: "over CoAP, leave Proxy-Uri and Proxy-Scheme out",
    reference: "RFC 7252 section 5.7.2",
  },
  coap_block_size_reserved: {
    kind: "malformed",
    message: "the block size is reserved",
    remedy: "over CoAP, send blocks of 16 to 1,024 bytes",
    reference: "RFC 7959 section 2.2",
  },
  coap_block_size_wrong: {
    kind: "malformed",
    message: "the block has another size than it says",
    remedy: "over CoAP, fill each block but the last one",
    reference: "RFC 7959 section 2.3",
  },
  coap_blocks_missing: {
    kind: "incomplete",
    message: "the blocks before this one are missing",
    remedy: "over CoAP, send the body again from its first block",
    reference: "RFC 7959 section 2.9.2",
  },
  coap_response_forgotten: {
    kind: "incomplete",
    message: "the response of this block is not kept",
    remedy: "over CoAP, send the request again",
    reference: "RFC 7959 section 2.9.2",
  },
  coap_block_beyond: {
    kind: "malformed",
    message: "the response has no such block",
    remedy: "over CoAP, ask for no block after one without the M bit",
    reference: "RFC 7959 section 2.4",
  },
  http_malformed: {
    kind: "malformed",
    message: "the request is not valid HTTP",
    remedy: "check the client or the proxy in between",
    reference: "RFC 9112",
  },
  transfer_coding_unsupported: {
    kind: "not_implemented",
    message: "the transfer coding of the body is not supported",
    remedy: "send the body with Content-Length, or chunked and nothing else",
    reference: "RFC 9112 section 6.1",
  },
  expectation_unsupported: {
    kind: "expectation_failed",
    message: "the expectation of the request cannot be met",
    remedy: "leave Expect out, or send 100-continue",
    reference: "RFC 9110 section 10.1.1",
  },
  http_too_slow: {
    kind: "too_slow",
    message: "the request did not arrive in time",
    remedy: "send it faster",
    reference: "RFC 9110 section 15.5.9",
  },
  http_headers_too_large: {
    kind: "headers_too_large",
    message: "the header fields are too large",
    remedy: "keep them below 16 KiB",
    reference: "RFC 6585 section 5",
  },
  tries_exhausted: {
    kind: "too_many",
    message: "too many attempts; try again later",
    remedy: "try again after the time in Retry-After; rejected attempts are not counted",
    reference: "RFC 6585 section 4, docs/decisions/0008-guessing.md",
  },
  hashing_busy: {
    kind: "busy",
    message: "too many logins are being checked at the moment",
    remedy: "try again after the time in Retry-After",
    reference: "RFC 9110 section 15.6.4",
  },
  store_unavailable: {
    kind: "busy",
    message: "the server cannot reach its database at the moment",
    remedy: "try again after the time in Retry-After; a retried refresh is safe",
    reference: "RFC 9110 section 15.6.4, RFC 7009 section 2.2.1",
  },
  overloaded: {
    kind: "busy",
    message: "the server has more requests than it can answer at the moment",
    remedy: "try again after the time in Retry-After; nothing was done, so a retried refresh is safe",
    reference: "RFC 9110 section 15.6.4, docs/decisions/0014-overload.md",
  },
  not_ready: {
    kind: "busy",
    message: "the server is starting or stopping",
    remedy: "try again after the time in Retry-After",
    reference: "RFC 9110 section 15.6.4",
  },
  internal_error: {
    kind: "internal",
    message: "the server met an unexpected condition",
    remedy: "tell the operator the X-Request-Id of the answer",
    reference: "RFC 6749 section 4.1.2.1",
  },
} as const satisfies Record<string, Row>;

export type Code = keyof typeof CATALOGUE;

/** One row as the rest of the code sees it. */
export type CatalogueRow = Row & { readonly code: Code };

/** The row of a code. */
export function row(code: Code): CatalogueRow {
  return { code, ...CATALOGUE[code] };
}

/** Whether a text (a zod issue's message, say) is a code of the catalogue. */
export function isCode(text: string): text is Code {
  return Object.hasOwn(CATALOGUE, text);
}

/** The slots that a message needs, derived from its text, so that the compiler finds a missing one. */
export type Slots<C extends Code> =
  SlotNames<(typeof CATALOGUE)[C]["message"]> extends infer N extends string ? Record<N, string> : never;

/** The slots of all messages; src/errors/slots.ts limits the text that each may hold. */
export type SlotName = SlotNames<(typeof CATALOGUE)[Code]["message"]>;

type SlotNames<Message extends string> = Message extends `${string}{${infer Name}}${infer Rest}`
  ? Name | SlotNames<Rest>
  : never;

/** Codes whose message has no slot, so that one can stand in for another row. */
export type SlotlessCode = {
  [C in Code]: (typeof CATALOGUE)[C]["message"] extends `${string}{${string}` ? never : C;
}[Code];
