import type { Limits } from "./limits.js";
import { EXCHANGE_LIFETIME } from "./parameters.js";
import { keyOf, type Peer, type PeerKey } from "./peer.js";
import type { Timers } from "./timers.js";

/** Bytes that a body takes besides its own. */
const OVERHEAD = 256;

interface Kept<Content> {
  readonly key: PeerKey;
  readonly name: string;
  readonly content: Content;
  readonly bytes: number;
  readonly expires: number;
}

/** Bodies of which a part was sent or received, by peer and name, for a limited time and in limited memory. */
export class Transfers<Content> {
  readonly #timers: Timers;
  readonly #limits: Limits;
  readonly #ofPeers = new Map<PeerKey, Map<string, Kept<Content>>>();
  /** All of them, in the order in which they expire. */
  readonly #all = new Set<Kept<Content>>();
  #bytes = 0;

  constructor(timers: Timers, limits: Limits) {
    this.#timers = timers;
    this.#limits = limits;
  }

  find(peer: Peer, name: string): Content | undefined {
    this.#expire();
    return this.#ofPeers.get(keyOf(peer))?.get(name)?.content;
  }

  /** Keeps a body in the place of an earlier one of this name. @returns false if there is no room for it */
  keep(peer: Peer, name: string, content: Content, length: number): boolean {
    this.drop(peer, name);
    this.#expire();
    const key = keyOf(peer);
    const own = this.#ofPeers.get(key) ?? new Map<string, Kept<Content>>();
    const [oldest] = own.values();
    if (own.size >= this.#limits.bodiesOfPeer) this.#drop(oldest!);
    const bytes = length + OVERHEAD;
    if (this.#bytes + bytes > this.#limits.bodyBytes) return false;
    const kept = { key, name, content, bytes, expires: this.#timers.now() + EXCHANGE_LIFETIME };
    this.#ofPeers.set(key, own.set(name, kept));
    this.#all.add(kept);
    this.#bytes += bytes;
    return true;
  }

  drop(peer: Peer, name: string): void {
    const kept = this.#ofPeers.get(keyOf(peer))?.get(name);
    if (kept !== undefined) this.#drop(kept);
  }

  /** Drops everything of a peer. */
  forget(peer: Peer): void {
    for (const kept of this.#ofPeers.get(keyOf(peer))?.values() ?? []) this.#drop(kept);
  }

  #drop(kept: Kept<Content>): void {
    const own = this.#ofPeers.get(kept.key)!;
    own.delete(kept.name);
    if (own.size === 0) this.#ofPeers.delete(kept.key);
    this.#all.delete(kept);
    this.#bytes -= kept.bytes;
  }

  #expire(): void {
    const now = this.#timers.now();
    for (const kept of this.#all) {
      if (kept.expires > now) return;
      this.#drop(kept);
    }
  }
}
