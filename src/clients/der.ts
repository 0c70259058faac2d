/** One DER element (ITU-T X.690): the identifier octet and the content. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
}

/**
 * Reads consecutive DER elements.
 * @throws RangeError if the bytes are not DER, or have a tag above 30, which no certificate has
 */
export function readDer(bytes: Buffer): readonly DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes.readUInt8(at);
    const short = bytes.readUInt8(at + 1);
    const octets = short < 0x80 ? 0 : short - 0x80;
    if ((tag & 0x1f) === 0x1f || short === 0x80 || octets > 4) throw new RangeError("no DER");
    const from = at + 2 + octets;
    const to = from + (octets === 0 ? short : bytes.readUIntBE(at + 2, octets));
    if (to > bytes.length) throw new RangeError("no DER");
    elements.push({ tag, content: bytes.subarray(from, to) });
    at = to;
  }
  return elements;
}

/** Reads the elements inside an element. @throws RangeError if it is missing, has another tag, or holds no DER */
export function inside(element: DerElement | undefined, tag: number): readonly DerElement[] {
  if (element?.tag !== tag) throw new RangeError("not the element that belongs here");
  return readDer(element.content);
}

/** An object identifier in dotted decimals (X.690 section 8.19). */
export function readOid({ content }: DerElement): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of content) {
    arc = arc * 128n + BigInt(byte & 0x7f);
    if (byte & 0x80) continue;
    if (arcs.length === 0) {
      const first = arc < 80n ? arc / 40n : 2n;
      arcs.push(first, arc - first * 40n);
    } else arcs.push(arc);
    arc = 0n;
  }
  return arcs.join(".");
}

/** Decoders by string type. TeletexString has none, because implementations disagree about its encoding. */
const STRINGS: Readonly<Record<number, (content: Buffer) => string | undefined>> = {
  0x0c: decoder("utf-8"), // UTF8String
  0x12: ascii, // NumericString
  0x13: ascii, // PrintableString
  0x16: ascii, // IA5String
  0x1a: ascii, // VisibleString
  0x1e: decoder("utf-16be"), // BMPString
};

/** The text of a string element; undefined for other types, and for bytes that its type does not allow. */
export function readString({ tag, content }: DerElement): string | undefined {
  return STRINGS[tag]?.(content);
}

/** Decodes ASCII; undefined if a byte is not ASCII. */
export function ascii(bytes: Buffer): string | undefined {
  return bytes.every((byte) => byte < 0x80) ? bytes.toString("latin1") : undefined;
}

/** A strict decoder for an encoding. It returns undefined for invalid bytes. */
export function decoder(encoding: "utf-8" | "utf-16be"): (bytes: Buffer) => string | undefined {
  const strict = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  return (bytes) => {
    try {
      return strict.decode(bytes);
    } catch {
      return undefined;
    }
  };
}
