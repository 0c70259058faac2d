import { readBase64url } from "./base64url.js";

/** Parts of a JWS and of a JWE in compact form (RFC 7515 section 7.1, RFC 7516 section 7.1). */
export const JWS_PARTS = 3;
export const JWE_PARTS = 5;

/** The number of parts of a text in compact form, with any content. */
export function countParts(text: string): number {
  return text.split(".").length;
}

/** The decoded parts of a text in compact form; undefined if one of them is not canonical base64url. */
export function readCompact(text: string): readonly Buffer[] | undefined {
  const decoded = text.split(".").map(readBase64url);
  return decoded.every((bytes) => bytes !== undefined) ? decoded : undefined;
}
