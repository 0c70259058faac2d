import { recordEnd } from "./audit-events.js";
import { MAX_REACH, reachableSince } from "./availability.js";
import { epochOf } from "./epochs.js";
import type { GrantTerms } from "./grants.js";
import { run, type Db } from "./open.js";
import { personColumns, type Person } from "./users.js";

/**
 * Redeems a refresh token. A token names its grant and generation. One statement on the grant's row decides whether it
 * is the current one, the one before, or theft (docs/decisions/0002).
 */

/** Seconds during which the immediately previous token gets the same successor again, not counting an outage. */
const RETRY_WINDOW = 10;

/** Seconds for which it is remembered when a generation was superseded: as far back as the longest window. */
const REMEMBERED = MAX_REACH + RETRY_WINDOW;

/** Of how many generations it is remembered at most. */
const MAX_ROTATIONS = 32;

interface Presented {
  readonly grant_id: string;
  readonly generation: number;
  readonly client_id: string;
  /** Scopes asked for, or null for all of the grant. */
  readonly scope: readonly string[] | null;
  /** Whether the client may still have what it asks for; an exchange that may not be answered must not use the token up. */
  readonly scopeAllowed: boolean;
  readonly rotation: boolean;
  /** Whether the token before gets the same successor again for a moment (RETRY_WINDOW). */
  readonly retryable: boolean;
  readonly idle: number;
  /** When the instance that asks was in service last, by the database's clock (Availability). */
  readonly inServiceAt: Date | null;
}

/** The grant after the exchange. */
interface RefreshedGrant extends GrantTerms {
  readonly id: string;
  readonly sub: string;
  /** Which of its refresh tokens is current now. */
  readonly generation: number;
}

export type RefreshOutcome =
  | { readonly outcome: "rotated" | "retried"; readonly grant: RefreshedGrant; readonly user: Person }
  | { readonly outcome: "scope_exceeded"; readonly granted: readonly string[] }
  | { readonly outcome: "reused" | "spent" | "superseded" | "unknown" | "foreign" | "over" };

/** Its person and its client, as they were when it was made; a disabled client is refused before. */
const OWNERS = `
          SELECT 1 FROM users u, clients c
          WHERE u.sub = g.sub AND NOT u.disabled AND ${epochOf("u")} = g.user_epoch
            AND c.client_id = g.client_id AND ${epochOf("c")} = g.client_epoch`;

const CURRENT = "g.generation = $3";
// The successor is unused exactly as long as the row still stands one generation after the presented one.
const BEFORE = "g.generation = $3 + 1";
// The last entry is when the generation before the current one was superseded, the one ahead of it the one before that.
// What is older than a list that was cut for its length was superseded before its first entry, and more is not known.
const SUPERSEDED_AT = `coalesce(
          g.rotations[cardinality(g.rotations) - (g.generation - 1 - $3)],
          CASE WHEN cardinality(g.rotations) >= ${MAX_ROTATIONS} THEN g.rotations[1] END)`;
const RECENT = `(g.generation > $3 AND coalesce(${SUPERSEDED_AT} >= t.since, false))`;
const THEFT = `NOT (${CURRENT} OR ${RECENT})`;
const SCOPE = "($5 AND coalesce($4::text[], g.scope) <@ g.scope)";

/** What is remembered after one more rotation. */
const ROTATED = `array(
            SELECT r.at FROM unnest(g.rotations) WITH ORDINALITY AS r (at, n)
            WHERE r.at >= t.now - interval '${REMEMBERED} seconds' AND r.n > cardinality(g.rotations) - ${MAX_ROTATIONS - 1}
            ORDER BY r.n) || t.now`;

