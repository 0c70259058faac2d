import { randomBytes } from "node:crypto";

/** The source of time. Production uses the clock of the process and that of the database; a test passes its own. */
export interface Clock {
  /** Milliseconds since the epoch: for `iat`, `exp` and every decision of this process alone. */
  now(): number;
  /**
   * The time for a statement: `null` stands for the database's clock, so that instances cannot disagree about an expiry
   * (every statement contains `coalesce($n, now())`).
   */
  statement(): Date | null;
}

export const systemClock: Clock = { now: () => Date.now(), statement: () => null };

/** A clock's time as a NumericDate (RFC 7519 section 2): whole seconds since the epoch. */
export function epochSeconds(clock: Clock): number {
  return toSeconds(new Date(clock.now()));
}

/** A date as a NumericDate. */
export function toSeconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

/**
 * Seconds by which the clock of another machine (a client, a certificate authority) may differ from ours, ahead or behind. It
 * applies to every instant that such a machine names. FAPI 2.0 section 5.3.2.1 asks for 10 at least and 60 at
 * most. Instants of our own (a token's `exp`, a row's expiry) are compared as they are. An `id_token_hint` is the exception.
 */
export const CLOCK_TOLERANCE = 15;

/** Whether an instant that another machine named may have come. Both are milliseconds since the epoch. */
export function hasCome(instant: number, now: number): boolean {
  return instant - now <= CLOCK_TOLERANCE * 1000;
}

/** Whether an instant that another machine named has certainly passed. Both are milliseconds since the epoch. */
export function hasPassed(instant: number, now: number): boolean {
  return now - instant >= CLOCK_TOLERANCE * 1000;
}

/** The source of randomness: returns `size` unpredictable bytes. */
export type Random = (size: number) => Buffer;

/** Bytes that are generated at once: to ask for a few takes as long as to ask for many. */
const STOCK = 4_096;

/** Longest request that is answered from the stock, in bytes: identifiers, salts and nonces. Keys are never stocked. */
const MAX_FROM_STOCK = 16;

export const systemRandom: Random = randomFromStock();

function randomFromStock(): Random {
  let stock: Buffer = Buffer.alloc(0);
  return (size) => {
    if (size > MAX_FROM_STOCK) return randomBytes(size);
    if (stock.length < size) stock = randomBytes(STOCK);
    const taken = stock.subarray(0, size);
    stock = stock.subarray(size);
    const bytes = Buffer.from(taken);
    taken.fill(0);
    return bytes;
  };
}

/** A new identifier that cannot be guessed: 128 bits in base64url, 22 characters. */
export function newId(random: Random): string {
  return random(16).toString("base64url");
}

/** A new secret: 256 bits in base64url, 43 characters. */
export function newSecret(random: Random): string {
  return random(32).toString("base64url");
}

/** Milliseconds of difference above which it is reported, and below which the clocks agree again. */
const MAX_DIFFERENCE = 3_000;
const AGREEMENT = 2_000;

/** Longest round trip of a usable measurement, in milliseconds: the difference is only known to lie within it. */
const MAX_ROUND_TRIP = 1_000;

/**
 * The difference between this process's clock and the database's. Tokens carry times of the first, and stored rows are judged
 * by the second. So a difference makes tokens look expired too early, or valid for too long.
 */
export class ClockDifference {
  readonly #tell: (seconds: number, isLarge: boolean) => void;
  #milliseconds = 0;
  #isLarge = false;

  /** @param tell called when the difference exceeds a few seconds, and when it no longer does */
  constructor(tell: (seconds: number, isLarge: boolean) => void = () => {}) {
    this.#tell = tell;
  }

  /** Seconds by which this process's clock is ahead; negative where it is behind. */
  get seconds(): number {
    return Math.round(this.#milliseconds) / 1000;
  }

  /** Whether the clocks differ by more than a few seconds. */
  get isLarge(): boolean {
    return this.#isLarge;
  }

  /**
   * Takes one measurement, all in milliseconds since the epoch.
   * @param before this process's clock when it sent the question
   * @param database the database's clock, as answered
   * @param after this process's clock when the answer arrived
   */
  compare(before: number, database: number, after: number): void {
    const took = after - before;
    if (took < 0 || took > MAX_ROUND_TRIP) return;
    this.#milliseconds = before + took / 2 - database;
    const isLarge = Math.abs(this.#milliseconds) > (this.#isLarge ? AGREEMENT : MAX_DIFFERENCE);
    if (isLarge === this.#isLarge) return;
    this.#isLarge = isLarge;
    this.#tell(this.seconds, isLarge);
  }
}
