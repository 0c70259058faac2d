/** Networks whose use is remembered. Beyond them the one that started a handshake longest ago is forgotten. */
const MAX_NETWORKS = 10_000;

/** How many handshakes a network may start at once, and then in each second. Each costs the server a signature. */
export interface HandshakeRate {
  readonly atOnce: number;
  readonly perSecond: number;
}

interface Account {
  readonly left: number;
  /** Milliseconds. */
  readonly at: number;
}

/** Limits the handshakes of each network (a token bucket). */
export class HandshakeBudget {
  readonly #rate: HandshakeRate;
  readonly #now: () => number;
  readonly #accounts = new Map<string, Account>();

  constructor(rate: HandshakeRate, now: () => number) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Whether this network may start a handshake now. If it may, the handshake is counted. */
  take(network: string): boolean {
    const now = this.#now();
    const { left, at } = this.#accounts.get(network) ?? { left: this.#rate.atOnce, at: now };
    const available = Math.min(this.#rate.atOnce, left + ((now - at) / 1000) * this.#rate.perSecond);
    if (available < 1) return false;
    this.#accounts.delete(network);
    this.#accounts.set(network, { left: available - 1, at: now });
    if (this.#accounts.size > MAX_NETWORKS) this.#accounts.delete(this.#accounts.keys().next().value!);
    return true;
  }
}
