/**
 * The bytes of a base64url text without padding (RFC 4648 section 5); undefined where the text is not the one spelling that
 * these bytes have. Node's decoder also takes padding, the other alphabet, line breaks and set trailing bits (section 3.5),
 * so one token had many texts.
 */
export function readBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : undefined;
}
