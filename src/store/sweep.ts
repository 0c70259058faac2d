import { setTimeout as pause } from "node:timers/promises";
import { run, type Db } from "./open.js";

/** Rows deleted by one statement; small enough that no request waits for a sweep. */
const BATCH = 1_000;

/** What is kept this long after it expired, so that a late replay is still known for what it is. */
const KEPT = "interval '1 day'";

/** Tables whose rows stop mattering at a time of their own: what tells a row apart, and where its time stands. */
const EXPIRING = [
  { table: "revoked_tokens", key: "jti", time: "expires_at" },
  { table: "used_assertions", key: "hash", time: "expires_at" },
  { table: "tries", key: "key", time: "reset_at" },
  { table: "confirmation_codes", key: "key", time: "expires_at" },
  { table: "sessions", key: "id_hash", time: "expires_at" },
  { table: "interactions", key: "id", time: "expires_at" },
  { table: "signing_keys", key: "kid", time: "retain_until" },
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
  ...EXPIRING.map(({ table, key, time }) => ({
    name: `sweep_${table}`,
    text: `DELETE FROM ${table} WHERE ${key} IN (
             SELECT ${key} FROM ${table} WHERE ${time} < coalesce($2::timestamptz, now()) - ${KEPT}
             LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING 1`,
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
