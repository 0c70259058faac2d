import { generateKeyPairSync, sign, type KeyObject, type KeyPairKeyObjectResult } from "node:crypto";
import { systemClock } from "../../src/clock.js";
import { after } from "./clock.js";

/**
 * Certificates (RFC 5280), written out in DER, because Node makes keys but no certificates.
 */

/** A value is a UTF8String, or an element of DER as it is. */
export type Attribute = readonly [type: keyof typeof ATTRIBUTE_TYPES, value: string | Buffer];

export type AlternativeName =
  | { readonly email: string | Buffer }
  | { readonly dns: string | Buffer }
  | { readonly uri: string | Buffer }
  | { readonly ip: readonly number[] };

export interface CertificateRequest {
  /** Relative names, in the certificate's order; several attributes in one of them stand in a list. */
  readonly subject: readonly (Attribute | readonly Attribute[])[];
  readonly san?: readonly AlternativeName[];
  /** A day ago by default. */
  readonly from?: Date;
  /** In a day by default. */
  readonly to?: Date;
  /** Whether it may issue others. */
  readonly authority?: boolean;
  /** On the curve P-256 by default. */
  readonly keys?: KeyPairKeyObjectResult;
}

export interface TestCertificate {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  readonly der: Buffer;
  /** Signs another one, whether it may or not. */
  issue(request: CertificateRequest): TestCertificate;
}

/** A certificate that vouches for itself. */
export function selfSigned(name: string, request: Partial<CertificateRequest> = {}): TestCertificate {
  return certify({ subject: [["CN", name]], ...request });
}

/** An authority. A server that has its certificate trusts it. */
export function makeCa(name: string): TestCertificate {
  return selfSigned(name, { authority: true });
}

interface Issuer {
  readonly name: Buffer;
  readonly key: KeyObject;
}

/** Seconds. */
const DAY = 24 * 60 * 60;
/** What certificates are signed with, by the kind of the key that signs. */
const SIGNATURES: Readonly<Record<string, Buffer>> = {
  ec: sequence(oid("2a8648ce3d040302")),
  rsa: sequence(oid("2a864886f70d01010b"), tagged(0x05)),
};
const ATTRIBUTE_TYPES = {
  CN: oid("550403"),
  C: oid("550406"),
  ST: oid("550408"),
  O: oid("55040a"),
  OU: oid("55040b"),
  emailAddress: oid("2a864886f70d010901"),
  DC: oid("0992268993f22c640119"),
  "1.3.6.1.4.1.99999.1": oid("2b06010401868d1f01"),
} as const;

let serial = 1;

function certify(request: CertificateRequest, issuer?: Issuer): TestCertificate {
  const { subject, from = after(systemClock, -DAY), to = after(systemClock, DAY) } = request;
  const { publicKey, privateKey } = request.keys ?? generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(...subject.map((one) => tagged(0x31, ...attributesOf(one).map(attribute))));
  const own = { name, key: privateKey };
  const { name: issuerName, key: issuerKey } = issuer ?? own;
  const algorithm = SIGNATURES[issuerKey.asymmetricKeyType!]!;
  const toBeSigned = sequence(
    tagged(0xa0, Buffer.from("020102", "hex")), // version 3
    tagged(0x02, Buffer.from([0x40, serial >> 8, serial++ & 0xff])),
    algorithm,
    issuerName,
    sequence(timeOf(from), timeOf(to)),
    name,
    publicKey.export({ format: "der", type: "spki" }),
    ...extensions(request),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign("sha256", toBeSigned, issuerKey)]);
  const der = sequence(toBeSigned, algorithm, tagged(0x03, signature));
  // Never with an empty line at its end, behind which no PEM reader looks.
  const lines = der
    .toString("base64")
    .match(/.{1,64}/g)!
    .join("\n");
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: pemOf(privateKey),
    der,
    issue: (another) => certify(another, own),
  };
}

function extensions({ san = [], authority = false }: CertificateRequest): Buffer[] {
  const list = [
    ...(authority ? [sequence(oid("551d13"), tagged(0x04, sequence(Buffer.from("0101ff", "hex"))))] : []),
    ...(san.length > 0 ? [sequence(oid("551d11"), tagged(0x04, sequence(...san.map(alternativeName))))] : []),
  ];
  return list.length > 0 ? [tagged(0xa3, sequence(...list))] : [];
}

function alternativeName(name: AlternativeName): Buffer {
  if ("email" in name) return tagged(0x81, Buffer.from(name.email));
  if ("dns" in name) return tagged(0x82, Buffer.from(name.dns));
  if ("uri" in name) return tagged(0x86, Buffer.from(name.uri));
  return tagged(0x87, Buffer.from(name.ip));
}

function attributesOf(one: Attribute | readonly Attribute[]): readonly Attribute[] {
  return typeof one[0] === "string" ? [one as Attribute] : (one as readonly Attribute[]);
}

function attribute([type, value]: Attribute): Buffer {
  return sequence(ATTRIBUTE_TYPES[type], typeof value === "string" ? tagged(0x0c, Buffer.from(value)) : value);
}

function pemOf(key: KeyObject): string {
  return key.export({ format: "pem", type: "pkcs8" }) as string;
}

function oid(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, "hex"));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

/** An element of DER. */
export function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const bytes = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}

/** YYMMDDHHMMSSZ until 2049, and YYYYMMDDHHMMSSZ from then on (RFC 5280 section 4.1.2.5). */
function timeOf(time: Date): Buffer {
  const digits = time.toISOString().slice(0, 19).replace(/\D/g, "");
  return time.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : tagged(0x18, Buffer.from(`${digits}Z`));
}
