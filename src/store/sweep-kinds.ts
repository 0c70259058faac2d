import { PROOF_KEPT } from "./dpop-proofs.js";
import { epochOf } from "./epochs.js";
import { KEPT, overAt, sweepAfter } from "./sweep-time.js";
import { DECISION_KEPT } from "./uma-decisions.js";

/**
 * The statements of the sweep. Each deletes a batch of one kind of expired row: the oldest ones, found by the index over their
 * time, or those of some pages of the table. Rows that a request has locked are skipped, so neither waits for the other.
 */

/** Rows of a batch by time, and pages of a batch by pages: few enough that a statement takes some milliseconds. */
export const BATCH = { rows: 500, pages: 32 } as const;

interface Statement {
  readonly name: string;
  readonly text: string;
}

/** One kind of expired row. */
export interface SweepKind {
  /** Its name in the log. */
  readonly of: string;
  /** Deletes the oldest rows. Parameters: the present, and the time from which to look. */
  readonly byTime: Statement;
  /** Deletes the rows of some pages. Parameters: the present, and the tids of the first row and of the one after the last. */
  readonly byPages: Statement;
  /** SQL: the rows that are due. Parameter: the present. */
  readonly due: string;
}

/** What a batch did. */
export interface Batch {
  readonly deleted: number;
  /** Rows that were due, and that are kept after all. */
  readonly kept: number;
  /** The latest time of all these rows. */
  readonly last: Date | null;
  /** The time before which a row is due. */
  readonly limit: Date;
  /** Pages of the table. */
  readonly pages: number;
}

const NOW = "coalesce($1::timestamptz, now())";

/** Tables whose rows have an expiry that requests rarely move, and how long rows are kept after it. */
const EXPIRING = [
  { table: "revoked_tokens", time: "expires_at" },
  { table: "used_assertions", time: "expires_at" },
  { table: "dpop_proofs", time: "expires_at", kept: PROOF_KEPT },
  { table: "client_secrets", time: "expires_at" },
  { table: "registration_tokens", time: "expires_at" },
  { table: "tries", time: "reset_at" },
  { table: "confirmation_codes", time: "expires_at" },
  { table: "device_codes", time: "expires_at" },
  { table: "sessions", time: "expires_at" },
  { table: "interactions", time: "expires_at" },
  { table: "pushed_requests", time: "expires_at", kept: "interval '1 hour'" },
  { table: "signing_keys", time: "retain_until" },
  { table: "jobs", time: "finished_at", kept: "interval '30 days'" },
  { table: "uma_tickets", time: "expires_at" },
  { table: "uma_approvals", time: "expires_at" },
  { table: "admin_answers", time: "expires_at" },
  { table: "uma_decisions", time: "decided_at", kept: DECISION_KEPT },
];

/** How the rows of a kind are recognised. */
interface Rows {
  readonly table: string;
  readonly time: string;
  /** SQL: the time before which a row is due. */
  readonly limit: string;
  /** The columns that decide whether a row that is due is deleted. */
  readonly columns?: string;
}

/** @param finish SQL: the other parts of a statement, which begins with the locked rows as `due`, and their places as `at` */
function kind({ table, time, limit, columns = time }: Rows, finish: string): SweepKind {
  const batch = (rows: string) => `
      WITH due AS MATERIALIZED (
        SELECT ${columns}, ctid AS at FROM ${table} WHERE ${rows} FOR UPDATE SKIP LOCKED
      ), ${finish}, (SELECT max(${time}) FROM due) AS last, ${limit} AS "limit",
             (pg_relation_size('${table}') / current_setting('block_size')::int)::int AS pages`;
  // The order keeps the planner from reading the whole table for a few rows.
  const oldest = `${time} < ${limit} AND ${time} >= coalesce($2::timestamptz, '-infinity')
        ORDER BY ${time} LIMIT ${BATCH.rows}`;
  // No index fits this form of the same condition, so the planner reads these pages and nothing else.
  const ofPages = `ctid >= $2::tid AND ctid < $3::tid AND coalesce(${time} < ${limit}, false)`;
  return {
    of: table,
    byTime: { name: `sweep_${table}`, text: batch(oldest) },
    byPages: { name: `sweep_pages_${table}`, text: batch(ofPages) },
    due: `FROM ${table} WHERE ${time} < ${limit}`,
  };
}

