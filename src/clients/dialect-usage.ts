import type { Clock } from "../clock.js";
import { pieces } from "../store/batches.js";
import { addDialectUses, type DialectUse } from "../store/dialect-usage.js";
import type { Db } from "../store/open.js";

/**
 * Which client uses which dialect, so that an operator sees when one can be switched off. Counted in memory, for clients
 * that were recognised, and added to the store every so often: an instance that is killed forgets what it did not add yet.
 */
export class DialectUsage {
  readonly #db: Db;
  readonly #clock: Clock;
  #counted = new Map<string, DialectUse>();

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Counts a request of a client that proved who it is. */
  count(client_id: string, dialect: string): void {
    this.#add({ client_id, dialect, uses: 1, last_used_at: new Date(this.#clock.now()) });
  }

  /** Adds to the store what was counted since the last time; what cannot be added now is, the next time. */
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
