import type { MasterKey } from "../keys/master-key.js";

/**
 * What the password of an unknown name is checked against: the hash of somebody, whose answer is not looked at. An imported
 * hash may take ten times as long as one of ours, so an unknown name has to take as long as a name that somebody has does.
 */
export class Decoys {
  readonly #master: MasterKey;
  /** A sample of what is stored, by price. */
  #hashes: readonly string[] = [];

  constructor(master: MasterKey) {
    this.#master = master;
  }

  /** Takes a new sample. @param priceOf two hashes of one price take the same time */
  learn(sample: readonly string[], priceOf: (hash: string) => string): void {
    const priced = sample.map((hash) => ({ hash, price: priceOf(hash) }));
    // In one order, so that a name keeps its price from one sample to the next.
    priced.sort((one, other) => (one.price < other.price ? -1 : one.price > other.price ? 1 : 0));
    this.#hashes = priced.map(({ hash }) => hash);
  }

  /** The hash for a name: always one of the same price, which as many names get as people have it. */
  for(name: string): string | undefined {
    const share = this.#master.mac("decoy", name).readUInt32BE() / 2 ** 32;
    return this.#hashes[Math.floor(share * this.#hashes.length)];
  }
}
