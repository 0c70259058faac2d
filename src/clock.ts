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

/** Where randomness comes from: `size` unpredictable bytes. */
export type Random = (size: number) => Buffer;

export const systemRandom: Random = (size) => randomBytes(size);
