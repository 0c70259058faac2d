/**
 * The time at which the sweep checks a grant. A grant may be deleted some time after its refresh token and its last access token
 * have expired, or after it was ended. Refreshes and revocations move that time, so it is not indexed. `sweep_after` is the time of
 * the next check, which only the sweep moves (docs/decisions/0015).
 */

/** The time for which expired rows are kept, so that a late replay is still recognised. */
export const KEPT = "interval '1 day'";

/** The longest time between two checks of a grant, because it may be ended, and the lifetimes of its client may be lowered. */
const MAX_UNCHECKED = "interval '7 days'";

/**
 * SQL: the time from which the row of a grant may be deleted.
 * @param end the expiry of its refresh token
 * @param lifetime the lifetime of its access tokens, in seconds
 */
export function overAt(end: string, lifetime: string): string {
  return `${end} + ${lifetime} * interval '1 second' + ${KEPT}`;
}

/**
 * SQL: the time of the next check of a grant, for a time from `overAt`. It is rounded to full hours, because an index stores many
 * equal values in little space. date_trunc is avoided, because its hours depend on the time zone of the session.
 */
export function sweepAfter(over: string, now: string): string {
  return `date_bin('1 hour', least(${over}, ${now} + ${MAX_UNCHECKED}), TIMESTAMPTZ '2000-01-01 00:00:00+00') + interval '1 hour'`;
}
