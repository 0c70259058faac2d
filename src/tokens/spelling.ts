/** How tokens got on a dialect's paths are represented; who gets one, and for what, is decided before. */
export interface TokenSpelling {
  /** Overrides the client's access_token_format. */
  readonly format?: "jwt" | "opaque";
  /** Adds the names this dialect's resource servers look for; what the core reads back is kept. */
  readonly accessTokenClaims?: (claims: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
  /** Whether the id_token itself carries the claims its scopes release, beside userinfo (OpenID Connect Core 5.4). */
  readonly idTokenCarriesClaims: boolean;
}
