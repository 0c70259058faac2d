import { run, type Db } from "./open.js";
import { personColumns, type Person } from "./users.js";

/**
 * Grants: what a person let a client have, one row however often it is refreshed. A refresh token names its grant and
 * generation, an authorization code its grant, and each carries a MAC (src/tokens), so neither is stored in any form.
 * docs/decisions/0002 argues the statements below.
 */

/** Seconds during which the immediately previous token gets the same successor again. */
export const RETRY_WINDOW = 10;

export interface NewGrant {
  readonly id: string;
  readonly client_id: string;
  readonly sub: string;
  /** As they were when it was decided on: whatever raises them meanwhile has ended it before it began. */
  readonly user_epoch: number;
  readonly client_epoch: number;
  readonly scope: readonly string[];
  readonly auth_time: Date;
  readonly amr: readonly string[];
  /** Seconds of not being used after which it ends. */
  readonly idle: number;
  /** Seconds after which it ends in any case. */
  readonly absolute: number;
  /** Where it was made in a browser: the session, and what was asked for the tokens to say. */
  readonly sid?: string;
  readonly acr?: string | null;
  readonly id_token_claims?: readonly string[];
  readonly userinfo_claims?: readonly string[];
  readonly claims_locales?: readonly string[];
  /** Where a code opens it: what the code is bound to, and the seconds it is good for. */
  readonly code?: {
    readonly redirect_uri: string;
    readonly redirect_uri_given: boolean;
    readonly code_challenge: string | null;
    readonly nonce: string | null;
    readonly lifetime: number;
  };
}

const OPEN = {
  name: "grant_open",
  text: `
    INSERT INTO grants
      (id, client_id, sub, scope, auth_time, amr, created_at, idle_expires_at, absolute_expires_at,
       sid, acr, id_token_claims, userinfo_claims, claims_locales,
       redirect_uri, redirect_uri_given, code_challenge, nonce, code_expires_at, user_epoch, client_epoch)
    SELECT $1, $2, $3, $4, $5, $6, t.now, t.now + $7 * interval '1 second', t.now + $8 * interval '1 second',
       $10, $11, coalesce($12::text[], '{}'), coalesce($13::text[], '{}'), coalesce($14::text[], '{}'),
       $15, coalesce($16, false), $17, $18, t.now + $19 * interval '1 second', $20, $21
    FROM (SELECT coalesce($9::timestamptz, now()) AS now) t`,
};

/** Records a new grant. */
export async function openGrant(db: Db, grant: NewGrant, now: Date | null): Promise<void> {
  const { id, client_id, sub, scope, auth_time, amr, idle, absolute } = grant;
  const { sid, acr, id_token_claims, userinfo_claims, claims_locales, code, user_epoch, client_epoch } = grant;
  await run(db, OPEN, [
    ...[id, client_id, sub, scope, auth_time, amr, idle, absolute, now],
    ...[sid, acr, id_token_claims, userinfo_claims, claims_locales],
    ...[code?.redirect_uri, code?.redirect_uri_given, code?.code_challenge, code?.nonce, code?.lifetime],
    ...[user_epoch, client_epoch],
  ]);
}

export interface Presented {
  readonly grant_id: string;
  readonly generation: number;
  readonly client_id: string;
  /** Scopes asked for, or null for all of the grant. */
  readonly scope: readonly string[] | null;
  /** Whether the client may still have what it asks for; an exchange that may not be answered must not use the token up. */
  readonly scopeAllowed: boolean;
  readonly rotation: boolean;
  readonly idle: number;
}

/** What later tokens of the grant say. */
export interface RefreshedGrant {
  readonly id: string;
  readonly generation: number;
  readonly scope: string[];
  readonly auth_time: Date;
  readonly amr: string[];
  readonly acr: string | null;
  readonly sid: string | null;
  readonly id_token_claims: string[];
  readonly claims_locales: string[];
  readonly sub: string;
}

export type RefreshOutcome =
  | { readonly outcome: "rotated" | "retried"; readonly grant: RefreshedGrant; readonly user: Person }
  | { readonly outcome: "scope_exceeded"; readonly granted: readonly string[] }
  | { readonly outcome: "reused" | "unknown" | "foreign" | "over" };

/** Its person and its client, as they were when it was made; a disabled client is refused before. */
const OWNERS = `
          SELECT 1 FROM users u, clients c
          WHERE u.sub = g.sub AND NOT u.disabled AND u.token_epoch = g.user_epoch
            AND c.client_id = g.client_id AND c.token_epoch = g.client_epoch`;

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
  const { grant_id, client_id, generation, scope, scopeAllowed, rotation, idle } = presented;
  const rows = await run<RedeemRow>(db, REDEEM, [
    grant_id,
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
  return { outcome: found.retries === 0 ? "rotated" : "retried", grant: found, user: found };
}

const END = {
  name: "grant_end",
  text: `
    WITH ended AS (
      UPDATE grants SET ended_at = coalesce($3::timestamptz, now()), ended_because = 'revoked'
      WHERE id = $1 AND ended_at IS NULL AND ($2::text IS NULL OR client_id = $2)
      RETURNING id
    )
    SELECT g.client_id AS owner, EXISTS (SELECT 1 FROM ended) AS ended
    FROM grants g WHERE g.id = $1`,
};

/**
 * Ends a grant, and with it every token of it.
 * @param client_id the client it must belong to, or null where the caller may end any
 */
export async function endGrant(
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
  name: "grant_look",
  text: `
    SELECT g.client_id, g.sub, g.scope, g.created_at, least(g.idle_expires_at, g.absolute_expires_at) AS expires_at,
           u.preferred_username AS username
    FROM grants g
    JOIN users u ON u.sub = g.sub AND NOT u.disabled AND u.token_epoch = g.user_epoch
    JOIN clients c ON c.client_id = g.client_id AND NOT c.disabled AND c.token_epoch = g.client_epoch
    CROSS JOIN (SELECT coalesce($3::timestamptz, now()) AS now) t
    WHERE g.id = $1 AND g.generation = $2
      AND g.ended_at IS NULL AND g.idle_expires_at > t.now AND g.absolute_expires_at > t.now`,
};

export interface LiveGrant {
  readonly client_id: string;
  readonly sub: string;
  readonly username: string;
  readonly scope: string[];
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** The grant behind a refresh token, if that token could be used now. */
export async function lookAtGrant(
  db: Db,
  id: string,
  generation: number,
  now: Date | null,
): Promise<LiveGrant | undefined> {
  const [found] = await run<LiveGrant>(db, LOOK, [id, generation, now]);
  return found;
}
