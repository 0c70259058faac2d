import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * The portable hashes of phpass ("Portable PHP password hashing framework", Openwall), as WordPress before 6.8 and phpBB 3
 * have them: MD5, repeated. No package that does this is maintained.
 */

const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Rounds after which others get their turn: MD5 by node:crypto runs in the main thread. */
const ROUNDS_AT_ONCE = 2_048;

/** The binary logarithm of the number of iterations, from its character in the hash. */
export function phpassLog2(character: string): number {
  return ALPHABET.indexOf(character);
}

/** The digest of a password, as phpass writes it: 22 characters. */
export async function phpassDigest(password: string, salt: string, log2: number): Promise<string> {
  const bytes = Buffer.from(password);
  let digest = createHash("md5").update(salt).update(bytes).digest();
  for (let left = 2 ** log2; left > 0; left -= 1) {
    digest = createHash("md5").update(digest).update(bytes).digest();
    if (left % ROUNDS_AT_ONCE === 0) await nextTurn();
  }
  return encode(digest);
}

/** Base64 of its own: three bytes, the lowest first, make four characters, the lowest six bits first. */
function encode(bytes: Buffer): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const group = [...bytes.subarray(at, at + 3)];
    const number = group.reduce((sum, byte, index) => sum + byte * 256 ** index, 0);
    for (let index = 0; index <= group.length; index += 1) text += ALPHABET[(number >> (6 * index)) & 63];
  }
  return text;
}
