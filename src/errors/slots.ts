import type { SlotName } from "./catalogue.js";

/**
 * Rules for the slots of messages. Users put secrets into the wrong field, and whole bodies into names. So a refusal
 * quotes a request only if the value is a plain word, and names a parameter only if it is known.
 */
interface SlotRule {
  /** Whether a value may be quoted as it is. */
  readonly isShown: (value: string) => boolean;
  /** The replacement for a value that may not be quoted. */
  readonly instead: string;
  /** Joins the values of a slot that holds several. */
  readonly separator?: string;
}

/** Longest quoted value of a request, in characters. */
const MAX_QUOTED = 64;

/** Longest text in a slot, in characters. */
const MAX_SLOT = 200;

/** One word: capitals only, or small letters with a capital before each part; at most four digits end it. */
const ONE = "(?:[A-Z]{2,14}|[A-Z]?[a-z]{0,24}(?:[A-Z][a-z]{2,24}){0,5}(?:I[Dd])?)\\d{0,4}";

/**
 * Words joined by punctuation: `api1`, `readWrite`, `jeton:admin`, `https://api.example/read`. Random texts hardly ever
 * match, because their digits and capitals are scattered among the letters.
 */
const PLAIN = new RegExp(`^${ONE}(?:[-_.:/]${ONE})*$`);

/** Whether a text of a request may be quoted. */
export function isPlainWord(text: string): boolean {
  return text.length <= MAX_QUOTED && PLAIN.test(text);
}

/** Every parameter and member that a dialect reads. test/errors/slots.test.ts finds missing ones. */
const NAMES: ReadonlySet<string> = new Set([
  // RFC 6749 and its companions, OpenID Connect
  ...["grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope", "username"],
  ...["password", "code", "code_verifier", "redirect_uri", "refresh_token", "token", "token_type_hint", "access_token"],
  ...[
    "response_type",
    "response_mode",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "display",
    "login_hint",
    "id_token_hint",
  ],
  ...[
    "ui_locales",
    "claims_locales",
    "acr_values",
    "claims",
    "code_challenge",
    "code_challenge_method",
    "logout_hint",
    "dpop_jkt",
  ],
  ...["post_logout_redirect_uri", "id_token", "userinfo", "essential", "value", "values", "request", "request_uri"],
  ...["registration"],
  // Client metadata (RFC 7591, OpenID Connect Registration)
  ...["redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types", "token_endpoint_auth_method"],
  ...["token_endpoint_auth_signing_alg", "client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri", "contacts"],
  ...["jwks", "jwks_uri", "software_id", "software_version", "application_type", "subject_type"],
  ...["sector_identifier_uri"],
  ...["introspection_signed_response_alg", "id_token_encrypted_response_alg", "id_token_encrypted_response_enc"],
  ...["userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc"],
  ...["id_token_signed_response_alg", "userinfo_signed_response_alg", "require_pushed_authorization_requests"],
  ...["authorization_signed_response_alg", "request_object_signing_alg", "require_signed_request_object"],
  ...["backchannel_logout_uri", "backchannel_logout_session_required", "dpop_bound_access_tokens"],
  ...["frontchannel_logout_uri", "frontchannel_logout_session_required"],
  ...["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"],
  // UMA, and the protection API of SimpleIdentityServer
  ...[
    "ticket",
    "claim_token",
    "claim_token_format",
    "pct",
    "rpt",
    "claims_redirect_uri",
    "resource_id",
    "resource_ids",
  ],
  ...["resource_scopes", "resource_set_id", "resource_set_ids", "scopes", "name", "type", "uri", "icon_uri", "owner"],
  ...["description", "id", "_id", "ids", "names", "types", "resources", "rules", "clients", "users", "roles", "issuer"],
  ...["provider", "script", "not_before", "not_after", "consent_needed", "after", "start_index", "count", "body"],
  // Iothentix, Kii Cloud
  ...["pop", "expiresAt", "expires_at", "loginName", "emailAddress", "phoneNumber", "displayName", "locale", "country"],
  ...["appID", "appKey", "email", "phone_number", "preferred_username", "fields", "wants_token", "replaces"],
  ...[
    "old_password",
    "oldPassword",
    "newPassword",
    "verificationCode",
    "vendor_thing_id",
    "_vendorThingID",
    "_password",
  ],
  // Token exchange, assertions about users, device authorization
  ...["subject_token", "subject_token_type", "actor_token", "actor_token_type", "requested_token_type", "audience"],
  ...["resource", "assertion", "device_code"],
  // Our pages
  ...["action", "csrf", "page", "lifetime", "party"],
]);

/** A word of a request. */
const WORD: SlotRule = { isShown: isPlainWord, instead: "(not shown)" };

/** A text from our registrations: the request did not choose it. */
const OURS: SlotRule = { isShown: () => true, instead: "(not shown)" };

/** An id that this server issued: 22 characters of base64url, with or without its prefix. */
const ID = /^(?:jtk_)?[A-Za-z0-9_-]{22}$/;

const SLOTS: Readonly<Record<SlotName, SlotRule>> = {
  name: { isShown: (value) => NAMES.has(value), instead: "(unknown)" },
  client_id: OURS,
  redirect_uri: OURS,
  limit: OURS,
  flaw: OURS,
  option: OURS,
  rule: OURS,
  method: WORD,
  grant_type: WORD,
  response_type: { ...WORD, separator: " " },
  scopes: { ...WORD, separator: "," },
  url: WORD,
  ticket: { ...WORD, isShown: (value) => ID.test(value) || isPlainWord(value) },
  resource_id: { ...WORD, isShown: (value) => ID.test(value) || isPlainWord(value) },
};

/**
 * The text of a slot for a value. It is cut, and characters that RFC 6749 section 5.2 forbids in an `error_description`
 * are replaced: no quote can end a header, and no line can be forged.
 */
export function fillSlot(slot: SlotName, value: string): string {
  const { isShown, instead, separator } = SLOTS[slot];
  const parts = separator === undefined ? [value] : value.split(separator);
  const shown = new Set(parts.map((part) => (isShown(part) ? part : instead)));
  return [...shown]
    .join(separator)
    .slice(0, MAX_SLOT)
    .replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "?");
}
