import { readBase64url } from "./base64url.js";

/** Parts of a JWS and of a JWE in compact form (RFC 7515 section 7.1, RFC 7516 section 7.1). */
export const JWS_PARTS = 3;
export const JWE_PARTS = 5;

/** How many parts a text in compact form has, whatever stands in them. */
export function countParts(text: string): number {
  return text.split(".").length;
}

/** The decoded parts of a text in compact form; undefined where one of them does not have the one spelling it can have. */
export function readCompact(text: string): readonly Buffer[] | undefined {
  const decoded = text.split(".").map(readBase64url);
  return decoded.every((bytes) => bytes !== undefined) ? decoded : undefined;
}
