import type { Scope } from "../clients/registry.js";
import type { Person } from "../store/users.js";

/** The built-in scopes: their texts for users, and the claims they release (OpenID Connect Core section 5.4). */
export const BUILT_IN_SCOPES: readonly Scope[] = [
  scope("openid", "Know who you are", ["sub"]),
  scope("profile", "See your profile", [
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
  ]),
  scope("email", "See your email address", ["email", "email_verified"]),
  scope("phone", "See your phone number", ["phone_number", "phone_number_verified"]),
  scope("address", "See your postal address", ["address"]),
  scope("role", "See your roles", ["role"]),
  scope("offline_access", "Stay signed in when you are away", []),
  scope("jeton:admin", "Administer this server and revoke any token", []),
  scope("jeton:admin:read", "See everything that this server knows, except secrets", []),
  scope("jeton:admin:revoke", "End tokens and sessions of anybody", []),
  scope("jeton:admin:clients", "Administer the clients of this server", []),
  scope("jeton:admin:users", "Administer the users of this server", []),
  scope("jeton:admin:keys", "Replace the signing keys of this server", []),
  scope("jeton:introspect", "Introspect every token", []),
  scope("uma_protection", "Protect resources", []),
  scope("uma_claims", "Ask others for access in your name", []),
];

const BUILT_IN = new Map(BUILT_IN_SCOPES.map((one) => [one.name, one]));

function scope(name: string, description: string, claims: readonly string[]): Scope {
  return { name, description, audience: null, claims };
}

/** Claims about the token and not about the user. No stored claim may have one of these names. */
export const PROTOCOL_CLAIMS: ReadonlySet<string> = new Set([
  "iss",
  "sub",
  "aud",
  "exp",
  "nbf",
  "iat",
  "jti",
  "azp",
  "nonce",
  "auth_time",
  "at_hash",
  "c_hash",
  "s_hash",
  "acr",
  "amr",
  "sid",
  "client_id",
  "client_epoch",
  "scope",
  "cnf",
  "act",
  "__proto__",
]);

/** A declared scope if there is one, else the built-in one, else a bare name. */
export function describeScope(name: string, declared: ReadonlyMap<string, Scope>): Scope {
  const builtIn = BUILT_IN.get(name);
  const found = declared.get(name);
  if (found === undefined) return builtIn ?? { name, description: null, audience: null, claims: [] };
  const { description, audience, claims } = found;
  return {
    name,
    description: description ?? builtIn?.description ?? null,
    audience,
    claims: claims.length > 0 ? claims : (builtIn?.claims ?? []),
  };
}

/** All claims of a user, under the names of OpenID Connect Core section 5.1. */
export function allClaims(person: Person): Record<string, unknown> {
  const { preferred_username, email, email_verified, phone_number, phone_number_verified, roles, claims } = person;
  return {
    ...claims,
    preferred_username,
    ...(roles.length === 0 ? {} : { role: roles }),
    ...(email === null ? {} : { email, email_verified }),
    ...(phone_number === null ? {} : { phone_number, phone_number_verified }),
  };
}

/** The claims that a request selects. */
interface ClaimsSelection {
  /** Granted scopes: each releases its claims. */
  readonly scope: readonly string[];
  /** Claims requested by name (OpenID Connect Core section 5.5). */
  readonly names?: readonly string[];
  /** The registered scopes of the client. They bound the claims that it can get by name. */
  readonly clientScope?: readonly string[];
  /** Languages in which claims are also returned (section 5.2). */
  readonly locales?: readonly string[];
}

/** The known claims of a user that a request releases. */
export function claimsAbout(
  person: Person,
  { scope, names = [], clientScope = [], locales = [] }: ClaimsSelection,
  declared: ReadonlyMap<string, Scope>,
): Record<string, unknown> {
  const known = allClaims(person);
  const releasable = releasedBy(clientScope, declared);
  const wanted = new Set([...releasedBy(scope, declared), ...names.filter((name) => releasable.has(name))]);
  const localised = [...wanted].flatMap((name) => [name, ...locales.map((locale) => `${name}#${locale}`)]);
  return Object.fromEntries(
    localised
      .filter((name) => Object.hasOwn(known, name) && !PROTOCOL_CLAIMS.has(name))
      .map((name) => [name, known[name]]),
  );
}

function releasedBy(scopes: readonly string[], declared: ReadonlyMap<string, Scope>): ReadonlySet<string> {
  return new Set(scopes.flatMap((name) => describeScope(name, declared).claims));
}
