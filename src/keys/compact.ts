/** Parts of a JWS and of a JWE in compact form (RFC 7515 section 7.1, RFC 7516 section 7.1). */
export const JWS_PARTS = 3;
export const JWE_PARTS = 5;

/** How many parts a text in compact form has, whatever stands in them. */
export function countParts(text: string): number {
  return text.split(".").length;
}

/**
 * The decoded parts of a text in compact form; undefined where one of them is not spelt the one way there is. A decoder
 * would take padding, line breaks and set trailing bits too (RFC 4648 section 3.5), so that one signature had many texts.
 */
export function readCompact(text: string): readonly Buffer[] | undefined {
  const parts = text.split(".");
  const decoded = parts.map((part) => Buffer.from(part, "base64url"));
  return decoded.every((bytes, index) => bytes.toString("base64url") === parts[index]) ? decoded : undefined;
}
