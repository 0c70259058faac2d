import { availableParallelism } from "node:os";
import argon2 from "argon2";
import type { Random } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";
import { refuseIfLeft, type Caller } from "../store/pool.js";
import { IMPORTED_HASH } from "../store/sealed.js";
import { Decoys } from "./decoys.js";
import { readImportedHash } from "./imported-hash/encodings.js";
import type { ImportedHash } from "./imported-hash/recipes.js";
import { WorkQueue } from "./work-queue.js";

/** argon2id as OWASP's password storage cheat sheet asks at least: 19 MiB, two passes, one lane. */
const COST: HashingCost = { memoryCost: 19_456, timeCost: 2 };

/** What one hash costs (RFC 9106 section 3.1): KiB of memory, and passes over it. */
export interface HashingCost {
  readonly memoryCost: number;
  readonly timeCost: number;
}

/** Longest password taken, in characters; 64 must be possible (NIST SP 800-63B), a megabyte must not. */
export const MAX_PASSWORD_LENGTH = 1_024;

/**
 * Password hashing, with its price under control: at most as many hashes at once as there are cores less one, because
 * every other request needs one too.
 */
export class Passwords {
  readonly #master: MasterKey;
  readonly #decoys: Decoys;
  readonly #options: argon2.HashOptions;
  readonly #unknownUserHash: Promise<string>;
  readonly #queue: WorkQueue;

  constructor(master: MasterKey, random: Random, slots = Math.max(1, availableParallelism() - 1), cost = COST) {
    this.#master = master;
    this.#decoys = new Decoys(master);
    this.#queue = new WorkQueue(slots);
    const pepper = { secret: master.derive("password"), associatedData: master.keyId };
    this.#options = { ...cost, type: argon2.argon2id, parallelism: 1, ...pepper };
    this.#unknownUserHash = argon2.hash(random(32), this.#options);
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#queue.waiting;
  }

  /** An argon2id hash in PHC form. It waits as long as it has to: it is for operators. */
  hash(password: string): Promise<string> {
    return this.#queue.runUnbounded({}, () => this.#hash(password));
  }

  /** The same for anybody else, who waits for a turn as people who log in do. @throws Refusal hashing_busy */
  hashQueued(who: string, password: string, caller?: Caller): Promise<string> {
    return this.#queue.run(who, async () => {
      refuseIfLeft(caller);
      return this.#hash(password);
    });
  }

  #hash(password: string): Promise<string> {
    return argon2.hash(normalise(password), this.#options);
  }

  /**
   * A turn of somebody who wants to log in, in which everything of it is done: what waits outside asks for no hash and no
   * connection to the database.
   * @param who one turn at a time each
   * @throws Refusal hashing_busy when too many are waiting, or the turn does not come
   */
  runQueued<T>(who: string, work: () => Promise<T>): Promise<T> {
    return this.#queue.run(who, work);
  }

  /**
   * Whether the password belongs to the hash, to be asked in a turn. Without a hash the work is that for somebody's, and the
   * answer is no, so that an unknown name costs as much time as a wrong password.
   * @param name what was logged in with
   */
  async verify(hash: string | null | undefined, password: string, name: string): Promise<boolean> {
    const against = hash ?? this.#decoys.for(name) ?? (await this.#unknownUserHash);
    const matches = await this.#matches(against, password);
    return matches && hash !== null && hash !== undefined;
  }

  async #matches(hash: string, password: string): Promise<boolean> {
    if (!hash.startsWith(IMPORTED_HASH))
      return argon2.verify(hash, normalise(password), { secret: this.#pepperOf(hash) });
    return isPasswordOf(this.#open(hash), password);
  }

  /** The pepper of one of our hashes. A hash under a key that is not accepted any more costs the same, and belongs to no password. */
  #pepperOf(hash: string): Buffer {
    const mark = keyIdOf(hash);
    if (mark === undefined) return this.#master.lasting("password");
    return (this.#master.withKeyId(mark) ?? this.#master).derive("password");
  }

  /**
   * The hash of another system as it is stored: sealed, because it has no pepper. A thief of the database alone can guess at
   * no password by it.
   */
  import(hash: string): string {
    return IMPORTED_HASH + sealImportedHash(this.#master, hash).toString("base64url");
  }

  /**
   * Our own hash of a password that the stored one was right for, to be stored in its place; undefined where that is ours
   * already and under the current master key, or does not tell the password from another.
   */
  async renewed(hash: string | null, password: string): Promise<string | undefined> {
    if (hash === null) return undefined;
    if (!hash.startsWith(IMPORTED_HASH))
      return keyIdOf(hash)?.equals(this.#master.keyId) ? undefined : this.#hash(password);
    return this.#open(hash)?.readsWhole(password) ? this.#hash(password) : undefined;
  }

  /** Learns what stored hashes cost, for names that nobody has. @param sample stored hashes */
  learnCosts(sample: readonly string[]): void {
    const read = (hash: string) =>
      hash.startsWith(IMPORTED_HASH) ? this.#open(hash) : readImportedHash(hash.replace(MARKED, ""));
    this.#decoys.learn(sample, (hash) => read(hash)?.price ?? "");
  }

  #open(stored: string): ImportedHash | undefined {
    return openImportedHash(this.#master, Buffer.from(stored.slice(IMPORTED_HASH.length), "base64url"));
  }
}

/** The master key of a hash, as its associated data (PHC string format). */
const MARKED = /,data=([A-Za-z0-9+/]+)(?=\$)/;

/** Under which master key one of our hashes was made; undefined for one from before a master key could change. */
function keyIdOf(hash: string): Buffer | undefined {
  const [, mark] = MARKED.exec(hash) ?? [];
  return mark === undefined ? undefined : Buffer.from(mark, "base64");
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
const MIN_PASSWORD_LENGTH = 8;

/** The head of every list of leaked passwords. */
const COMMON_PASSWORDS = new Set([
  ...["12345678", "123456789", "1234567890", "password", "password1", "passw0rd", "qwertyuiop", "qwerty123"],
  ...["iloveyou", "sunshine", "princess", "football", "baseball", "welcome1", "letmein1", "changeme", "admin123"],
]);

/** Why a password is a weak one; undefined if it is not. */
export function passwordProblem(password: string): string | undefined {
  if (password.length < MIN_PASSWORD_LENGTH) return `a password shorter than ${MIN_PASSWORD_LENGTH} characters`;
  return COMMON_PASSWORDS.has(password.toLowerCase()) ? "one of the most common passwords" : undefined;
}

/** RFC 8265 section 4.2 (OpaqueString): one keyboard's é is another's e with an accent. */
function normalise(password: string): string {
  return password.normalize("NFC");
}
