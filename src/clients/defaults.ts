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
