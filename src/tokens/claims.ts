import type { Scope } from "../clients/registry.js";
import type { Person } from "../store/users.js";

/** What the built-in scopes are called to people and which claims they release (OpenID Connect Core section 5.4). */
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
  scope("jeton:admin", "Revoke any token", []),
  scope("jeton:introspect", "Introspect every token", []),
  scope("uma_protection", "Protect resources", []),
];

function scope(name: string, description: string, claims: readonly string[]): Scope {
  return { name, description, audience: null, claims };
}

/** Claims that say something about the token, not about the person; no stored claim may bear their names. */
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
  "scope",
  "cnf",
  "act",
  "__proto__",
]);

/** A declared scope if there is one, else the built-in one, else a bare name. */
export function describeScope(name: string, declared: ReadonlyMap<string, Scope>): Scope {
  const builtIn = BUILT_IN_SCOPES.find((one) => one.name === name);
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

/** Everything known of a person, under the names of OpenID Connect Core section 5.1. */
function allClaims(person: Person): Record<string, unknown> {
  const { preferred_username, email, email_verified, phone_number, phone_number_verified, roles, claims } = person;
  return {
    ...claims,
    preferred_username,
    ...(roles.length === 0 ? {} : { role: roles }),
    ...(email === null ? {} : { email, email_verified }),
    ...(phone_number === null ? {} : { phone_number, phone_number_verified }),
  };
}

/** The claims of a person that these scopes release. */
export function releasedClaims(
  person: Person,
  scopes: readonly string[],
  declared: ReadonlyMap<string, Scope>,
): Record<string, unknown> {
  const known = allClaims(person);
  const released = new Set(scopes.flatMap((name) => describeScope(name, declared).claims));
  return Object.fromEntries(
    [...released]
      .filter((name) => Object.hasOwn(known, name) && !PROTOCOL_CLAIMS.has(name))
      .map((name) => [name, known[name]]),
  );
}
