import { availableParallelism } from "node:os";
import argon2 from "argon2";
import type { Random } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";
import { refuseIfLeft, type Caller } from "../store/pool.js";
import { Decoys } from "./decoys.js";
import { readImportedHash } from "./imported-hash/encodings.js";
import type { ImportedHash } from "./imported-hash/recipes.js";
import { Turns } from "./turns.js";

/** argon2id as OWASP's password storage cheat sheet asks at least: 19 MiB, two passes, one lane. */
const COST: HashingCost = { memoryCost: 19_456, timeCost: 2 };

/** What one hash costs (RFC 9106 section 3.1): KiB of memory, and passes over it. */
export interface HashingCost {
  readonly memoryCost: number;
  readonly timeCost: number;
}

/** Longest password taken, in characters; 64 must be possible (NIST SP 800-63B), a megabyte must not. */
export const LONGEST_PASSWORD = 1_024;

/** What stands before the sealed hash of another system, where ours would stand. */
const IMPORTED = "imported:";

/**
 * Password hashing, with its price under control: at most as many hashes at once as there are cores less one, because
 * every other request needs one too.
 */
export class Passwords {
  readonly #master: MasterKey;
  readonly #pepper: Buffer;
  readonly #decoys: Decoys;
  readonly #options: argon2.HashOptions;
  readonly #nobody: Promise<string>;
  readonly #turns: Turns;

  constructor(master: MasterKey, random: Random, slots = Math.max(1, availableParallelism() - 1), cost = COST) {
    this.#master = master;
    this.#pepper = master.derive("password");
    this.#decoys = new Decoys(master);
    this.#turns = new Turns(slots);
    this.#options = { ...cost, type: argon2.argon2id, parallelism: 1, secret: this.#pepper };
    this.#nobody = argon2.hash(random(32), this.#options);
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#turns.waiting;
  }

  /** An argon2id hash in PHC form. It waits as long as it has to: it is for operators. */
  hash(password: string): Promise<string> {
    return this.#turns.wait({}, () => this.#hash(password));
  }

  /** The same for anybody else, who waits for a turn as whoever logs in does. @throws Refusal hashing_busy */
  hashInTurn(who: string, password: string, caller?: Caller): Promise<string> {
    return this.#turns.take(who, async () => {
      refuseIfLeft(caller);
      return this.#hash(password);
    });
  }

  #hash(password: string): Promise<string> {
    return argon2.hash(normalise(password), this.#options);
  }

  /**
   * A turn of whoever wants to log in, in which everything of it is done: what waits outside asks for no hash and no
   * connection to the database.
   * @param who one turn at a time each
   * @throws Refusal hashing_busy when too many are waiting, or the turn does not come
   */
  turn<T>(who: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(who, work);
  }

  /**
   * Whether the password belongs to the hash, to be asked in a turn. Without a hash the work is that for somebody's, and the
   * answer is no, so that an unknown name costs as much time as a wrong password.
   * @param name what was logged in with
   */
  async verify(hash: string | null | undefined, password: string, name: string): Promise<boolean> {
    const against = hash ?? this.#decoys.for(name) ?? (await this.#nobody);
    const matches = await this.#matches(against, password);
    return matches && hash !== null && hash !== undefined;
  }

  async #matches(hash: string, password: string): Promise<boolean> {
    if (!hash.startsWith(IMPORTED)) return argon2.verify(hash, normalise(password), { secret: this.#pepper });
    return isPasswordOf(this.#open(hash), password);
  }

  /**
   * The hash of another system as it is stored: sealed, because it has no pepper. Whoever has only the database can guess at
   * no password by it.
   */
  import(hash: string): string {
    return IMPORTED + sealImportedHash(this.#master, hash).toString("base64url");
  }

  /**
   * Our own hash of a password that the stored one was right for, to be stored in its place; undefined where that is ours
   * already, or does not tell the password from another.
   */
  async renewed(hash: string | null, password: string): Promise<string | undefined> {
    if (!hash?.startsWith(IMPORTED)) return undefined;
    return this.#open(hash)?.readsWhole(password) ? this.#hash(password) : undefined;
  }

  /** Learns what stored hashes cost, for names that nobody has. @param sample stored hashes */
  learnCosts(sample: readonly string[]): void {
    const read = (hash: string) => (hash.startsWith(IMPORTED) ? this.#open(hash) : readImportedHash(hash));
    this.#decoys.learn(sample, (hash) => read(hash)?.price ?? "");
  }

  #open(stored: string): ImportedHash | undefined {
    return openImportedHash(this.#master, Buffer.from(stored.slice(IMPORTED.length), "base64url"));
  }
}

/** Encrypts the hash of another system, in whatever encoding. */
export function sealImportedHash(master: MasterKey, hash: string): Buffer<ArrayBuffer> {
  return master.seal("imported-hash", Buffer.from(hash));
}

/** Reads what `sealImportedHash` made; undefined for anything else. */
export function openImportedHash(master: MasterKey, sealed: Uint8Array): ImportedHash | undefined {
  return readImportedHash(master.open("imported-hash", sealed)?.toString("utf8") ?? "");
}

/** Whether a password is the one of a hash. Other systems hash what is typed; ours brings it to one form first. */
export async function isPasswordOf(hash: ImportedHash | undefined, password: string): Promise<boolean> {
  for (const form of new Set([password, normalise(password)])) if (await hash?.verify(form)) return true;
  return false;
}

/** Shortest password that is not weak, in characters (NIST SP 800-63B section 3.1.1.2). */
const SHORTEST_PASSWORD = 8;

/** The head of every list of leaked passwords. */
const COMMON_PASSWORDS = new Set([
  ...["12345678", "123456789", "1234567890", "password", "password1", "passw0rd", "qwertyuiop", "qwerty123"],
  ...["iloveyou", "sunshine", "princess", "football", "baseball", "welcome1", "letmein1", "changeme", "admin123"],
]);

/** Why a password is a weak one; undefined if it is not. */
export function whyAWeakPassword(password: string): string | undefined {
  if (password.length < SHORTEST_PASSWORD) return `a password shorter than ${SHORTEST_PASSWORD} characters`;
  return COMMON_PASSWORDS.has(password.toLowerCase()) ? "one of the most common passwords" : undefined;
}

/** RFC 8265 section 4.2 (OpaqueString): one keyboard's é is another's e with an accent. */
function normalise(password: string): string {
  return password.normalize("NFC");
}
