import { domainToASCII } from "node:url";
import type { Identifier } from "../store/users.js";
import { mixesScripts, skeletonOf } from "./look-alike.js";
import { readPhoneNumber } from "./phone-number.js";

/**
 * Identifiers, with which people log in. Login names, verified emails and verified phone numbers share one unique
 * index, so each is brought to one form, at creation and at login.
 */

/** The form of an identifier in which it is stored and looked up. Applying it twice changes nothing more. */
export function normaliseIdentifier(text: string): string {
  const name = normaliseName(text);
  return readPhoneNumber(name) ?? (name.includes("@") ? normaliseEmail(name) : name);
}

/**
 * RFC 8265 section 3.3 (UsernameCaseMapped), in the order that is stable when it is applied again. Outer spaces are
 * removed, and several spaces between words become one.
 */
function normaliseName(text: string): string {
  const folded = text.normalize("NFKC").toLowerCase().normalize("NFKC");
  return folded.replace(/\s+/gu, " ").trim();
}

/**
 * Removes needless quotes of the local part (RFC 5321 section 4.1.2) and the last dot of the domain, which is converted
 * to ASCII (RFC 5891).
 */
function normaliseEmail(email: string): string {
  const at = email.lastIndexOf("@");
  const local = email.slice(0, at).replace(/^"([^\s"\\@]+)"$/u, "$1");
  const domain = email.slice(at + 1).replace(/\.+$/, "");
  return `${local}@${domainToASCII(domain) || domain}`;
}

/** Invisible characters, which would make two names look the same. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** RFC 5321 section 4.5.3.1.3, less the angle brackets. Only a sent message can tell whether the address exists. */
const MAX_EMAIL = 254;

/** Whether a text looks like an email address, also once it is normalised. */
export function isEmail(text: string): boolean {
  const isOne = (email: string) => /^[^\s@]+@[^\s@]+$/u.test(email) && !INVISIBLE.test(email);
  return text.length <= MAX_EMAIL && isOne(text) && isOne(normaliseIdentifier(text));
}

/**
 * The reason why a text cannot be a login name; undefined if it can.
 * @param own normalised verified addresses of the same person: the login name may equal one of them
 */
export function loginNameProblem(text: string, own: readonly string[] = []): string | undefined {
  const normal = normaliseIdentifier(text);
  if (own.includes(normal)) return undefined;
  if (normal === "") return "is empty";
  if (normal.length > 255) return "is longer than 255 characters";
  if (INVISIBLE.test(text.trim()) || INVISIBLE.test(normal)) return "holds invisible characters";
  if (normal.includes("@")) return "looks like an email address";
  if (/^(\+|00)?\d{7,15}$/.test(normal.replace(/[\s().\-/]/g, ""))) return "looks like a phone number";
  return undefined;
}

/** The same for a name that people choose themselves. It must not mix scripts, as imitations of other names do. */
export function chosenNameProblem(text: string): string | undefined {
  return loginNameProblem(text) ?? (mixesScripts(normaliseIdentifier(text)) ? "mixes scripts" : undefined);
}

/** The members of a user that can be identifiers. */
interface Identified {
  readonly preferred_username: string;
  readonly email?: string | null | undefined;
  readonly email_verified?: boolean;
  readonly phone_number?: string | null | undefined;
  readonly phone_number_verified?: boolean;
}

/** The verified addresses of a user, normalised. */
export function verifiedAddressesOf(user: Omit<Identified, "preferred_username">): readonly Identifier[] {
  const { email, email_verified, phone_number, phone_number_verified } = user;
  return [
    ...(email && email_verified ? [{ kind: "email" as const, value: normaliseIdentifier(email) }] : []),
    ...(phone_number && phone_number_verified
      ? [{ kind: "phone" as const, value: normaliseIdentifier(phone_number) }]
      : []),
  ];
}

/** Every identifier of a user, each once. */
export function identifiersOf(user: Identified): readonly Identifier[] {
  const value = normaliseIdentifier(user.preferred_username);
  const others = verifiedAddressesOf(user).filter((one) => one.value !== value);
  return [{ kind: "login", value, skeleton: skeletonOf(value) }, ...others];
}
