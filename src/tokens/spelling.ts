/** The representation of tokens that a dialect issues. It has no influence on who gets a token and for what. */
export interface TokenSpelling {
  /** Overrides the client's access_token_format. */
  readonly format?: "jwt" | "opaque";
  /**
   * Adds claims that this dialect's resource servers expect. The claims that the core reads are kept.
   * @param person the claims of the user; none for a client's own token
   */
  readonly accessTokenClaims?: (
    claims: Readonly<Record<string, unknown>>,
    person: Readonly<Record<string, unknown>>,
  ) => Readonly<Record<string, unknown>>;
  /**
   * Set to "client" if this dialect puts the client_id into `aud`. The real audience is then kept in `resource`, which
   * the core uses.
   */
  readonly audience?: "client";
  /** Whether the id_token has the claims of its scopes too, and not only userinfo (OpenID Connect Core 5.4). */
  readonly idTokenCarriesClaims: boolean;
}
