import { run, type Db } from "./open.js";
import { personColumns, type Person } from "./users.js";

/**
 * Refresh token families. One row per grant, however often it is refreshed; a token names its family and generation and
 * carries a MAC (tokens/refresh-token.ts), so none is stored in any form. docs/decisions/0002 argues the statement below.
 */

/** Seconds during which the immediately previous token gets the same successor again. */
export const RETRY_WINDOW = 10;

export interface NewFamily {
  readonly id: string;
  readonly client_id: string;
  readonly sub: string;
  readonly scope: readonly string[];
  readonly auth_time: Date;
  readonly amr: readonly string[];
  /** Seconds of not being used after which it ends. */
  readonly idle: number;
  /** Seconds after which it ends in any case. */
  readonly absolute: number;
}

const OPEN = {
  name: "refresh_family_open",
  text: `
    INSERT INTO refresh_families
      (id, client_id, sub, scope, auth_time, amr, created_at, idle_expires_at, absolute_expires_at)
    SELECT $1, $2, $3, $4, $5, $6, t.now, t.now + $7 * interval '1 second', t.now + $8 * interval '1 second'
    FROM (SELECT coalesce($9::timestamptz, now()) AS now) t`,
};

/** Records a new grant. */
export async function openFamily(db: Db, family: NewFamily, now: Date | null): Promise<void> {
  const { id, client_id, sub, scope, auth_time, amr, idle, absolute } = family;
  await run(db, OPEN, [id, client_id, sub, scope, auth_time, amr, idle, absolute, now]);
}

export interface Presented {
  readonly family: string;
  readonly generation: number;
  readonly client_id: string;
  /** Scopes asked for, or null for all of the grant. */
  readonly scope: readonly string[] | null;
  /** Whether the client may still have what it asks for; an exchange that may not be answered must not use the token up. */
  readonly scopeAllowed: boolean;
  readonly rotation: boolean;
  readonly idle: number;
}

/** The row after the exchange, with the person it belongs to. */
export interface RedeemedFamily {
  readonly id: string;
  readonly generation: number;
  readonly scope: string[];
  readonly auth_time: Date;
  readonly amr: string[];
  readonly sub: string;
}

export type Redemption =
  | { readonly outcome: "rotated" | "retried"; readonly family: RedeemedFamily; readonly user: Person }
  | { readonly outcome: "scope_exceeded"; readonly granted: readonly string[] }
  | { readonly outcome: "reused" | "unknown" | "foreign" | "over" };

const CURRENT = "f.generation = $3";
// The successor is unused exactly as long as the row still stands one generation after the presented one.
const RETRY = `(f.generation = $3 + 1 AND f.rotated_at >= t.now - interval '${RETRY_WINDOW} seconds')`;

const REDEEM = {
  name: "refresh_family_redeem",
  text: `
    WITH redeemed AS (
      UPDATE refresh_families f SET
        generation      = CASE WHEN ${CURRENT} AND $6 THEN f.generation + 1 ELSE f.generation END,
        rotated_at      = CASE WHEN ${CURRENT} AND $6 THEN t.now ELSE f.rotated_at END,
        retries         = CASE WHEN ${CURRENT} THEN 0 ELSE f.retries + 1 END,
        idle_expires_at = CASE WHEN ${CURRENT} THEN t.now + $7 * interval '1 second' ELSE f.idle_expires_at END,
        ended_at        = CASE WHEN ${CURRENT} OR ${RETRY} THEN NULL ELSE t.now END,
        ended_because   = CASE WHEN ${CURRENT} OR ${RETRY} THEN NULL ELSE 'reuse' END
      FROM (SELECT coalesce($8::timestamptz, now()) AS now) t
      WHERE f.id = $1 AND f.client_id = $2
        AND f.ended_at IS NULL AND f.idle_expires_at > t.now AND f.absolute_expires_at > t.now
        AND EXISTS (SELECT 1 FROM users u WHERE u.sub = f.sub AND NOT u.disabled)
        AND (($5 AND coalesce($4::text[], f.scope) <@ f.scope) OR NOT (${CURRENT} OR ${RETRY}))
      RETURNING f.*
    )
    SELECT f.client_id AS owner, f.scope AS granted, f.ended_at IS NULL AND f.idle_expires_at > t.now
             AND f.absolute_expires_at > t.now AND NOT o.disabled AS alive,
           r.id, r.generation, r.retries, r.scope, r.auth_time, r.amr, r.sub, r.ended_because,
           ${personColumns("u")}
    FROM (SELECT $1::text AS id, coalesce($8::timestamptz, now()) AS now) t
    LEFT JOIN refresh_families f ON f.id = t.id
    LEFT JOIN users o ON o.sub = f.sub
    LEFT JOIN redeemed r ON true
    LEFT JOIN users u ON u.sub = r.sub`,
};

