import { decoder, inside, readDer, readOid, readString, type DerElement } from "./der.js";

/**
 * Distinguished names in one canonical form, read from the DER of a certificate or from the text of a registration (RFC
 * 4514). Two names are equal exactly if their forms are equal. The text of a certificate is never parsed: a value may
 * hold every separator.
 */

/** Attribute types by their names in RFC 4514 section 3, and a few that OpenSSL prints; other types by their OID. */
const TYPES: Readonly<Record<string, string>> = {
  CN: "2.5.4.3",
  L: "2.5.4.7",
  ST: "2.5.4.8",
  O: "2.5.4.10",
  OU: "2.5.4.11",
  C: "2.5.4.6",
  STREET: "2.5.4.9",
  DC: "0.9.2342.19200300.100.1.25",
  UID: "0.9.2342.19200300.100.1.1",
  SERIALNUMBER: "2.5.4.5",
  ORGANIZATIONIDENTIFIER: "2.5.4.97",
  EMAILADDRESS: "1.2.840.113549.1.9.1",
};

/** One attribute: the type, a value in hexadecimal digits or as text, and the separator before the next attribute. */
const ATTRIBUTE =
  / *([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+) *= *(?:#((?:[0-9A-Fa-f]{2})+)|(?!#)((?:[^\\"+,;<>\0]|\\[\\"+,;<> #=]|\\[0-9A-Fa-f]{2})*)) *([,+]|$)/guy;

/**
 * The canonical form of a name in RFC 4514's order, the reverse of the certificate's: `CN=client,O=Example,C=DE`.
 * Spaces around separators are ignored. Undefined if the text is no such name.
 */
export function parseDistinguishedName(text: string): string | undefined {
  const found = [...text.matchAll(ATTRIBUTE)];
  const length = found.reduce((sum, [all]) => sum + all.length, 0);
  if (length !== text.length || found.at(-1)?.[4] !== "") return undefined;
  const names: string[][] = [[]];
  for (const [, name = "", hex, escaped = "", separator] of found) {
    const type = /^\d/.test(name) ? name : TYPES[name.toUpperCase()];
    const value = hex === undefined ? unescaped(escaped) : encoded(Buffer.from(hex, "hex"));
    if (type === undefined || value === undefined) return undefined;
    names.at(-1)?.push(attribute(type, value));
    if (separator === ",") names.push([]);
  }
  return form(names);
}

/** The form of a name as a certificate holds it. @throws RangeError if it is not encoded as one */
export function readDistinguishedName(name: DerElement | undefined): string {
  const names = inside(name, 0x30).map((one) =>
    inside(one, 0x31).map((pair) => {
      const [type, value] = inside(pair, 0x30);
      if (type?.tag !== 0x06 || value === undefined) throw new RangeError("no attribute");
      return attribute(readOid(type), value);
    }),
  );
  return form(names.reverse());
}

/** Attributes of one relative name are a set: their order says nothing. */
function form(names: readonly (readonly string[])[]): string {
  return JSON.stringify(names.map((one) => [...one].sort()));
}

/** Strings of different types with the same text are equal. Values that are no strings are compared by their bytes. */
function attribute(type: string, value: string | DerElement): string {
  return JSON.stringify([type, typeof value === "string" ? value : (readString(value) ?? value)]);
}

const utf8 = decoder("utf-8");

/** The text of a value (RFC 4514 section 2.4): pairs of digits are octets of UTF-8, spaces at the end are escaped. */
function unescaped(text: string): string | undefined {
  const parts = text.match(/\\[0-9A-Fa-f]{2}|\\?[^\\]|\\\\/gu) ?? [];
  while (parts.at(-1) === " ") parts.pop();
  return utf8(
    Buffer.concat(
      parts.map((part) =>
        /^\\[0-9A-Fa-f]{2}$/.test(part) ? Buffer.from(part.slice(1), "hex") : Buffer.from(part.replace(/^\\/, "")),
      ),
    ),
  );
}

function encoded(bytes: Buffer): DerElement | undefined {
  try {
    const [element, more] = readDer(bytes);
    return more === undefined ? element : undefined;
  } catch {
    return undefined;
  }
}
