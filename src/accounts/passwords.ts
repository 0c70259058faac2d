import { availableParallelism } from "node:os";
import argon2 from "argon2";
import type { Random } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";
import { published } from "../spans.js";
import { refuseIfLeft, type Caller } from "../store/pool.js";
import { IMPORTED_HASH } from "../store/sealed.js";
import { Decoys } from "./decoys.js";
import { readImportedHash } from "./imported-hash/encodings.js";
import type { ImportedHash } from "./imported-hash/recipes.js";
import { WorkQueue } from "./work-queue.js";

/** The minimum for argon2id in OWASP's password storage cheat sheet: 19 MiB, two passes, one lane. */
const COST: HashingCost = { memoryCost: 19_456, timeCost: 2 };

/** The cost of one hash (RFC 9106 section 3.1): KiB of memory, and passes over it. */
export interface HashingCost {
  readonly memoryCost: number;
  readonly timeCost: number;
}

/** Longest accepted password, in characters. NIST SP 800-63B requires at least 64; a megabyte would be an attack. */
export const MAX_PASSWORD_LENGTH = 1_024;

/** How many hashes one of the server processes of this machine makes at once. @param processes that share the cores */
export function hashingSlots(processes: number): number {
  return Math.max(1, Math.floor((availableParallelism() - 1) / processes));
}

/** Logins that run for each hash that is made. The next login asks the database while the hash of the last one is made. */
const LOGINS_FOR_A_SLOT = 1.5;

/**
 * Password hashing with bounded cost: at most one hash fewer at once than there are cores, because every other request
 * needs a core too.
 */
export class Passwords {
  readonly #master: MasterKey;
  readonly #decoys: Decoys;
  readonly #options: argon2.HashOptions;
  /** The decoy where no hash is stored. */
  readonly #unmatched: string;
  /** The logins that run, and those that wait. */
  readonly #logins: WorkQueue;
  /** The hashes that are made, and those that wait: never more than there are running logins. */
  readonly #hashes: WorkQueue;

  constructor(master: MasterKey, random: Random, slots = hashingSlots(1), cost = COST) {
    this.#master = master;
    this.#decoys = new Decoys(master);
    this.#logins = new WorkQueue(Math.ceil(slots * LOGINS_FOR_A_SLOT));
    this.#hashes = new WorkQueue(slots);
    const pepper = { secret: master.derive("password"), associatedData: master.keyId };
    this.#options = { ...cost, type: argon2.argon2id, parallelism: 1, ...pepper };
    this.#unmatched = unmatchedHash(cost, master.keyId, random);
  }

  /** The number of jobs that wait for a slot. */
  get waiting(): number {
    return this.#logins.waiting + this.#hashes.waiting;
  }

  /** An argon2id hash in PHC form, for operators: it waits however long the queue is. */
  hash(password: string): Promise<string> {
    return this.#logins.runUnbounded({}, () => this.#hash(password));
  }

