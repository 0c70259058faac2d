/**
 * Decodes base64url without padding (RFC 4648 section 5); undefined if the text is not the canonical encoding of its
 * bytes. Node's decoder also accepts padding, the other alphabet, line breaks and set trailing bits (section 3.5), so a
 * token would have many texts.
 */
export function readBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}
