import { HAS_ACTOR, recordEnd } from "./audit-events.js";
import { epochOf } from "./epochs.js";
import { isGone } from "./failure.js";
import { run, type Db, type Transaction } from "./open.js";
import { overAt, sweepAfter } from "./sweep-time.js";

/**
 * Grants: what a user allowed a client, one row however often it is refreshed. A refresh token names its grant and
 * generation, an authorization code its grant. Each carries a MAC (src/tokens), so neither is stored in any form.
 * docs/decisions/0002 argues the statements that redeem them (refresh-tokens.ts, authorization-codes.ts).
 */

interface NewGrant {
  readonly id: string;
  readonly client_id: string;
  readonly sub: string;
  /** The epochs at decision time. If either has been raised since, the new grant is already invalid. */
  readonly user_epoch: number;
  readonly client_epoch: number;
  readonly scope: readonly string[];
  readonly auth_time: Date;
  readonly amr: readonly string[];
  /** In which it is made; absent for a device, whose code is redeemed in one. */
  readonly dialect?: string;
  /** Seconds without use after which it ends. */
  readonly idle: number;
  /** Seconds after which it ends in any case. */
  readonly absolute: number;
  /** For a grant made in a browser: the session, and the claims requested for its tokens. */
  readonly sid?: string;
  readonly acr?: string | null;
  readonly id_token_claims?: readonly string[];
  readonly userinfo_claims?: readonly string[];
  readonly claims_locales?: readonly string[];
  /** For a grant with a code: the parameters that the code is bound to, and its lifetime in seconds. A device has no URI. */
  readonly code?: {
    readonly redirect_uri: string | null;
    readonly redirect_uri_given: boolean;
    readonly code_challenge: string | null;
    readonly nonce: string | null;
    readonly lifetime: number;
  };
}

/** The content that all tokens of a grant share. */
export interface GrantTerms {
  readonly scope: string[];
  readonly auth_time: Date;
  readonly amr: string[];
  readonly acr: string | null;
  readonly sid: string | null;
  readonly id_token_claims: string[];
  readonly claims_locales: string[];
}

/** Seconds; zero before the code is redeemed. The value for a missing client does not matter, because its grant is rejected. */
const LIFETIME = `(SELECT CASE WHEN $19::int IS NULL THEN access_token_lifetime ELSE 0 END FROM clients WHERE client_id = $2)`;

const OPEN = {
  name: "grant_open",
  text: `
    INSERT INTO grants
      (id, client_id, sub, scope, auth_time, amr, created_at, idle_expires_at, absolute_expires_at,
       sid, acr, id_token_claims, userinfo_claims, claims_locales,
       redirect_uri, redirect_uri_given, code_challenge, nonce, code_expires_at, user_epoch, client_epoch, dialect,
       sweep_after)
    SELECT $1, $2, $3, $4, $5, $6, t.now, t.now + $7 * interval '1 second', t.now + $8 * interval '1 second',
       $10, $11, coalesce($12::text[], '{}'), coalesce($13::text[], '{}'), coalesce($14::text[], '{}'),
       $15, coalesce($16, false), $17, $18, t.now + $19 * interval '1 second', $20, $21, $22,
       ${sweepAfter(overAt("t.now + least($7, $8) * interval '1 second'", LIFETIME), "t.now")}
    FROM (SELECT coalesce($9::timestamptz, now()) AS now) t`,
};

/**
 * Records a new grant. If its client or user is deleted at the same moment, no row is left for it. Its tokens are as invalid then as
 * if an epoch had been raised.
 */
export async function openGrant(db: Db, grant: NewGrant, now: Date | null): Promise<void> {
  const { id, client_id, sub, scope, auth_time, amr, idle, absolute } = grant;
  const { sid, acr, id_token_claims, userinfo_claims, claims_locales, code, user_epoch, client_epoch, dialect } = grant;
  await run(db, OPEN, [
    ...[id, client_id, sub, scope, auth_time, amr, idle, absolute, now],
    ...[sid, acr, id_token_claims, userinfo_claims, claims_locales],
    ...[code?.redirect_uri, code?.redirect_uri_given, code?.code_challenge, code?.nonce, code?.lifetime],
    ...[user_epoch, client_epoch, dialect],
  ]).catch((error: unknown) => {
    if (!isGone(error)) throw error;
  });
}

const END = {
  name: "grant_end",
  text: `
    WITH ended AS (
      UPDATE grants SET ended_at = coalesce($3::timestamptz, now()), ended_because = 'revoked'
      WHERE id = $1 AND ended_at IS NULL AND ($2::text IS NULL OR client_id = $2)
      RETURNING id
    )
    SELECT g.client_id AS owner, EXISTS (SELECT 1 FROM ended) AS ended,
           CASE WHEN ${HAS_ACTOR} AND EXISTS (SELECT 1 FROM ended) THEN ${recordEnd("g", "revoked")} END AS is_recorded
    FROM grants g WHERE g.id = $1`,
};

/**
 * Ends a grant and all its tokens.
 * @param client_id the client that the grant must belong to; null if the caller may end any grant
 */
export async function endGrant(
  where: Db | Transaction,
  id: string,
  client_id: string | null,
  now: Date | null,
): Promise<"ended" | "ended_before" | "foreign" | "unknown"> {
  const [found] = await run<{ owner: string; ended: boolean }>(where, END, [id, client_id, now]);
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
    JOIN users u ON u.sub = g.sub AND NOT u.disabled AND ${epochOf("u")} = g.user_epoch
    JOIN clients c ON c.client_id = g.client_id AND NOT c.disabled AND ${epochOf("c")} = g.client_epoch
    CROSS JOIN (SELECT coalesce($3::timestamptz, now()) AS now) t
    WHERE g.id = $1 AND g.generation = $2
      AND g.ended_at IS NULL AND g.idle_expires_at > t.now AND g.absolute_expires_at > t.now`,
};

interface LiveGrant {
  readonly client_id: string;
  readonly sub: string;
  readonly username: string;
  readonly scope: string[];
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** The grant of a refresh token, if the token could be redeemed now. */
export async function lookAtGrant(
  db: Db,
  id: string,
  generation: number,
  now: Date | null,
): Promise<LiveGrant | undefined> {
  const [found] = await run<LiveGrant>(db, LOOK, [id, generation, now]);
  return found;
}

const SCOPE = { name: "grant_scope", text: "SELECT scope FROM grants WHERE id = $1" };

/** The scopes of a grant, in force or not. */
export async function scopeOfGrant(db: Db, id: string): Promise<readonly string[] | undefined> {
  return (await run<{ scope: string[] }>(db, SCOPE, [id]))[0]?.scope;
}
