import type { MasterKey } from "../keys/master-key.js";

/**
 * Hashes against which the passwords of unknown names are checked; the result is ignored. An imported hash may take ten
 * times as long as one of ours. So the time for unknown names must be distributed like the time for existing ones.
 */
export class Decoys {
  readonly #master: MasterKey;
  /** A sample of the stored hashes, ordered by price. */
  #hashes: readonly string[] = [];

  constructor(master: MasterKey) {
    this.#master = master;
  }

  /** Replaces the sample. @param priceOf names the cost of a hash: hashes with equal prices take the same time */
  learn(sample: readonly string[], priceOf: (hash: string) => string): void {
    const priced = sample.map((hash) => ({ hash, price: priceOf(hash) }));
    // A fixed order, so that a name keeps its price from one sample to the next.
    priced.sort((one, other) => (one.price < other.price ? -1 : one.price > other.price ? 1 : 0));
    this.#hashes = priced.map(({ hash }) => hash);
  }

  /**
   * The decoy for a name. A name always gets a hash of the same price, and prices are as frequent as among the users.
   */
  for(name: string): string | undefined {
    const share = this.#master.mac("decoy", name).readUInt32BE() / 2 ** 32;
    return this.#hashes[Math.floor(share * this.#hashes.length)];
  }
}
