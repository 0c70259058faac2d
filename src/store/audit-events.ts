/**
 * Events that are recorded by the statement that decides them. Triggers record all other changes. These statements belong to
 * token requests, for which a trigger would cost more than the rest of the audit (docs/decisions/0034).
 */

/** SQL: whether the transaction is attributed to a caller (audit-actor.ts). A client that revokes its own token is no caller. */
export const HAS_ACTOR = "coalesce(current_setting('jeton.actor', true), '') <> ''";

/** SQL: records that a grant ended. @param alias of its row @param because a text without quotes */
export function recordEnd(alias: string, because: string): string {
  const detail = `jsonb_build_object('ended_because', '${because}')`;
  return `jeton_audit_event('grants', ${alias}.id, 'ended', ${alias}.sub, ${alias}.client_id, ${detail})`;
}

/** SQL: records that an account is locked. @param sub SQL @param until SQL */
export function recordLock(sub: string, until: string): string {
  return `jeton_audit_event('tries', ${sub}, 'locked', ${sub}, NULL, jsonb_build_object('blocked_until', ${until}))`;
}

/** SQL: records that attempts are forgiven. @param of SQL @param sub SQL @param client_id SQL */
export function recordForgiven(of: string, sub: string, client_id: string): string {
  return `jeton_audit_event('tries', ${of}, 'forgiven', ${sub}, ${client_id}, NULL)`;
}
