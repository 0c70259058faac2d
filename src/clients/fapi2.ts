import { isFapi2Algorithm } from "./fapi2-algorithms.js";
import { methodNames, methodsOf, type RegisteredMethods } from "./methods.js";
import { isLoopback } from "./redirect-uri.js";
import { isPlainHttp } from "./registered-uri.js";

/**
 * The setting `profile: "fapi2"` (FAPI 2.0 Security Profile, final). It switches on all that the profile demands of a client,
 * and a registration that says otherwise is refused.
 */

/** Settings with a default that the profile replaces. A client that says nothing about one has the profile's value. */
export const REPLACED_DEFAULTS: readonly string[] = [
  ...["require_pkce", "require_pushed_authorization_requests", "refresh_token_rotation", "dpop_bound_access_tokens"],
  ...["id_token_signed_response_alg", "authorization_signed_response_alg", "access_token_signing_alg", "dialects"],
  "introspection_signed_response_alg",
];

/** The settings that the profile has an influence on. */
interface ProfiledSettings extends RegisteredMethods {
  readonly profile: string | null;
  readonly tls_client_certificate_bound_access_tokens: boolean;
  readonly dpop_bound_access_tokens: boolean;
  readonly id_token_signed_response_alg: string;
  readonly authorization_signed_response_alg: string;
  readonly access_token_signing_alg: string;
  readonly introspection_signed_response_alg: string;
}

/** A client as the server treats it: with the values of its profile in the place of its own. */
export function withProfile<C extends ProfiledSettings>(client: C): C {
  if (client.profile !== "fapi2") return client;
  return {
    ...client,
    require_pkce: true,
    require_pushed_authorization_requests: true,
    // Rotation strands clients that lose an answer, and proves nothing about a confidential one (section 5.3.2.1).
    refresh_token_rotation: false,
    dpop_bound_access_tokens: client.dpop_bound_access_tokens || !isBoundToCertificate(client),
    id_token_signed_response_alg: strong(client.id_token_signed_response_alg),
    authorization_signed_response_alg: strong(client.authorization_signed_response_alg),
    access_token_signing_alg: strong(client.access_token_signing_alg),
    introspection_signed_response_alg: strong(client.introspection_signed_response_alg),
    // Other dialects have other paths, and rules of their own.
    dialects: ["oauth2"],
  };
}

function strong(alg: string): string {
  return isFapi2Algorithm(alg) ? alg : "ES256";
}

type Bindable = RegisteredMethods & { readonly tls_client_certificate_bound_access_tokens?: unknown };

function isBoundToCertificate(client: Bindable): boolean {
  const byMethod = methodsOf(client).every(({ bindsTokens }) => bindsTokens === true);
  return byMethod || client.tls_client_certificate_bound_access_tokens === true;
}

/** Settings as a file or a command gives them: the schema has checked the type of each. An absent one has its default. */
type GivenSettings = Readonly<Record<string, unknown>> & Bindable;

/** The methods that prove a private key (section 5.3.2.1). */
const METHODS: readonly string[] = ["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"];

interface Rule {
  readonly name: string;
  /** Completes "must …". */
  readonly must: string;
  readonly holds: (value: unknown, given: GivenSettings) => boolean;
}

const ALGORITHM: Omit<Rule, "name"> = {
  must: "be PS256, ES256 or EdDSA",
  holds: (alg) => typeof alg !== "string" || isFapi2Algorithm(alg),
};

function is(wanted: boolean): Omit<Rule, "name"> {
  return { must: `be ${wanted}`, holds: (value = wanted) => value === wanted };
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

const RULES: readonly Rule[] = [
  {
    name: "token_endpoint_auth_method",
    must: `be one of ${METHODS.join(", ")}`,
    holds: (_value, given) => methodNames(given).every((name) => METHODS.includes(name)),
  },
  { name: "token_endpoint_auth_signing_alg", ...ALGORITHM },
  { name: "request_object_signing_alg", ...ALGORITHM },
  { name: "id_token_signed_response_alg", ...ALGORITHM },
  { name: "userinfo_signed_response_alg", ...ALGORITHM },
  { name: "authorization_signed_response_alg", ...ALGORITHM },
  { name: "access_token_signing_alg", ...ALGORITHM },
  { name: "introspection_signed_response_alg", ...ALGORITHM },
  { name: "require_pkce", ...is(true) },
  { name: "require_pushed_authorization_requests", ...is(true) },
  { name: "refresh_token_rotation", ...is(false) },
  {
    name: "dpop_bound_access_tokens",
    must: "be true, unless the tokens are bound to a certificate",
    holds: (value = true, given) => value === true || isBoundToCertificate(given),
  },
  { name: "grant_types", must: "not have password", holds: (types) => !list(types).includes("password") },
  {
    name: "redirect_uris",
    must: "not have plain http, except on a loopback address",
    holds: (uris) => list(uris).every((uri) => !isPlainHttp(String(uri)) || isLoopback(String(uri))),
  },
  {
    name: "dialects",
    must: "have oauth2",
    holds: (dialects = ["oauth2"]) => list(dialects).includes("oauth2"),
  },
];

/** The first setting that contradicts the profile of a client; undefined if none does, or if it has no profile. */
export function profileFlaw(given: GivenSettings): { readonly name: string; readonly message: string } | undefined {
  if (given.profile !== "fapi2") return undefined;
  const broken = RULES.find(({ name, holds }) => !holds(given[name], given));
  return broken && { name: broken.name, message: `must ${broken.must} with the profile fapi2` };
}