type RedeemRow = RedeemedFamily &
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
 * that successor is unused; anything else ends the family (RFC 9700 section 4.14).
 */
export async function redeem(db: Db, presented: Presented, now: Date | null): Promise<Redemption> {
  const { family, client_id, generation, scope, scopeAllowed, rotation, idle } = presented;
  const rows = await run<RedeemRow>(db, REDEEM, [
    family,
    client_id,
    generation,
    scope,
    scopeAllowed,
    rotation,
    idle,
    now,
  ]);
  const found = rows[0];
  if (found === undefined || found.owner === null) return { outcome: "unknown" };
  if (found.owner !== client_id) return { outcome: "foreign" };
  if (found.id === null) {
    return found.alive ? { outcome: "scope_exceeded", granted: found.granted } : { outcome: "over" };
  }
  if (found.ended_because !== null) return { outcome: "reused" };
  return { outcome: found.retries === 0 ? "rotated" : "retried", family: found, user: found };
}

const END = {
  name: "refresh_family_end",
  text: `
    WITH ended AS (
      UPDATE refresh_families SET ended_at = coalesce($3::timestamptz, now()), ended_because = 'revoked'
      WHERE id = $1 AND ended_at IS NULL AND ($2::text IS NULL OR client_id = $2)
      RETURNING id
    )
    SELECT f.client_id AS owner, EXISTS (SELECT 1 FROM ended) AS ended
    FROM refresh_families f WHERE f.id = $1`,
};

/**
 * Ends a family, and with it every token of the grant.
 * @param client_id the client it must belong to, or null where the caller may end any
 */
export async function endFamily(
  db: Db,
  id: string,
  client_id: string | null,
  now: Date | null,
): Promise<"ended" | "ended_before" | "foreign" | "unknown"> {
  const [found] = await run<{ owner: string; ended: boolean }>(db, END, [id, client_id, now]);
  if (found === undefined) return "unknown";
  if (found.ended) return "ended";
  return client_id === null || found.owner === client_id ? "ended_before" : "foreign";
}

const LOOK = {
  name: "refresh_family_look",
  text: `
    SELECT f.client_id, f.sub, f.scope, f.created_at, least(f.idle_expires_at, f.absolute_expires_at) AS expires_at,
           u.preferred_username AS username
    FROM refresh_families f
    JOIN users u ON u.sub = f.sub AND NOT u.disabled
    JOIN clients c ON c.client_id = f.client_id AND NOT c.disabled
    CROSS JOIN (SELECT coalesce($3::timestamptz, now()) AS now) t
    WHERE f.id = $1 AND f.generation = $2
      AND f.ended_at IS NULL AND f.idle_expires_at > t.now AND f.absolute_expires_at > t.now`,
};

export interface LiveFamily {
  readonly client_id: string;
  readonly sub: string;
  readonly username: string;
  readonly scope: string[];
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** The grant behind a refresh token, if that token could be used now. */
export async function lookAtFamily(
  db: Db,
  id: string,
  generation: number,
  now: Date | null,
): Promise<LiveFamily | undefined> {
  const [found] = await run<LiveFamily>(db, LOOK, [id, generation, now]);
  return found;
}
