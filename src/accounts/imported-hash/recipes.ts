import { createHash, createHmac, pbkdf2, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import argon2 from "argon2";
import bcrypt from "bcrypt";
import { phpassDigest } from "./phpass.js";

/**
 * The families of password hashes: how each is verified, and how much one verification may cost. An imported row
 * decides the cost of a login, so each limit corresponds to about a second of one core and 128 MiB. All but phpass run
 * outside the main thread.
 */

/** A password hash of another system. */
export interface ImportedHash {
  readonly family: "bcrypt" | "argon2" | "scrypt" | "pbkdf2" | "phpass";
  /** Family and cost: hashes with equal prices take the same time. */
  readonly price: string;
  /** The reason why the hash is refused; undefined if it is accepted. */
  readonly problem: string | undefined;
  /** Whether the password matches. Call it inside the password queue. */
  verify(password: string): Promise<boolean>;
  /** Whether every byte of this password counts: bcrypt reads 72. */
  readsWhole(password: string): boolean;
}

/** Shortest digest in bytes: a shorter one would match wrong passwords by chance. */
const MIN_DIGEST = 16;

const MAX_BCRYPT_COST = 14;
/** KiB of memory, the same times passes, and lanes (RFC 9106 section 3.1). */
const MAX_ARGON2 = { memory: 131_072, work: 524_288, lanes: 16, passes: 64 } as const;
/** N * r of RFC 7914 section 2, of which each takes 128 bytes, and N * r * p. */
const MAX_SCRYPT = { memory: 2 ** 20, work: 2 ** 21 } as const;
/** Iterations, times the blocks of the derived key (RFC 8018 section 5.2). */
const MAX_PBKDF2_ITERATIONS = 3_000_000;
const MAX_PHPASS_LOG2 = 16;

/** The bytes of a password that bcrypt reads. */
const BCRYPT_LENGTH = 72;

/** Transformations that some systems apply before bcrypt, so that more than 72 bytes of a password count. */
const BEFORE_BCRYPT = {
  nothing: (password: string) => password,
  /** Django's BCryptSHA256PasswordHasher. */
  sha256: (password: string) => createHash("sha256").update(password).digest("hex"),
  /** WordPress since 6.8. */
  wordpress: (password: string) => createHmac("sha384", "wp-sha384").update(password).digest("base64"),
} as const;

/**
 * @param rest cost, salt and digest: `10$` and 53 characters. The versions 2a, 2b and 2y are equal for all these
 *   passwords.
 */
export function bcryptHash(rest: string, before: keyof typeof BEFORE_BCRYPT = "nothing"): ImportedHash {
  const cost = Number(rest.slice(0, 2));
  const prepare = BEFORE_BCRYPT[before];
  return {
    family: "bcrypt",
    price: `bcrypt ${cost}`,
    problem: limit("the cost", cost, MAX_BCRYPT_COST) ?? (cost < 4 ? "the cost is below 4" : undefined),
    verify: (password) => bcrypt.compare(prepare(password), `$2b$${rest}`),
    readsWhole: (password) => Buffer.byteLength(prepare(password)) <= BCRYPT_LENGTH,
  };
}

/** @param phc in PHC form, without the prefix of any system */
export function argon2Hash(phc: string, costs: string, salt: string, digest: string): ImportedHash {
  const cost = (name: string) => Number(new RegExp(`\\b${name}=(\\d+)`).exec(costs)?.[1] ?? 0);
  const [memory, passes, lanes] = [cost("m"), cost("t"), cost("p")];
  const isComplete = passes >= 1 && lanes >= 1 && memory >= 8 * lanes;
  return {
    family: "argon2",
    price: `argon2 ${memory} ${passes} ${lanes}`,
    problem:
      (isComplete ? undefined : "m, t and p are not those of argon2 (RFC 9106 section 3.1)") ??
      limit("m", memory, MAX_ARGON2.memory) ??
      limit("t", passes, MAX_ARGON2.passes) ??
      limit("p", lanes, MAX_ARGON2.lanes) ??
      limit("m * t", memory * passes, MAX_ARGON2.work) ??
      (Buffer.from(salt, "base64").length < 8 ? "the salt is shorter than 8 bytes" : undefined) ??
      shortDigest(Buffer.from(digest, "base64")),
    verify: (password) => argon2.verify(phc, password),
    readsWhole: () => true,
  };
}

/** RFC 7914. */
export function scryptHash(cost: { N: number; r: number; p: number }, salt: Buffer, digest: Buffer): ImportedHash {
  const { N, r, p } = cost;
  const isPower = Number.isInteger(Math.log2(N)) && N > 1 && r > 0 && p > 0;
  const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);
  return {
    family: "scrypt",
    price: `scrypt ${N} ${r} ${p}`,
    problem:
      (isPower ? undefined : "N is not a power of two, or r or p is 0") ??
      limit("N * r", N * r, MAX_SCRYPT.memory) ??
      limit("N * r * p", N * r * p, MAX_SCRYPT.work) ??
      shortDigest(digest),
    verify: async (password) =>
      timingSafeEqual(await derive(password, salt, digest.length, { N, r, p, maxmem: 256 * N * r + 2 ** 20 }), digest),
    readsWhole: () => true,
  };
}

const PBKDF2_BLOCK = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 } as const;

export type Pbkdf2Digest = keyof typeof PBKDF2_BLOCK;

/** RFC 8018 section 5.2, over an HMAC with this hash. */
export function pbkdf2Hash(hash: Pbkdf2Digest, iterations: number, salt: Buffer, digest: Buffer): ImportedHash {
  const derive = promisify(pbkdf2);
  const blocks = Math.ceil(digest.length / PBKDF2_BLOCK[hash]);
  return {
    family: "pbkdf2",
    price: `pbkdf2 ${hash} ${iterations * blocks}`,
    problem:
      (iterations > 0 ? undefined : "there are no iterations") ??
      limit("the number of iterations", iterations * blocks, MAX_PBKDF2_ITERATIONS) ??
      shortDigest(digest),
    verify: async (password) => timingSafeEqual(await derive(password, salt, iterations, digest.length, hash), digest),
    readsWhole: () => true,
  };
}

/** The portable hashes of phpass. @param digest as 22 characters of its own base64 */
export function phpassHash(log2: number, salt: string, digest: string): ImportedHash {
  return {
    family: "phpass",
    price: `phpass ${log2}`,
    problem: limit("the logarithm of the iterations", log2, MAX_PHPASS_LOG2),
    verify: async (password) => {
      const computed = await phpassDigest(password, salt, log2);
      return timingSafeEqual(Buffer.from(computed), Buffer.from(digest));
    },
    readsWhole: () => true,
  };
}

function limit(what: string, value: number, most: number): string | undefined {
  return value > most ? `${what} is ${value}, at most ${most} is accepted` : undefined;
}

function shortDigest({ length }: Buffer): string | undefined {
  return length < MIN_DIGEST ? `its digest is shorter than ${MIN_DIGEST} bytes` : undefined;
}
