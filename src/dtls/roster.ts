/** Something that a client holds on the server. */
export interface Held {
  /** The network of the client, by which limits count. */
  readonly network: string;
}

export interface RosterLimits {
  readonly total: number;
  readonly perNetwork: number;
}

/**
 * What clients hold, the least recently used first. Beyond a limit the least recently used one ends: of the same network if that
 * has too many, or else of all. So a network with many cannot displace those of others, and new clients are let in.
 */
export class Roster<T extends Held> {
  readonly #limits: RosterLimits;
  readonly #all = new Set<T>();
  readonly #byNetwork = new Map<string, Set<T>>();

  constructor(limits: RosterLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#all.size;
  }

  /** The least recently used first. */
  [Symbol.iterator](): Iterator<T> {
    return this.#all.values();
  }

  /** Adds one, or makes it the most recently used. @returns the one that has to end for it */
  touch(one: T): T | undefined {
    const network = this.#byNetwork.get(one.network) ?? new Set<T>();
    for (const set of [this.#all, network]) {
      set.delete(one);
      set.add(one);
    }
    this.#byNetwork.set(one.network, network);
    if (network.size > this.#limits.perNetwork) return first(network);
    return this.#all.size > this.#limits.total ? first(this.#all) : undefined;
  }

  delete(one: T): void {
    this.#all.delete(one);
    const network = this.#byNetwork.get(one.network);
    network?.delete(one);
    if (network?.size === 0) this.#byNetwork.delete(one.network);
  }
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  return set.values().next().value;
}
