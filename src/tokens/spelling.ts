/** How tokens got on a dialect's paths are represented; who gets one, and for what, is decided before. */
export interface TokenSpelling {
  /** Overrides the client's access_token_format. */
  readonly format?: "jwt" | "opaque";
  /**
   * Adds the names this dialect's resource servers look for; what the core reads back is kept.
   * @param person the claims of whom it speaks for; none for a client's own token
   */
  readonly accessTokenClaims?: (
    claims: Readonly<Record<string, unknown>>,
    person: Readonly<Record<string, unknown>>,
  ) => Readonly<Record<string, unknown>>;
  /** Whom `aud` names where it is not whom the token is meant for; the core is told beside it, and goes by that. */
  readonly audience?: "client";
  /** Whether the id_token itself carries the claims its scopes release, beside userinfo (OpenID Connect Core 5.4). */
  readonly idTokenCarriesClaims: boolean;
}
