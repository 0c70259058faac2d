import { createHash, type X509Certificate } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { hasCome, hasPassed } from "../clock.js";
import { ascii, inside, readDer, readOid, type DerElement } from "./der.js";
import { parseDistinguishedName, readDistinguishedName } from "./distinguished-name.js";
import type { RegisteredClient } from "./registered-client.js";

/** The registered values that identify a client's certificate (RFC 8705 section 2.1.2), and its thumbprint. */
type CertificateRegistration = Pick<
  RegisteredClient,
  | "tls_client_auth_subject_dn"
  | "tls_client_auth_san_dns"
  | "tls_client_auth_san_uri"
  | "tls_client_auth_san_ip"
  | "tls_client_auth_san_email"
  | "tls_client_certificate_thumbprint"
>;

/** The names in a certificate. The subject is undefined if it cannot be read. */
interface CertificateFields {
  readonly der: Buffer;
  readonly subject: string | undefined;
  readonly alternatives: readonly DerElement[];
}

/** Tags of GeneralName (RFC 5280 section 4.2.1.6). */
const EMAIL = 0x81;
const DNS = 0x82;
const URI = 0x86;
const IP = 0x87;

type Check = (registered: string, presented: CertificateFields) => boolean;

const CHECKS: Readonly<Record<keyof CertificateRegistration, Check>> = {
  tls_client_auth_subject_dn: (name, { subject }) => subject !== undefined && parseDistinguishedName(name) === subject,
  tls_client_auth_san_dns: (name, one) => texts(one, DNS).some((text) => text.toLowerCase() === name.toLowerCase()),
  tls_client_auth_san_uri: (uri, one) => texts(one, URI).includes(uri),
  tls_client_auth_san_ip: (ip, one) => contents(one, IP).some((bytes) => isAddress(bytes, ip)),
  tls_client_auth_san_email: (email, one) => texts(one, EMAIL).includes(email),
  tls_client_certificate_thumbprint: (thumbprint, { der }) => isThumbprint(thumbprint, der),
};

/**
 * Whether a certificate matches a registration: at least one value is registered, and every registered value matches.
 * The chain is not checked here.
 */
export function matchesRegistration({ raw }: X509Certificate, client: CertificateRegistration): boolean {
  const presented = read(raw);
  const names = (Object.keys(CHECKS) as (keyof CertificateRegistration)[]).filter((name) => client[name] !== null);
  return names.length > 0 && names.every((name) => CHECKS[name](client[name]!, presented));
}

/** The SHA-256 thumbprint of a certificate in base64url, as `x5t#S256` has it (RFC 8705 section 3.1). */
export function thumbprintOf(der: Buffer): string {
  return createHash("sha256").update(der).digest("base64url");
}

/**
 * Whether a certificate is valid by our clock, which may differ from its issuer's. @param now milliseconds since the
 * epoch
 */
export function isWithinValidity({ validFrom, validTo }: X509Certificate, now: number): boolean {
  return hasCome(Date.parse(validFrom), now) && !hasPassed(Date.parse(validTo), now);
}

/** SHA-256 in base64url, or SHA-256 or SHA-1 in hexadecimal digits, with colons or spaces as tools print them. */
export function isThumbprint(registered: string, der: Buffer): boolean {
  const digits = registered.replace(/[: ]/g, "").toLowerCase();
  const inHex = (algorithm: string) => createHash(algorithm).update(der).digest("hex");
  return registered === thumbprintOf(der) || digits === inHex("sha256") || digits === inHex("sha1");
}

const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";

/**
 * Reads the names from the DER encoding (RFC 5280 section 4.1). A textual form of a name can be made to look like
 * another.
 */
function read(der: Buffer): CertificateFields {
  try {
    const [certificate] = readDer(der);
    const [toBeSigned] = inside(certificate, 0x30);
    const fields = inside(toBeSigned, 0x30);
    // The order is: serial number, signature, issuer, validity, subject. A version may come before them.
    const subject = fields.filter(({ tag }) => tag !== 0xa0)[4];
    const extensions = fields.filter(({ tag }) => tag === 0xa3).flatMap((one) => inside(inside(one, 0xa3)[0], 0x30));
    return { der, subject: readDistinguishedName(subject), alternatives: alternativesIn(extensions) };
  } catch (error) {
    if (error instanceof RangeError) return { der, subject: undefined, alternatives: [] };
    throw error;
  }
}

function alternativesIn(extensions: readonly DerElement[]): readonly DerElement[] {
  return extensions.flatMap((extension) => {
    const parts = inside(extension, 0x30);
    const [type] = parts;
    if (type === undefined || readOid(type) !== SUBJECT_ALTERNATIVE_NAME) return [];
    return inside(inside(parts.at(-1), 0x04)[0], 0x30);
  });
}

function contents({ alternatives }: CertificateFields, kind: number): readonly Buffer[] {
  return alternatives.filter(({ tag }) => tag === kind).map(({ content }) => content);
}

function texts(presented: CertificateFields, kind: number): readonly string[] {
  return contents(presented, kind).flatMap((bytes) => ascii(bytes) ?? []);
}

/** Whether these 4 or 16 bytes are the address, in any notation. */
function isAddress(bytes: Buffer, ip: string): boolean {
  const address = bytes.length === 4 ? bytes.join(".") : bytes.toString("hex").replace(/.{4}(?!$)/g, "$&:");
  if (isIP(address) === 0) return false;
  const list = new BlockList();
  list.addAddress(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  return list.check(ip, isIP(ip) === 6 ? "ipv6" : "ipv4");
}
