import { randomBytes } from "node:crypto";

/** Where time comes from. Production has one clock per instance and the database's own; a test passes its own. */
export interface Clock {
  /** Milliseconds since the epoch: for `iat`, `exp` and everything this process decides by itself. */
  now(): number;
  /**
   * What a statement takes for now: `null` lets the database's clock decide, so that instances cannot disagree about an
   * expiry (every statement says `coalesce($n, now())`).
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
 * Seconds by which the clock of another machine may differ from ours, ahead or behind: of a client, or of whoever made a
 * certificate. It applies to every instant that such a machine names. FAPI 2.0 section 5.3.2.1 asks for 10 at least and 60 at
 * most. Instants of our own (a token's `exp`, a row's expiry) are compared as they are.
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

/** Where randomness comes from: `size` unpredictable bytes. */
export type Random = (size: number) => Buffer;

export const systemRandom: Random = (size) => randomBytes(size);
