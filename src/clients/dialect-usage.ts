import type { Clock } from "../clock.js";
import { pieces } from "../store/batches.js";
import { addDialectUses, type DialectUse } from "../store/dialect-usage.js";
import type { Db } from "../store/open.js";

/**
 * Counts which client uses which dialect, so that an operator sees when one can be switched off. It counts
 * authenticated requests in memory and adds them to the store from time to time. A killed instance loses what it has
 * not added.
 */
export class DialectUsage {
  readonly #db: Db;
  readonly #clock: Clock;
  #counted = new Map<string, DialectUse>();

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Counts a request of an authenticated client. */
  count(client_id: string, dialect: string): void {
    this.#add({ client_id, dialect, uses: 1, last_used_at: new Date(this.#clock.now()) });
  }

  /** Adds the counts since the last flush to the store. Counts that cannot be added stay for the next flush. */
  async flush(): Promise<void> {
    const uses = [...this.#counted.values()];
    if (uses.length === 0) return;
    this.#counted = new Map();
    const left = new Set(pieces(uses));
    try {
      for (const piece of left) {
        await addDialectUses(this.#db, piece, this.#clock.statement());
        left.delete(piece);
      }
    } catch (error) {
      for (const use of [...left].flat()) this.#add(use);
      throw error;
    }
  }

  #add({ client_id, dialect, uses, last_used_at }: DialectUse): void {
    const key = `${client_id}\n${dialect}`;
    const before = this.#counted.get(key);
    const last = before !== undefined && before.last_used_at > last_used_at ? before.last_used_at : last_used_at;
    this.#counted.set(key, { client_id, dialect, uses: uses + (before?.uses ?? 0), last_used_at: last });
  }
}
