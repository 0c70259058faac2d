import { epochOf } from "./epochs.js";
import type { GrantTerms } from "./grants.js";
import { run, type Db } from "./open.js";
import { personColumns, type Person } from "./users.js";

/**
 * Redeeming a refresh token: a token names its grant and generation, and one statement on the grant's row decides
 * whether it is the current one, the one before, or theft (docs/decisions/0002).
 */

/** Seconds during which the immediately previous token gets the same successor again. */
export const RETRY_WINDOW = 10;

export interface Presented {
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
}

/** The grant after the exchange. */
export interface RefreshedGrant extends GrantTerms {
  readonly id: string;
  readonly sub: string;
  /** Which of its refresh tokens is current now. */
  readonly generation: number;
}

export type RefreshOutcome =
  | { readonly outcome: "rotated" | "retried"; readonly grant: RefreshedGrant; readonly user: Person }
  | { readonly outcome: "scope_exceeded"; readonly granted: readonly string[] }
  | { readonly outcome: "reused" | "spent" | "unknown" | "foreign" | "over" };

/** Its person and its client, as they were when it was made; a disabled client is refused before. */
const OWNERS = `
          SELECT 1 FROM users u, clients c
          WHERE u.sub = g.sub AND NOT u.disabled AND ${epochOf("u")} = g.user_epoch
            AND c.client_id = g.client_id AND ${epochOf("c")} = g.client_epoch`;

const CURRENT = "g.generation = $3";
// The successor is unused exactly as long as the row still stands one generation after the presented one.
const RETRY = `(g.generation = $3 + 1 AND g.rotated_at >= t.now - interval '${RETRY_WINDOW} seconds')`;

const REDEEM = {
  name: "grant_refresh",
  text: `
    WITH redeemed AS (
      UPDATE grants g SET
        generation      = CASE WHEN ${CURRENT} AND $6 THEN g.generation + 1 ELSE g.generation END,
        rotated_at      = CASE WHEN ${CURRENT} AND $6 THEN t.now ELSE g.rotated_at END,
        retries         = CASE WHEN ${CURRENT} THEN 0 ELSE g.retries + 1 END,
        idle_expires_at = CASE WHEN ${CURRENT} THEN t.now + $7 * interval '1 second' ELSE g.idle_expires_at END,
        ended_at        = CASE WHEN ${CURRENT} OR ${RETRY} THEN NULL ELSE t.now END,
        ended_because   = CASE WHEN ${CURRENT} OR ${RETRY} THEN NULL ELSE 'reuse' END
      FROM (SELECT coalesce($8::timestamptz, now()) AS now) t
      WHERE g.id = $1 AND g.client_id = $2
        AND g.ended_at IS NULL AND g.idle_expires_at > t.now AND g.absolute_expires_at > t.now
        AND EXISTS (${OWNERS})
        AND (($5 AND coalesce($4::text[], g.scope) <@ g.scope) OR NOT (${CURRENT} OR ${RETRY}))
        AND ($9 OR NOT ${RETRY})
      RETURNING g.*
    )
    SELECT g.client_id AS owner, g.scope AS granted, g.ended_at IS NULL AND g.idle_expires_at > t.now
             AND g.absolute_expires_at > t.now AND EXISTS (${OWNERS}) AS alive,
           r.id, r.generation, r.retries, r.scope, r.auth_time, r.amr, r.acr, r.sid,
           r.id_token_claims, r.claims_locales, r.sub, r.ended_because,
           ${personColumns("u")}
    FROM (SELECT $1::text AS id, coalesce($8::timestamptz, now()) AS now) t
    LEFT JOIN grants g ON g.id = t.id
    LEFT JOIN redeemed r ON true
    LEFT JOIN users u ON u.sub = r.sub`,
};

type RedeemRow = RefreshedGrant &
  Person & {
    readonly owner: string | null;
    readonly granted: string[];
    readonly alive: boolean;
    readonly retries: number;
    readonly ended_because: string | null;
  };

/**
 * Exchanges a refresh token: one statement, one outcome. A racing loser waits on the row's lock and then decides on the
 * new row, so a token is used up once; the token before it gets the same successor again within RETRY_WINDOW as long as
 * that successor is unused; anything else ends the grant (RFC 9700 section 4.14).
 */
export async function redeemRefreshToken(db: Db, presented: Presented, now: Date | null): Promise<RefreshOutcome> {
  const { grant_id, client_id, generation, scope, scopeAllowed, rotation, retryable, idle } = presented;
  const rows = await run<RedeemRow>(db, REDEEM, [
    grant_id,
    client_id,
    generation,
    scope,
    scopeAllowed,
    rotation,
    idle,
    now,
    retryable,
  ]);
  const found = rows[0];
  if (found === undefined || found.owner === null) return { outcome: "unknown" };
  if (found.owner !== client_id) return { outcome: "foreign" };
  if (found.id === null) {
    if (!found.alive) return { outcome: "over" };
    // Without a scope of its own nothing else keeps a request from a living grant.
    return !retryable && scope === null ? { outcome: "spent" } : { outcome: "scope_exceeded", granted: found.granted };
  }
  if (found.ended_because !== null) return { outcome: "reused" };
  return { outcome: found.retries === 0 ? "rotated" : "retried", grant: found, user: found };
}
