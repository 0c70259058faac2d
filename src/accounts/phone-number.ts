import { isSupportedCountry, parsePhoneNumberFromString, type PhoneNumber } from "libphonenumber-js/max";

/** Phone numbers as people write them, by the metadata of Google's libphonenumber. */

/** The start of an international number: `+`, or `00` as it is dialled in most countries. */
const BEGIN = /^(?:\(\s*)?(?:\+|00)/;

/** Digits and usual separators. Letters would be an extension, or no number at all. */
const INTERNATIONAL = /^\+[\p{Nd}\p{Z}\p{Pd}().\u2044/]+$/u;
const LOCAL = /^[\p{Nd}\p{Z}\p{Pd}().\u2044/]+$/u;

/** E.164 section 6.2.1: at most 15 digits. */
const E164 = /^\+[1-9]\d{6,14}$/;

/**
 * The E.164 form of a number with its country code; undefined for any other text. All spellings of a number have the
 * same form. `isPhoneNumber` checks whether the number can exist.
 */
export function readPhoneNumber(text: string): string | undefined {
  const written = withPlus(text);
  if (!INTERNATIONAL.test(written)) return undefined;
  // libphonenumber lacks the metadata of some countries.
  const number = parse(text)?.number ?? `+${written.replace(/\D/g, "")}`;
  return E164.test(number) ? number : undefined;
}

/** The E.164 form of a number as dialled in a country (ISO 3166-1, in capitals); undefined if it is invalid there. */
export function readLocalPhoneNumber(text: string, country: string): string | undefined {
  if (!isSupportedCountry(country) || !LOCAL.test(text)) return undefined;
  const number = parsePhoneNumberFromString(text, { defaultCountry: country, extract: false });
  return number?.isValid() === true ? number.number : undefined;
}

/** Whether a text is a valid phone number with its country code. */
export function isPhoneNumber(text: string): boolean {
  return parse(text)?.isValid() === true;
}

function parse(text: string): PhoneNumber | undefined {
  const written = withPlus(text);
  return INTERNATIONAL.test(written) ? parsePhoneNumberFromString(written, { extract: false }) : undefined;
}

function withPlus(text: string): string {
  return text
    .normalize("NFKC")
    .trim()
    .replace(/^tel:/i, "")
    .replace(/^\(\s*(?:\+|00)([\d\s]{1,5})\)/, "+$1")
    .replace(BEGIN, "+");
}
