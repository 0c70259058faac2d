import type { ChangeFeed } from "../store/listen.js";

/** Entries kept at most: a guess of client ids must not fill the memory. */
const MAX_ENTRIES = 10_000;

interface Entry<T> {
  readonly readAt: number;
  readonly value: Promise<T>;
}

/**
 * Remembers what was read from the store for as long as it can be sure of hearing about changes. A value that was being
 * read while a change came in is handed to those who already wait for it, and read anew for whoever comes later.
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

  /** What was read last for a key, however long ago, without reading it again. */
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
