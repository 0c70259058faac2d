import { argon2Hash, pbkdf2Hash, type ImportedHash, type Pbkdf2Digest } from "./recipes.js";

/**
 * Reads a credential of a Keycloak realm export: an object with `credentialData` and `secretData`, each of which is
 * JSON in a string. The members may also be in one object.
 */

const PBKDF2 = new Map<unknown, Pbkdf2Digest>([
  ["pbkdf2", "sha1"],
  ["pbkdf2-sha256", "sha256"],
  ["pbkdf2-sha512", "sha512"],
]);

/** Versions of argon2 by Keycloak's names for them. */
const ARGON2_VERSION = new Map([
  ["1.0", 16],
  ["1.3", 19],
]);

type Members = Readonly<Record<string, unknown>>;

/** @returns undefined for any other text */
export function readKeycloak(text: string): ImportedHash | undefined {
  if (!text.startsWith("{")) return undefined;
  const credential = members(text);
  const all = { ...credential, ...members(credential.credentialData), ...secret(credential.secretData) };
  const { algorithm, hashIterations, value, salt, additionalParameters } = all;
  if (typeof algorithm !== "string" || !isBase64(value) || !isBase64(salt)) return undefined;
  const iterations = Number.isSafeInteger(hashIterations) ? Number(hashIterations) : 0;
  const hash = PBKDF2.get(algorithm);
  if (hash !== undefined)
    return pbkdf2Hash(hash, iterations, Buffer.from(salt, "base64"), Buffer.from(value, "base64"));
  return algorithm === "argon2" ? argon2(iterations, salt, value, members(additionalParameters)) : undefined;
}

/** The members of `secretData`. Its additionalParameters have no influence on the cost. */
function secret(data: unknown): Members {
  const { value, salt } = members(data);
  return value === undefined ? {} : { value, salt };
}

function argon2(passes: number, salt: string, value: string, parameters: Members): ImportedHash | undefined {
  const first = (name: string) => String([parameters[name]].flat()[0]);
  const costs = `m=${first("memory")},t=${passes},p=${first("parallelism")}`;
  const [plainSalt, digest] = [salt, value].map((text) => text.replaceAll("=", ""));
  const version = ARGON2_VERSION.get(first("version"));
  if (!/^(id|i|d)$/.test(first("type")) || version === undefined) return undefined;
  return argon2Hash(`$argon2${first("type")}$v=${version}$${costs}$${plainSalt}$${digest}`, costs, plainSalt!, digest!);
}

function isBase64(value: unknown): value is string {
  return typeof value === "string" && /^[A-Za-z0-9+/]+={0,2}$/.test(value);
}

/** The members of an object, or of one that is written as a text. */
function members(value: unknown): Members {
  if (value !== null && typeof value === "object") return value as Members;
  if (typeof value !== "string") return {};
  try {
    return members(JSON.parse(value) as unknown);
  } catch {
    // It is text of another kind.
    return {};
  }
}
