import { readKeycloak } from "./keycloak.js";
import { phpassLog2 } from "./phpass.js";
import {
  argon2Hash,
  bcryptHash,
  pbkdf2Hash,
  phpassHash,
  scryptHash,
  type ImportedHash,
  type Pbkdf2Digest,
} from "./recipes.js";

/** How systems write the hashes of their passwords: one row for each encoding. */

const base64 = (text: string) => Buffer.from(text, "base64");
const hex = (text: string) => Buffer.from(text, "hex");
/** passlib writes a dot for the plus. */
const dotted = (text: string) => base64(text.replaceAll(".", "+"));

const BCRYPT = String.raw`\$2[aby]\$(\d\d\$[./A-Za-z0-9]{53})`;
const ARGON2 = String.raw`(\$argon2(?:id|i|d)\$(?:v=(?:16|19)\$)?([mtp]=\d{1,9},[mtp]=\d{1,9},[mtp]=\d{1,9})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+))`;
const COUNT = String.raw`(\d{1,10})`;
const BASE64 = String.raw`([A-Za-z0-9+/]+={0,2})`;

type Read = (...groups: string[]) => ImportedHash;

const ENCODINGS: readonly (readonly [RegExp, Read])[] = [
  // bcrypt; Django, which says its name before it; WordPress
  [new RegExp(`^(?:bcrypt\\$)?${BCRYPT}$`), (rest) => bcryptHash(rest)],
  [new RegExp(`^bcrypt_sha256\\$${BCRYPT}$`), (rest) => bcryptHash(rest, "sha256")],
  [new RegExp(`^\\$wp${BCRYPT}$`), (rest) => bcryptHash(rest, "wordpress")],
  // argon2 in PHC form; Django
  [new RegExp(`^(?:argon2)?${ARGON2}$`), (phc, costs, salt, digest) => argon2Hash(phc, costs, salt, digest)],
  // scrypt: PHC form, Django, Werkzeug
  [
    /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,6}),p=(\d{1,6})\$([A-Za-z0-9+/]*)\$([A-Za-z0-9+/]+)$/,
    (ln, r, p, salt, digest) =>
      scryptHash({ N: 2 ** Number(ln), r: Number(r), p: Number(p) }, base64(salt), base64(digest)),
  ],
  [
    new RegExp(`^scrypt\\$${COUNT}\\$([^$]*)\\$(\\d{1,6})\\$(\\d{1,6})\\$${BASE64}$`),
    (N, salt, r, p, digest) =>
      scryptHash({ N: Number(N), r: Number(r), p: Number(p) }, Buffer.from(salt), base64(digest)),
  ],
  [
    new RegExp(`^scrypt:${COUNT}:(\\d{1,6}):(\\d{1,6})\\$([^$]*)\\$((?:[0-9a-f]{2})+)$`),
    (N, r, p, salt, digest) => scryptHash({ N: Number(N), r: Number(r), p: Number(p) }, Buffer.from(salt), hex(digest)),
  ],
  // PBKDF2: Django, passlib and PHC form, Werkzeug, ASP.NET Identity
  [
    new RegExp(`^pbkdf2_(sha1|sha256|sha512)\\$${COUNT}\\$([^$]*)\\$${BASE64}$`),
    (hash, count, salt, digest) => pbkdf2Hash(hash as Pbkdf2Digest, Number(count), Buffer.from(salt), base64(digest)),
  ],
  [
    /^\$?pbkdf2(?:-(sha1|sha256|sha384|sha512))?\$(?:i=)?(\d{1,10})(?:,l=\d+)?\$([A-Za-z0-9+/.]*={0,2})\$([A-Za-z0-9+/.]+={0,2})$/,
    (hash = "sha1", count, salt, digest) =>
      pbkdf2Hash(hash as Pbkdf2Digest, Number(count), dotted(salt), dotted(digest)),
  ],
  [
    new RegExp(`^pbkdf2:(sha1|sha256|sha512):${COUNT}\\$([^$]*)\\$((?:[0-9a-f]{2})+)$`),
    (hash, count, salt, digest) => pbkdf2Hash(hash as Pbkdf2Digest, Number(count), Buffer.from(salt), hex(digest)),
  ],
  // phpass
  [
    /^\$[PH]\$([./0-9A-Za-z])([./0-9A-Za-z]{8})([./0-9A-Za-z]{22})$/,
    (log2, salt, digest) => phpassHash(phpassLog2(log2), salt, digest),
  ],
];

/** What other systems write that this server cannot check: crypt(3) and LDAP. */
const OTHER_HASHES =
  /^(\$(1|5|6|7|2[abxy]?|S|y|gy|md5|sha1|apr1|argon2.{0,2})\$|\{(S?SHA(256|384|512)?|S?MD5|CRYPT|PBKDF2[A-Z0-9-]*|BCRYPT|ARGON2)\}).{8,}$/i;

/** Reads a hash in any of the encodings; undefined for any other text. */
export function readImportedHash(text: string): ImportedHash | undefined {
  for (const [pattern, read] of ENCODINGS) {
    const groups = pattern.exec(text)?.slice(1);
    if (groups !== undefined) return read(...groups);
  }
  return readAspNet(text) ?? readKeycloak(text);
}

/** Whether a text is the hash of a password rather than a password. */
export function looksLikeHash(text: string): boolean {
  return readImportedHash(text) !== undefined || OTHER_HASHES.test(text);
}

/** Pseudo-random functions by the number that ASP.NET has for them (KeyDerivationPrf). */
const ASP_NET_PRF: readonly (Pbkdf2Digest | undefined)[] = ["sha1", "sha256", "sha512"];

/**
 * ASP.NET Core Identity. Version 3 is a byte 1, then function, iterations and length of the salt as 32-bit numbers, then salt
 * and digest. Version 2 is a byte 0, 16 bytes of salt and 32 of digest, by SHA-1 in 1,000 iterations.
 */
function readAspNet(text: string): ImportedHash | undefined {
  if (!/^A[A-Za-z0-9+/]{50,}={0,2}$/.test(text)) return undefined;
  const bytes = base64(text);
  if (bytes[0] === 0 && bytes.length === 49)
    return pbkdf2Hash("sha1", 1_000, bytes.subarray(1, 17), bytes.subarray(17));
  if (bytes[0] !== 1 || bytes.length < 13) return undefined;
  const hash = ASP_NET_PRF[bytes.readUInt32BE(1)];
  const end = 13 + bytes.readUInt32BE(9);
  if (hash === undefined || end >= bytes.length) return undefined;
  return pbkdf2Hash(hash, bytes.readUInt32BE(5), bytes.subarray(13, end), bytes.subarray(end));
}
