/**
 * When the sweep looks at a grant. A grant may be deleted when its refresh token has been over for a while and its last
 * access token too. A refresh moves that time, so it stands in no index: `sweep_after` is a lower bound of it, which only
 * the sweep moves (docs/decisions/0015).
 */

/** What is kept this long after it expired, so that a late replay is still known for what it is. */
export const KEPT = "interval '1 day'";

/** The sweep looks again after this long at the latest: a client's lifetimes may have been lowered since. */
const LOOK_AGAIN = "interval '90 days'";

/**
 * SQL: when the row of a grant may be deleted.
 * @param end when its refresh token expires
 * @param lifetime seconds that its access tokens live
 */
export function overAt(end: string, lifetime: string): string {
  return `${end} + ${lifetime} * interval '1 second' + ${KEPT}`;
}

/**
 * SQL: when the sweep looks at a grant next, for a time from `overAt`. Full hours, because an index stores many equal values
 * in little room; without date_trunc, whose hours depend on the session's time zone.
 */
export function sweepAfter(over: string, now: string): string {
  return `date_bin('1 hour', least(${over}, ${now} + ${LOOK_AGAIN}), TIMESTAMPTZ '2000-01-01 00:00:00+00') + interval '1 hour'`;
}