function expiring({ table, time, kept = KEPT }: (typeof EXPIRING)[number]): SweepKind {
  return kind(
    { table, time, limit: `${NOW} - ${kept}` },
    `deleted AS (
        DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT at FROM due)) RETURNING 1
      )
      SELECT (SELECT count(*) FROM deleted)::int AS deleted, 0 AS kept`,
  );
}

const END = "least(g.idle_expires_at, g.absolute_expires_at)";

/** SQL: the lifetime of the access tokens of a grant, in seconds. */
const LIFETIME = "(SELECT c.access_token_lifetime FROM clients c WHERE c.client_id = g.client_id)";

/**
 * SQL: the seconds for which access tokens of a grant may still be in force. It is zero if the code was never redeemed, or if a
 * raised epoch has ended them. It is a subquery per row, because a join may read all clients and users.
 */
const IN_FORCE = `(
  SELECT CASE WHEN g.code_uses = 0 AND g.code_expires_at IS NOT NULL THEN 0
              WHEN g.client_epoch <> ${epochOf("c")} OR g.user_epoch <> ${epochOf("u")} THEN 0
              ELSE c.access_token_lifetime END
  FROM clients c, users u WHERE c.client_id = g.client_id AND u.sub = g.sub)`;

/**
 * SQL: the time from which a grant may be deleted. A token of a deleted grant is refused like one of an ended grant, so an ended
 * grant does not wait for its access tokens. The row of the user is read only if that can make a difference.
 */
const OVER = `CASE WHEN g.ended_at IS NOT NULL THEN g.ended_at + ${KEPT}
                   WHEN ${overAt(END, LIFETIME)} <= ${NOW} THEN ${NOW}
                   ELSE ${overAt(END, IN_FORCE)} END`;

/**
 * Grants that have ended, and those whose refresh token was not used again. The rows are locked first, and their locked state
 * decides. Grants that are still in use get a later time of their next check. The locked rows are found again by their place,
 * because a locked row cannot move.
 */
const GRANTS = kind(
  { table: "grants", time: "sweep_after", limit: NOW, columns: "*" },
  `seen AS MATERIALIZED (
        SELECT g.at, ${OVER} AS over FROM due g
      ), deleted AS (
        DELETE FROM grants WHERE ctid = ANY (ARRAY(SELECT at FROM seen WHERE over <= ${NOW})) RETURNING 1
      ), kept AS (
        UPDATE grants g SET sweep_after = ${sweepAfter("s.over", NOW)}
        FROM seen s WHERE g.ctid = s.at AND g.ctid = ANY (ARRAY(SELECT at FROM seen WHERE over > ${NOW})) RETURNING 1
      )
      SELECT (SELECT count(*) FROM deleted)::int AS deleted, (SELECT count(*) FROM kept)::int AS kept`,
);

/** SQL: whether a client is still what a stranger registered. */
const STRANGERS = "c.registered_by IS NOT NULL AND NOT c.disabled";

/**
 * Clients that registered themselves and that no person has used in time. A disabled one stays, because it could register again.
 * The locked row of the registration decides: a person who allows the client something waits for it (consents.ts).
 */
const UNUSED_CLIENTS = kind(
  {
    table: "client_registrations",
    time: "expires_at",
    limit: NOW,
    columns: "client_id, expires_at",
  },
  `gone AS (
        DELETE FROM clients c WHERE c.client_id = ANY (ARRAY(SELECT client_id FROM due)) AND ${STRANGERS} RETURNING 1
      ), kept AS (
        UPDATE client_registrations r SET expires_at = NULL WHERE r.client_id = ANY (ARRAY(
          SELECT client_id FROM due EXCEPT
          SELECT c.client_id FROM clients c WHERE c.client_id = ANY (ARRAY(SELECT client_id FROM due)) AND ${STRANGERS}))
        RETURNING 1
      )
      SELECT (SELECT count(*) FROM gone)::int AS deleted, (SELECT count(*) FROM kept)::int AS kept`,
);

/** Seconds for which decisions are kept by default. */
const DECISIONS_KEPT = 7 * 24 * 60 * 60;

/** All kinds of rows that are swept. @param decisionsKept seconds */
export function sweepsOf(decisionsKept = DECISIONS_KEPT): readonly SweepKind[] {
  const decisions = { table: "decisions", time: "decided_at", kept: `interval '${decisionsKept} seconds'` };
  return [GRANTS, UNUSED_CLIENTS, ...[...EXPIRING, decisions].map(expiring)];
}
