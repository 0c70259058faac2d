/** Remembers the values that were used last, by key. It holds `max` of them at most. */
export class RememberedLatest<T> {
  readonly #max: number;
  #latest = new Map<string, T>();
  /** The values before those. */
  #earlier: ReadonlyMap<string, T> = new Map();

  constructor(max: number) {
    this.#max = max;
  }

  get(key: string): T | undefined {
    const value = this.#latest.get(key);
    if (value !== undefined) return value;
    const earlier = this.#earlier.get(key);
    if (earlier !== undefined) this.set(key, earlier);
    return earlier;
  }

  set(key: string, value: T): void {
    if (this.#latest.size >= this.#max / 2) {
      this.#earlier = this.#latest;
      this.#latest = new Map();
    }
    this.#latest.set(key, value);
  }
}
