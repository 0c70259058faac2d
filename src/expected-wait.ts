/** Milliseconds of a clock that never goes back. */
export type Monotonic = () => number;

/** Milliseconds that may be waited for a place. */
export interface Patience {
  /** While the queue comes and goes: a burst is worked off, not refused. */
  readonly burst: number;
  /** Once the queue has not been empty for INTERVAL: a queue that stays shortens nothing and delays everybody. */
  readonly standing: number;
}

/** Milliseconds after which a queue that was never empty is standing, not a burst. */
const INTERVAL = 2_000;

/** Weight of the newest time in the average. */
const NEWEST = 1 / 16;

/**
 * How long somebody will wait for one of a few places. The length of a queue says little: 200 waiting are a moment before one
 * place and minutes before another. So the time for which a place is held is measured, and the wait is the length of the
 * queue times that, shared by the places (Little's law). Two limits keep bursts and standing queues apart, as CoDel does
 * (RFC 8289 section 3; docs/decisions/0014).
 */
export class ExpectedWait {
  readonly #places: number;
  readonly #patience: Patience;
  readonly #now: Monotonic;
  readonly #heldSince = new Map<object, number>();
  #average: number;
  #emptyAt: number;

  /** @param first what a place is taken to be held for until it was measured, in milliseconds */
  constructor(places: number, patience: Patience, first: number, now: Monotonic = () => performance.now()) {
    this.#places = places;
    this.#patience = patience;
    this.#average = first;
    this.#now = now;
    this.#emptyAt = now();
  }

  /** A place is taken. */
  begin(holder: object): void {
    this.#heldSince.set(holder, this.#now());
  }

  /** It is free again. */
  end(holder: object): void {
    const since = this.#heldSince.get(holder);
    if (since === undefined) return;
    this.#heldSince.delete(holder);
    this.#average += (this.#now() - since - this.#average) * NEWEST;
  }

  /**
   * Milliseconds for which a place is held at present. What is held now may be stuck, which no finished one tells: their mean
   * age counts where it is longer.
   */
  get held(): number {
    const now = this.#now();
    let ages = 0;
    for (const since of this.#heldSince.values()) ages += now - since;
    return Math.max(this.#average, ages / Math.max(1, this.#heldSince.size));
  }

  /** Milliseconds until a place is free for somebody who comes now, behind as many others. */
  behind(waiting: number): number {
    const isFree = waiting === 0 && this.#heldSince.size < this.#places;
    return isFree ? 0 : ((waiting + 1) * this.held) / this.#places;
  }

  /** Whether that is longer than anybody is let wait. */
  isTooLong(waiting: number): boolean {
    const now = this.#now();
    if (waiting === 0) this.#emptyAt = now;
    const { burst, standing } = this.#patience;
    return this.behind(waiting) > (now - this.#emptyAt < INTERVAL ? burst : standing);
  }
}