  /** The same for users, with the bounded queue of logins. @throws Refusal hashing_busy */
  hashQueued(who: string, password: string, caller?: Caller): Promise<string> {
    return this.#logins.run(who, async () => {
      refuseIfLeft(caller);
      return this.#hash(password);
    });
  }

  #hash(password: string): Promise<string> {
    return published("password hash", "", () =>
      this.#hashes.runUnbounded({}, () => argon2.hash(normalise(password), this.#options)),
    );
  }

  /**
   * Runs a whole login in a place of the queue. Queued logins hold neither a hashing slot nor a database connection.
   * @param key jobs with the same key run one after another
   * @throws Refusal hashing_busy when the queue is too long, or the slot does not come
   */
  runQueued<T>(who: string, work: () => Promise<T>): Promise<T> {
    return this.#logins.run(who, work);
  }

  /**
   * Whether the password matches the hash. Call it inside `runQueued`. Without a hash it verifies a decoy and returns
   * false, so that an unknown name takes as long as a wrong password.
   * @param name the identifier of the login
   */
  async verify(hash: string | null | undefined, password: string, name: string): Promise<boolean> {
    const against = hash ?? this.#decoys.for(name) ?? this.#unmatched;
    const matches = await published("password hash", "", () =>
      this.#hashes.runUnbounded({}, () => this.#matches(against, password)),
    );
    return matches && hash !== null && hash !== undefined;
  }

  async #matches(hash: string, password: string): Promise<boolean> {
    if (!hash.startsWith(IMPORTED_HASH))
      return argon2.verify(hash, normalise(password), { secret: this.#pepperOf(hash) });
    return isPasswordOf(this.#open(hash), password);
  }

  /** The pepper of one of our hashes. A hash under a rejected key takes the same time, and matches no password. */
  #pepperOf(hash: string): Buffer {
    const mark = keyIdOf(hash);
    if (mark === undefined) return this.#master.lasting("password");
    return (this.#master.withKeyId(mark) ?? this.#master).derive("password");
  }

  /**
   * An imported hash in the form in which it is stored: sealed, because it has no pepper. A thief of the database alone
   * cannot use it to guess passwords.
   */
  import(hash: string): string {
    return IMPORTED_HASH + sealImportedHash(this.#master, hash).toString("base64url");
  }

  /**
   * Our own hash of a password that has just matched the stored hash, to replace it. Undefined if the stored hash is
   * ours and under the current master key, or if it covers only a part of the password.
   */
  async renewed(hash: string | null, password: string): Promise<string | undefined> {
    if (hash === null) return undefined;
    if (!hash.startsWith(IMPORTED_HASH))
      return keyIdOf(hash)?.equals(this.#master.keyId) ? undefined : this.#hash(password);
    return this.#open(hash)?.readsWhole(password) ? this.#hash(password) : undefined;
  }

  /** Updates the decoys for unknown names. @param sample stored hashes */
  learnCosts(sample: readonly string[]): void {
    const read = (hash: string) =>
      hash.startsWith(IMPORTED_HASH) ? this.#open(hash) : readImportedHash(hash.replace(MARKED, ""));
    this.#decoys.learn(sample, (hash) => read(hash)?.price ?? "");
  }

  #open(stored: string): ImportedHash | undefined {
    return openImportedHash(this.#master, Buffer.from(stored.slice(IMPORTED_HASH.length), "base64url"));
  }
}

/** A hash that no password has, because its digest is random. Checking it takes as long, and making it takes no time. */
function unmatchedHash({ memoryCost, timeCost }: HashingCost, keyId: Buffer, random: Random): string {
  const written = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/, "");
  const terms = `m=${memoryCost},p=1,t=${timeCost},data=${written(keyId)}`;
  return `$argon2id$v=19$${terms}$${written(random(16))}$${written(random(32))}`;
}

/** The identifier of the master key, as the associated data of a hash (PHC string format). */
const MARKED = /,data=([A-Za-z0-9+/]+)(?=\$)/;

/** The identifier of the master key of one of our hashes; undefined for a hash from before master keys could change. */
function keyIdOf(hash: string): Buffer | undefined {
  const [, mark] = MARKED.exec(hash) ?? [];
  return mark === undefined ? undefined : Buffer.from(mark, "base64");
}

/** Encrypts an imported hash, in any encoding. */
export function sealImportedHash(master: MasterKey, hash: string): Buffer<ArrayBuffer> {
  return master.seal("imported-hash", Buffer.from(hash));
}

/** Decrypts the result of `sealImportedHash`; undefined for anything else. */
export function openImportedHash(master: MasterKey, sealed: Uint8Array): ImportedHash | undefined {
  return readImportedHash(master.open("imported-hash", sealed)?.toString("utf8") ?? "");
}

/** Whether a password matches an imported hash. Other systems hash the text as typed; ours normalises it first. */
export async function isPasswordOf(hash: ImportedHash | undefined, password: string): Promise<boolean> {
  for (const form of new Set([password, normalise(password)])) if (await hash?.verify(form)) return true;
  return false;
}

/** Shortest password that is not weak, in characters (NIST SP 800-63B section 3.1.1.2). */
const MIN_PASSWORD_LENGTH = 8;

/** The most frequent entries of lists of leaked passwords. */
const COMMON_PASSWORDS = new Set([
  ...["12345678", "123456789", "1234567890", "password", "password1", "passw0rd", "qwertyuiop", "qwerty123"],
  ...["iloveyou", "sunshine", "princess", "football", "baseball", "welcome1", "letmein1", "changeme", "admin123"],
]);

/** The reason why a password is weak; undefined if it is not. */
export function passwordProblem(password: string): string | undefined {
  if (password.length < MIN_PASSWORD_LENGTH) return `a password shorter than ${MIN_PASSWORD_LENGTH} characters`;
  return COMMON_PASSWORDS.has(password.toLowerCase()) ? "one of the most common passwords" : undefined;
}

/** RFC 8265 section 4.2 (OpaqueString): keyboards differ in how they encode é. */
function normalise(password: string): string {
  return password.normalize("NFC");
}
