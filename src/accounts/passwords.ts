import { availableParallelism } from "node:os";
import argon2 from "argon2";
import { Refusal } from "../errors/refusal.js";
import type { MasterKey } from "../keys/master-key.js";
import type { Random } from "../clock.js";

/** argon2id as OWASP's password storage cheat sheet asks at least: 19 MiB, two passes, one lane. */
const COST = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Longest password taken, in characters; 64 must be possible (NIST SP 800-63B), a megabyte must not. */
export const LONGEST_PASSWORD = 1_024;

/** Checks waiting at most for each one that runs: about two seconds of work. */
const QUEUE_PER_SLOT = 200;

/** Seconds after which whoever was turned away may try again. */
const RETRY_AFTER = 2;

/**
 * Password hashing, with its price under control: at most as many hashes at once as there are cores less one, because
 * every other request needs one too, and a queue that ends.
 */
export class Passwords {
  readonly #pepper: Buffer;
  readonly #nobody: Promise<string>;
  readonly #slots: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(master: MasterKey, random: Random, slots = Math.max(1, availableParallelism() - 1)) {
    this.#pepper = master.derive("password");
    this.#slots = slots;
    this.#nobody = argon2.hash(random(32), { ...COST, secret: this.#pepper });
  }

  /** An argon2id hash in PHC form. */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => argon2.hash(normalise(password), { ...COST, secret: this.#pepper }), Infinity);
  }

  /**
   * Whether the password belongs to the hash. Without a hash the same work is done and the answer is no, so that an
   * unknown name costs as much time as a wrong password.
   * @throws Refusal hashing_busy when too many are waiting
   */
  async verify(hash: string | null | undefined, password: string): Promise<boolean> {
    const against = hash ?? (await this.#nobody);
    const limit = this.#slots * QUEUE_PER_SLOT;
    const matches = await this.#inTurn(
      () => argon2.verify(against, normalise(password), { secret: this.#pepper }),
      limit,
    );
    return matches && hash !== null && hash !== undefined;
  }

  async #inTurn<T>(work: () => Promise<T>, limit: number): Promise<T> {
    if (this.#running >= this.#slots) {
      if (this.#waiting.length >= limit) throw new Refusal("hashing_busy", {}, { retryAfter: RETRY_AFTER });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      // The slot is handed on, not freed: nobody can slip in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

/** RFC 8265 section 4.2 (OpaqueString): one keyboard's é is another's e with an accent. */
function normalise(password: string): string {
  return password.normalize("NFC");
}
