import type { ChangeFeed } from "../store/listen.js";

/** Most entries, so that guesses of client ids cannot fill the memory. */
const MAX_ENTRIES = 10_000;

interface Entry<T> {
  readonly readAt: number;
  readonly value: Promise<T>;
}

/**
 * Caches values of the store while the change feed can be trusted. A value whose read overlaps a change goes only to
 * the callers that already wait for it; later callers read again.
 */
export class Remembered<T> {
  readonly #feed: ChangeFeed;
  readonly #read: (key: string) => Promise<T>;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(feed: ChangeFeed, read: (key: string) => Promise<T>) {
    this.#feed = feed;
    this.#read = read;
  }

  get(key: string): Promise<T> {
    const entry = this.#entries.get(key);
    if (entry !== undefined && this.#feed.trusts(entry.readAt)) return entry.value;
    return this.#remember(key);
  }

  /** The cached value of a key, however old, without reading it again. */
  peek(key: string): Promise<T> | undefined {
    return this.#entries.get(key)?.value;
  }

  /** Forgets one key, or everything. */
  forget(key?: string): void {
    if (key === undefined) this.#entries.clear();
    else this.#entries.delete(key);
  }

  #remember(key: string): Promise<T> {
    const entry = { readAt: performance.now(), value: this.#read(key) };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const oldest = this.#entries.keys().next().value;
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest);
    entry.value.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    return entry.value;
  }
}
