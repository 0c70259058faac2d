/** Things of which each has one user at a time. */
export class Pool<T> {
  readonly #free: T[];

  constructor(all: readonly T[]) {
    this.#free = [...all];
  }

  /** @throws Error where all are in use */
  take(): T {
    const taken = this.#free.shift();
    if (taken === undefined) throw new Error("everything of this pool is in use");
    return taken;
  }

  giveBack(one: T): void {
    this.#free.push(one);
  }
}
