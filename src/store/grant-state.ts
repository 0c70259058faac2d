import { epochOf } from "./epochs.js";

/** What became of a grant, for operators. The statements about tokens decide by themselves. */

/**
 * in_force: it can be refreshed, or its code redeemed. suspended: its client or user is disabled, and may be enabled again.
 * expired: its refresh token is too old. ended: it was ended before, in a way of `ENDINGS`.
 */
export const GRANT_STATES = ["in_force", "suspended", "expired", "ended"] as const;
export type GrantState = (typeof GRANT_STATES)[number];

/** The ways in which a grant ends before it expires. A raised epoch ends it without a mark in its row (epochs.ts). */
export const ENDINGS = [
  "revoked",
  "logout",
  "reuse",
  "code_replayed",
  "consent_withdrawn",
  "everything_of_user_revoked",
  "everything_of_client_revoked",
  "everything_revoked",
] as const;

// Subqueries that read one row each, because a join may read all clients and users.
const ofUser = (value: string) => `(SELECT ${value} FROM users u WHERE u.sub = g.sub)`;
const ofClient = (value: string) => `(SELECT ${value} FROM clients c WHERE c.client_id = g.client_id)`;

/** SQL: how the grant `g` ended; null if it has not. */
const BECAUSE = `CASE WHEN g.ended_at IS NOT NULL THEN coalesce(g.ended_because, 'revoked')
       WHEN g.user_epoch < coalesce((SELECT d.token_epoch FROM deployment_epoch d), 0) THEN 'everything_revoked'
       WHEN g.user_epoch <> ${ofUser(epochOf("u"))} THEN 'everything_of_user_revoked'
       WHEN g.client_epoch <> ${ofClient(epochOf("c"))} THEN 'everything_of_client_revoked' END`;

/** SQL: the state of the grant `g`. @param now SQL: the present */
export function stateOfGrant(now: string): string {
  return `CASE WHEN ${BECAUSE} IS NOT NULL THEN 'ended'
       WHEN least(g.idle_expires_at, g.absolute_expires_at) <= ${now} THEN 'expired'
       WHEN ${ofUser("u.disabled")} OR ${ofClient("c.disabled")} THEN 'suspended'
       ELSE 'in_force' END`;
}

/** A grant, as operators see it. */
export interface ListedGrant {
  readonly id: string;
  readonly client_id: string;
  readonly sub: string;
  readonly preferred_username: string;
  readonly scope: readonly string[];
  readonly dialect: string | null;
  readonly sid: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly state: GrantState;
  readonly ended_at: Date | null;
  readonly because: (typeof ENDINGS)[number] | null;
}

/** SQL: the columns of a ListedGrant from a grant `g`. @param now SQL: the present */
export function grantColumns(now: string): string {
  return `g.id, g.client_id, g.sub, ${ofUser("u.preferred_username")} AS preferred_username, g.scope, g.dialect, g.sid,
       g.created_at, least(g.idle_expires_at, g.absolute_expires_at) AS expires_at,
       ${stateOfGrant(now)} AS state, g.ended_at, ${BECAUSE} AS because`;
}
