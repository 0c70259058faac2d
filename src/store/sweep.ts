import { run, type Db } from "./open.js";

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
             SELECT f.id FROM grants f JOIN clients c USING (client_id)
             WHERE f.absolute_expires_at
               < coalesce($2::timestamptz, now()) - ${KEPT} - c.access_token_lifetime * interval '1 second'
             LIMIT $1 FOR UPDATE OF f SKIP LOCKED)`,
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
             SELECT id FROM interactions WHERE expires_at < coalesce($2::timestamptz, now()) - interval '1 hour'
             LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  },
  {
    name: "sweep_signing_keys",
    text: `DELETE FROM signing_keys WHERE kid IN (
             SELECT kid FROM signing_keys WHERE retain_until < coalesce($2::timestamptz, now()) - ${KEPT} LIMIT $1)`,
  },
];

/** Deletes one batch of each kind; called again and again by the process (docs/operations.md). */
export async function sweep(db: Db, now: Date | null): Promise<void> {
  for (const statement of EXPIRED) await run(db, statement, [BATCH, now]);
}
