import { setTimeout as pause } from "node:timers/promises";
import { run, type Db } from "./open.js";
import { DECISION_KEPT } from "./uma-decisions.js";

/** Rows deleted by one statement; small enough that no request waits for a sweep. */
const BATCH = 1_000;

/** What is kept this long after it expired, so that a late replay is still known for what it is. */
const KEPT = "interval '1 day'";

/**
 * Everything that stops mattering after a time. A grant outlives its tokens: an access token of it is refused
 * once its row is gone.
 */
const EXPIRED = [
  {
    name: "sweep_revoked_tokens",
    text: `DELETE FROM revoked_tokens WHERE jti IN (
             SELECT jti FROM revoked_tokens WHERE expires_at < coalesce($2::timestamptz, now()) - ${KEPT}
             LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  {
    name: "sweep_grants",
    text: `DELETE FROM grants WHERE id IN (
             SELECT g.id FROM grants g JOIN clients c USING (client_id)
             CROSS JOIN (SELECT coalesce($2::timestamptz, now()) - ${KEPT} AS before) t
             WHERE least(g.idle_expires_at, g.absolute_expires_at, g.ended_at) < t.before
               AND least(g.idle_expires_at, g.absolute_expires_at, g.ended_at)
                 < t.before - c.access_token_lifetime * interval '1 second'
             LIMIT $1 FOR UPDATE OF g SKIP LOCKED)`,
  },
  {
    name: "sweep_sessions",
    text: `DELETE FROM sessions WHERE id_hash IN (
             SELECT id_hash FROM sessions WHERE expires_at < coalesce($2::timestamptz, now()) - ${KEPT}
             LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  {
    name: "sweep_interactions",
    text: `DELETE FROM interactions WHERE id IN (
             SELECT id FROM interactions WHERE expires_at < coalesce($2::timestamptz, now()) - ${KEPT}
             LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  {
    name: "sweep_uma_tickets",
    text: `DELETE FROM uma_tickets WHERE id IN (
             SELECT id FROM uma_tickets WHERE expires_at < coalesce($2::timestamptz, now()) - ${KEPT}
             LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  {
    name: "sweep_uma_approvals",
    text: `DELETE FROM uma_approvals WHERE (resource_id, client_id, party, scope) IN (
             SELECT resource_id, client_id, party, scope FROM uma_approvals
             WHERE expires_at < coalesce($2::timestamptz, now()) - ${KEPT}
             LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  {
    name: "sweep_uma_decisions",
    text: `DELETE FROM uma_decisions WHERE (id, resource_id) IN (
             SELECT id, resource_id FROM uma_decisions WHERE decided_at < coalesce($2::timestamptz, now()) - ${DECISION_KEPT}
             LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  {
    name: "sweep_signing_keys",
    text: `DELETE FROM signing_keys WHERE kid IN (
             SELECT kid FROM signing_keys WHERE retain_until < coalesce($2::timestamptz, now()) - ${KEPT} LIMIT $1)`,
  },
];

/** Milliseconds between two batches of one kind, which requests have the database to themselves. */
const PAUSE = 20;

/** Deletes everything that has stopped mattering, a batch at a time, until none is full (docs/operations.md). */
export async function sweep(db: Db, now: Date | null): Promise<void> {
  for (const { name, text } of EXPIRED) {
    const statement = { name, text: `${text} RETURNING 1` };
    while ((await run(db, statement, [BATCH, now])).length === BATCH) await pause(PAUSE);
  }
}
