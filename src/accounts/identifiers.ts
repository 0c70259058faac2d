import type { Identifier } from "../store/users.js";

/**
 * What people log in with. Login names, verified emails and verified phone numbers share one unique index, so each is
 * brought to one form, at creation and at login alike.
 */

const PHONE_SEPARATORS = /[\s().\-/]/g;
const E164 = /^\+[1-9]\d{6,14}$/;

/** An identifier in the one form in which it is stored and looked for. */
export function normaliseIdentifier(text: string): string {
  const trimmed = text.trim();
  const digits = trimmed.replace(PHONE_SEPARATORS, "");
  if (E164.test(digits)) return digits;
  // RFC 8265 section 3.3 (UsernameCaseMapped) in the order that is stable when it is applied again.
  return trimmed.normalize("NFKC").toLowerCase().normalize("NFKC");
}

/** Whether a text is a phone number as E.164 writes it, leaving separators aside. */
export function isPhoneNumber(text: string): boolean {
  return E164.test(text.replace(PHONE_SEPARATORS, ""));
}

/** Why a text cannot be a login name; undefined if it can. */
export function whyNotALoginName(text: string): string | undefined {
  const normal = normaliseIdentifier(text);
  if (normal === "") return "is empty";
  if (normal.length > 255) return "is longer than 255 characters";
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(normal)) return "holds invisible characters";
  if (normal.includes("@")) return "looks like an email address";
  if (/^(\+|00)?\d{7,15}$/.test(normal.replace(PHONE_SEPARATORS, ""))) return "looks like a phone number";
  return undefined;
}

/** Everything a person may log in with: an address counts once it is verified. */
export function identifiersOf(user: {
  readonly preferred_username: string;
  readonly email?: string | null;
  readonly email_verified?: boolean;
  readonly phone_number?: string | null;
  readonly phone_number_verified?: boolean;
}): readonly Identifier[] {
  const identifiers: Identifier[] = [{ kind: "login", value: normaliseIdentifier(user.preferred_username) }];
  if (user.email && user.email_verified) {
    identifiers.push({ kind: "email", value: normaliseIdentifier(user.email) });
  }
  if (user.phone_number && user.phone_number_verified) {
    identifiers.push({ kind: "phone", value: normaliseIdentifier(user.phone_number) });
  }
  return identifiers;
}
