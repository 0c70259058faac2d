/** An exchanged token, as the rules of its client judge it (RFC 8693). */
export interface ExchangedToken {
  readonly kind: "impersonation" | "delegation";
  readonly client_id: string;
  readonly aud: string | readonly string[];
  readonly scope: string;
}

/** Facts that are kept for deciding again (src/decisions), and that no line shows. */
export interface RecalledFacts {
  /** The epochs of the client and of the user, which show whether everything of theirs was ended since. */
  client_epoch?: number | undefined;
  user_epoch?: number;
  /** Scopes that the request names and its client does not have. Only declared ones are kept. */
  scope_beyond?: readonly string[];
  /** The resource servers that the request names. Only audiences of declared scopes are kept. */
  resource_named?: string | undefined;
  /** Whether the request shows a DPoP proof and a certificate. */
  has_proof?: boolean;
  has_certificate?: boolean;
  /** The lifetime of the access token in seconds, where the client's setting decided it. */
  lifetime?: number;
  /** The token that is exchanged, as rules judge it. */
  exchange?: ExchangedToken;
  /** The audience that an exchange names. Only that of a declared scope is kept. */
  audience_named?: string | undefined;
  /** Whether an authorization or a device authorization names scopes; otherwise it asks for all of the client. */
  names_scope?: boolean;
  /** The named scopes that the client of an authorization has. */
  scope_named?: readonly string[];
  /** An authorization request: its address, and whether it was pushed, was signed and has a PKCE challenge. */
  authorization?: {
    readonly redirect_uri: string | undefined;
    readonly is_pushed: boolean;
    readonly is_signed: boolean;
    readonly has_challenge: boolean;
  };
}