const REDEEM = {
  name: "grant_refresh",
  text: `
    WITH t AS MATERIALIZED (
      SELECT n.now, ${reachableSince("n.now", "$10::timestamptz", RETRY_WINDOW)} AS since
      FROM (SELECT coalesce($8::timestamptz, now()) AS now) n
    ), redeemed AS (
      UPDATE grants g SET
        generation      = CASE WHEN ${CURRENT} AND $6 THEN g.generation + 1 ELSE g.generation END,
        rotations       = CASE WHEN ${CURRENT} AND $6 THEN ${ROTATED} ELSE g.rotations END,
        retries         = CASE WHEN ${CURRENT} THEN 0 ELSE g.retries + 1 END,
        idle_expires_at = CASE WHEN ${CURRENT} THEN t.now + $7 * interval '1 second' ELSE g.idle_expires_at END,
        ended_at        = CASE WHEN ${THEFT} THEN t.now END,
        ended_because   = CASE WHEN ${THEFT} THEN 'reuse' END
      FROM t
      WHERE g.id = $1 AND g.client_id = $2
        AND g.ended_at IS NULL AND g.idle_expires_at > t.now AND g.absolute_expires_at > t.now
        AND EXISTS (${OWNERS})
        AND ((${CURRENT} AND ${SCOPE}) OR (${RECENT} AND ${BEFORE} AND $9 AND ${SCOPE}) OR ${THEFT})
      RETURNING g.*
    )
    SELECT g.client_id AS owner, g.scope AS granted, g.ended_at IS NULL AND g.idle_expires_at > t.now
             AND g.absolute_expires_at > t.now AND EXISTS (${OWNERS}) AS alive, ${SCOPE} AS scope_allowed,
           r.id, r.generation, r.retries, r.scope, r.auth_time, r.amr, r.acr, r.sid,
           r.id_token_claims, r.claims_locales, r.sub, r.ended_because,
           CASE WHEN r.ended_because = 'reuse' THEN ${recordEnd("r", "reuse")} END AS is_recorded,
           ${personColumns("u")}
    FROM t
    LEFT JOIN grants g ON g.id = $1
    LEFT JOIN redeemed r ON true
    LEFT JOIN users u ON u.sub = r.sub`,
};

type RedeemRow = RefreshedGrant &
  Person & {
    readonly owner: string | null;
    readonly granted: string[];
    readonly alive: boolean;
    readonly scope_allowed: boolean;
    readonly retries: number;
    readonly ended_because: string | null;
  };

/**
 * Exchanges a refresh token: one statement, one outcome. A racing loser waits on the row's lock and then decides on the
 * new row, so a token is used up once. The token before it gets the same successor again within RETRY_WINDOW as long as
 * that successor is unused. One that was superseded earlier, but within the same window, comes from a request that was
 * held up: it is refused and ends nothing. Anything else ends the grant (RFC 9700 section 4.14).
 */
export async function redeemRefreshToken(db: Db, presented: Presented, now: Date | null): Promise<RefreshOutcome> {
  const { grant_id, client_id, generation, scope, scopeAllowed, rotation, retryable, idle, inServiceAt } = presented;
  const rows = await run<RedeemRow>(db, REDEEM, [
    ...[grant_id, client_id, generation, scope, scopeAllowed],
    ...[rotation, idle, now, retryable, inServiceAt],
  ]);
  const found = rows[0];
  if (found === undefined || found.owner === null) return { outcome: "unknown" };
  if (found.owner !== client_id) return { outcome: "foreign" };
  if (found.id === null) return refusedAlive(found, retryable);
  if (found.ended_because !== null) return { outcome: "reused" };
  return { outcome: found.retries === 0 ? "rotated" : "retried", grant: found, user: found };
}

/** Why the statement left a grant as it was: it had ended, too much was asked for, or the token was superseded a moment ago. */
function refusedAlive({ alive, scope_allowed, granted }: RedeemRow, retryable: boolean): RefreshOutcome {
  if (!alive) return { outcome: "over" };
  if (!scope_allowed) return { outcome: "scope_exceeded", granted };
  return { outcome: retryable ? "superseded" : "spent" };
}
