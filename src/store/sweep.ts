import { setTimeout as pause } from "node:timers/promises";
import { run, type Db } from "./open.js";
import { DECISION_KEPT } from "./uma-decisions.js";

/** Rows deleted by one statement; small enough that no request waits for a sweep. */
const BATCH = 1_000;

/** What is kept this long after it expired, so that a late replay is still known for what it is. */
const KEPT = "interval '1 day'";

/** Tables whose rows stop mattering at a time of their own, and how long they are kept after it. */
const EXPIRING = [
  { table: "revoked_tokens", time: "expires_at" },
  { table: "used_assertions", time: "expires_at" },
  { table: "tries", time: "reset_at" },
  { table: "confirmation_codes", time: "expires_at" },
  { table: "sessions", time: "expires_at" },
  { table: "interactions", time: "expires_at" },
  { table: "signing_keys", time: "retain_until" },
  { table: "uma_tickets", time: "expires_at" },
  { table: "uma_approvals", time: "expires_at" },
  { table: "uma_decisions", time: "decided_at", kept: DECISION_KEPT },
];

/** A grant outlives its tokens: an access token of it is refused once its row is gone. */
const GRANTS = {
  name: "sweep_grants",
  text: `DELETE FROM grants WHERE id IN (
           SELECT g.id FROM grants g JOIN clients c USING (client_id)
           CROSS JOIN (SELECT coalesce($2::timestamptz, now()) - ${KEPT} AS before) t
           WHERE least(g.idle_expires_at, g.absolute_expires_at, g.ended_at) < t.before
             AND least(g.idle_expires_at, g.absolute_expires_at, g.ended_at)
               < t.before - c.access_token_lifetime * interval '1 second'
           LIMIT $1 FOR UPDATE OF g SKIP LOCKED) RETURNING 1`,
};

/** Everything that stops mattering after a time. */
const SWEEPS = [
  GRANTS,
  ...EXPIRING.map(({ table, time, kept = KEPT }) => ({
    name: `sweep_${table}`,
    text: `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(
             SELECT ctid FROM ${table} WHERE ${time} < coalesce($2::timestamptz, now()) - ${kept}
             LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING 1`,
  })),
];

/** Milliseconds between two batches of one kind, which requests have the database to themselves. */
const PAUSE = 20;

/** Deletes everything that has stopped mattering, a batch at a time, until none is full (docs/operations.md). */
export async function sweep(db: Db, now: Date | null): Promise<void> {
  for (const statement of SWEEPS) {
    while ((await run(db, statement, [BATCH, now])).length === BATCH) await pause(PAUSE);
  }
}
