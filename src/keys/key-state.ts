import type { SigningKeyRow } from "../store/signing-keys.js";

/** The use of a key: the next one of its algorithm, the one that signs soon, the one that signs, or one that has signed. */
export type KeyState = "next" | "pending" | "current" | "retired";

/** A key as operators see it. */
export interface DescribedKey {
  readonly kid: string;
  readonly alg: string;
  readonly state: KeyState;
  readonly published_at: Date;
  readonly active_from: Date | null;
  /** Seconds since it was made. */
  readonly age: number;
  /** The time from which it may be removed; null if it may not. The sweep removes it a day later. */
  readonly removable_from: Date | null;
  /** The reason for that time. */
  readonly because: string;
}

const REASONS: Readonly<Record<Exclude<KeyState, "retired">, string>> = {
  next: "it is published, and signs after the next rotation",
  pending: "it signs from active_from on",
  current: "it signs",
};

/** @param now milliseconds */
export function describeKey(row: SigningKeyRow, state: KeyState, now: number): DescribedKey {
  const { kid, alg, published_at, active_from, retain_until } = row;
  const age = Math.max(0, Math.floor((now - published_at.getTime()) / 1000));
  const removable_from = state === "retired" ? retain_until : null;
  return {
    kid,
    alg,
    state,
    published_at,
    active_from,
    age,
    removable_from,
    because: reasonOf(state, retain_until, now),
  };
}

function reasonOf(state: KeyState, retain_until: Date | null, now: number): string {
  if (state !== "retired") return REASONS[state];
  const isOver = retain_until !== null && retain_until.getTime() <= now;
  return isOver ? "no token that it signed is accepted" : "tokens that it signed may be in force until then";
}
