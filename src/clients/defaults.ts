const DAY = 24 * 60 * 60;

/** The settings of a client that says nothing about them, in a provisioning file or in its registration. Times are seconds. */
export const CLIENT_DEFAULTS = {
  access_token_lifetime: 600,
  access_token_format: "jwt",
  refresh_token_lifetime: 14 * DAY,
  refresh_token_absolute_lifetime: 90 * DAY,
  refresh_token_rotation: true,
  id_token_signed_response_alg: "RS256",
  require_pkce: false,
  consent: "explicit",
} as const;

/** Columns of a client that wants its responses neither signed nor encrypted beyond the defaults. */
export const NO_RESPONSE_SETTINGS = {
  userinfo_signed_response_alg: null,
  id_token_encrypted_response_alg: null,
  id_token_encrypted_response_enc: null,
  userinfo_encrypted_response_alg: null,
  userinfo_encrypted_response_enc: null,
};

/** Columns that a client loses when an entry of a provisioning file writes it again. */
export const UNSET_COLUMNS = {
  client_name: null,
  token_endpoint_auth_method: null,
  token_endpoint_auth_signing_alg: null,
  token_endpoint_auth_encryption_alg: null,
  token_endpoint_auth_encryption_enc: null,
  jwks_uri: null,
  sector_identifier_uri: null,
  tls_client_auth_subject_dn: null,
  tls_client_auth_san_dns: null,
  tls_client_auth_san_uri: null,
  tls_client_auth_san_ip: null,
  tls_client_auth_san_email: null,
  tls_client_certificate_thumbprint: null,
  ...NO_RESPONSE_SETTINGS,
  backchannel_logout_uri: null,
  frontchannel_logout_uri: null,
  request_object_signing_alg: null,
  max_renewals: null,
  registered_by: null,
} as const;
