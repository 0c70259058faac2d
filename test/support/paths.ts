/** Where the dialects have the endpoints that ask who is there. */
export const STANDARD = {
  name: "oauth2",
  token: "/oauth2/token",
  revoke: "/oauth2/revoke",
  introspect: "/oauth2/introspect",
} as const;
export const SIS = {
  name: "simple-identity-server",
  token: "/token",
  revoke: "/token/revoke",
  introspect: "/introspect",
} as const;

export type Paths = typeof STANDARD | typeof SIS;
export const DIALECTS: readonly Paths[] = [STANDARD, SIS];
export const ENDPOINTS = ["token", "revoke", "introspect"] as const;

/** What the form of each holds besides the client. */
export const ASKED = {
  token: { grant_type: "client_credentials", scope: "api1" },
  revoke: { token: "no token of ours" },
  introspect: { token: "no token of ours" },
};
