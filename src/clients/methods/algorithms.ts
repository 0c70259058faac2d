/** Signature algorithms of assertions. `none` is absent, and no algorithm is in both lists (RFC 8725 section 3.1). */

export const PUBLIC_KEY_ALGORITHMS = [
  ...(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const),
  ...(["ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const),
] as const;

export const SECRET_ALGORITHMS = ["HS256", "HS384", "HS512"] as const;

export const ASSERTION_ALGORITHMS = [...PUBLIC_KEY_ALGORITHMS, ...SECRET_ALGORITHMS] as const;

/** Octets of the content encryption key of each `enc` (RFC 7518 sections 5.2 and 5.3). */
export const CONTENT_KEY_SIZES = {
  "A128CBC-HS256": 32,
  "A192CBC-HS384": 48,
  "A256CBC-HS512": 64,
  A128GCM: 16,
  A192GCM: 24,
  A256GCM: 32,
} as const;
