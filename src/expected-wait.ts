/** Reads a clock that never goes back, in milliseconds. */
export type Monotonic = () => number;

/** The longest acceptable waits for a place, in milliseconds. */
export interface Patience {
  /** For a burst, which the queue soon works off. */
  readonly burst: number;
  /** Once the queue has not been empty for INTERVAL: a standing queue delays everyone and gains nothing. */
  readonly standing: number;
}

/** Milliseconds without an empty queue after which it counts as standing, not as a burst. */
const INTERVAL = 2_000;

/** Weight of the latest measurement in the average. */
const NEWEST = 1 / 16;

/**
 * Predicts the wait for one of a few places. The length of a queue alone says little: 200 waiting requests take a moment
 * before one place and minutes before another. So the time for which a place is held is measured. The wait is the length of
 * the queue times that time, divided by the number of places (Little's law). Two limits distinguish bursts from standing
 * queues, as CoDel does (RFC 8289 section 3; docs/decisions/0014).
 */
export class ExpectedWait {
  readonly #places: number;
  readonly #patience: Patience;
  readonly #now: Monotonic;
  readonly #heldSince = new Map<object, number>();
  #average: number;
  #emptyAt: number;

  /** @param first the assumed time for which a place is held until the first measurement, in milliseconds */
  constructor(places: number, patience: Patience, first: number, now: Monotonic = () => performance.now()) {
    this.#places = places;
    this.#patience = patience;
    this.#average = first;
    this.#now = now;
    this.#emptyAt = now();
  }

  /** Records that a place is taken. */
  begin(holder: object): void {
    this.#heldSince.set(holder, this.#now());
  }

  /** Records that the place is free again. */
  end(holder: object): void {
    const since = this.#heldSince.get(holder);
    if (since === undefined) return;
    this.#heldSince.delete(holder);
    this.#average += (this.#now() - since - this.#average) * NEWEST;
  }

  /**
   * Milliseconds for which a place is held at present. Places held right now may be stuck, which the average of the finished
   * ones does not show. So their mean age counts if it is longer.
   */
  get held(): number {
    const now = this.#now();
    let ages = 0;
    for (const since of this.#heldSince.values()) ages += now - since;
    return Math.max(this.#average, ages / Math.max(1, this.#heldSince.size));
  }

  /** The expected wait of a newcomer behind this many others, in milliseconds. */
  behind(waiting: number): number {
    const isFree = waiting === 0 && this.#heldSince.size < this.#places;
    return isFree ? 0 : ((waiting + 1) * this.held) / this.#places;
  }

  /** Whether the expected wait exceeds the limit that applies now. */
  isTooLong(waiting: number): boolean {
    const now = this.#now();
    if (waiting === 0) this.#emptyAt = now;
    const { burst, standing } = this.#patience;
    return this.behind(waiting) > (now - this.#emptyAt < INTERVAL ? burst : standing);
  }
}
