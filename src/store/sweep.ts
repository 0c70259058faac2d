import { setTimeout as pause } from "node:timers/promises";
import { epochOf } from "./epochs.js";
import { run, type Db } from "./open.js";
import { KEPT, overAt, sweepAfter } from "./sweep-time.js";
import { DECISION_KEPT } from "./uma-decisions.js";

/** Rows per statement: few enough that no request waits for the sweep. */
const BATCH = 1_000;

/** Milliseconds between two batches, which are left to requests. */
const PAUSE = 20;

/** Milliseconds after which a round ends; the next one continues. */
const MAX_ROUND = 50_000;

/** Largest backlog that is counted exactly, because its rows may be read from the disk one by one. */
const MAX_COUNTED = 10_000;

const NOW = "coalesce($1::timestamptz, now())";

/** One kind of expired row: the statement that deletes a batch, and the one that counts the rest. */
interface Sweep {
  /** Its name in the log. */
  readonly of: string;
  readonly statement: { readonly name: string; readonly text: string };
  readonly due: string;
}

/** Tables whose rows have an expiry that requests rarely move, and how long rows are kept after it. */
const EXPIRING = [
  { of: "ended_grants", table: "grants", time: "ended_at" },
  { table: "revoked_tokens", time: "expires_at" },
  { table: "used_assertions", time: "expires_at" },
  { table: "client_secrets", time: "expires_at" },
  { table: "tries", time: "reset_at" },
  { table: "confirmation_codes", time: "expires_at" },
  { table: "sessions", time: "expires_at" },
  { table: "interactions", time: "expires_at" },
  { table: "signing_keys", time: "retain_until" },
  { table: "uma_tickets", time: "expires_at" },
  { table: "uma_approvals", time: "expires_at" },
  { table: "uma_decisions", time: "decided_at", kept: DECISION_KEPT },
];

/** The order keeps the planner from reading the whole table for a few rows. */
function expiring({ table, time, of = table, kept = KEPT }: (typeof EXPIRING)[number]): Sweep {
  const due = `FROM ${table} WHERE ${time} < ${NOW} - ${kept}`;
  const text = `
    WITH deleted AS (
      DELETE FROM ${table} WHERE ctid = ANY(ARRAY(
        SELECT ctid ${due} ORDER BY ${time} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)) RETURNING 1
    )
    SELECT count(*)::int AS deleted, 0 AS kept FROM deleted`;
  return { of, statement: { name: `sweep_${of}`, text }, due };
}

/**
 * SQL: the seconds for which access tokens of a grant may still be in force. It is zero if the code was never redeemed, or if a
 * raised epoch has ended them. It is a subquery per row, because a join may read all clients and users.
 */
const LIFETIME = `(
  SELECT CASE WHEN g.code_uses = 0 AND g.code_expires_at IS NOT NULL THEN 0
              WHEN g.client_epoch <> ${epochOf("c")} OR g.user_epoch <> ${epochOf("u")} THEN 0
              ELSE c.access_token_lifetime END
  FROM clients c, users u WHERE c.client_id = g.client_id AND u.sub = g.sub)`;

const GRANTS_DUE = `FROM grants g WHERE g.sweep_after <= ${NOW}`;

/**
 * Grants whose refresh token was not used again. The rows are locked first, and their locked state decides. Grants that were used
 * in the meantime get a later time of their next check. Both changes look up rows by an array of ids, for which the planner
 * expects few rows: it never reads the whole table.
 */
const GRANTS: Sweep = {
  of: "grants",
  due: GRANTS_DUE,
  statement: {
    name: "sweep_grants",
    text: `
      WITH due AS MATERIALIZED (
        SELECT g.* ${GRANTS_DUE} ORDER BY g.sweep_after LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
      ), seen AS MATERIALIZED (
        SELECT g.id, ${overAt("least(g.idle_expires_at, g.absolute_expires_at)", LIFETIME)} AS over FROM due g
      ), deleted AS (
        DELETE FROM grants WHERE id = ANY (ARRAY(SELECT id FROM seen WHERE over <= ${NOW})) RETURNING 1
      ), kept AS (
        UPDATE grants g SET sweep_after = ${sweepAfter("s.over", NOW)}
        FROM seen s WHERE g.id = s.id AND g.id = ANY (ARRAY(SELECT id FROM seen WHERE over > ${NOW})) RETURNING 1
      )
      SELECT (SELECT count(*) FROM deleted)::int AS deleted, (SELECT count(*) FROM kept)::int AS kept`,
  },
};

/** All kinds of rows that are swept. */
export const SWEEPS: readonly Sweep[] = [GRANTS, ...EXPIRING.map(expiring)];

/** The result of one round. Each record has only the kinds with a number or an error. */
export interface SweepReport {
  readonly deleted: Readonly<Record<string, number>>;
  /** Grants that were checked and have not expired yet. */
  readonly kept: number;
  /** Expired rows of unfinished kinds at the end of the round, counted up to 10,000. */
  readonly backlog: Readonly<Record<string, number>>;
  readonly failed: Readonly<Record<string, unknown>>;
  readonly seconds: number;
}

/**
 * Deletes expired rows, a batch of each kind in turn, so that no kind waits for another. A kind whose statement fails is left for
 * the next round.
 * @param limit milliseconds after which the round ends
 */
export async function sweep(db: Db, now: Date | null, limit = MAX_ROUND): Promise<SweepReport> {
  const begun = performance.now();
  const elapsed = () => performance.now() - begun;
  const report: Progress = { deleted: {}, kept: 0, backlog: {}, failed: {} };
  let unfinished = SWEEPS;
  while (unfinished.length > 0 && elapsed() < limit) {
    const full: Sweep[] = [];
    for (const one of unfinished) {
      if (await sweepBatch(db, one, now, report)) full.push(one);
    }
    unfinished = full;
    if (full.length > 0) await pause(PAUSE);
  }
  const seconds = elapsed() / 1_000;
  for (const one of unfinished) await countBacklog(db, one, now, report);
  return { ...report, seconds };
}

/** A report that its round still changes. */
interface Progress {
  readonly deleted: Record<string, number>;
  kept: number;
  readonly backlog: Record<string, number>;
  readonly failed: Record<string, unknown>;
}

/** Deletes one batch and adds it to the report. @returns whether more rows may be left */
async function sweepBatch(db: Db, { of, statement }: Sweep, now: Date | null, report: Progress): Promise<boolean> {
  try {
    const [batch] = await run<{ deleted: number; kept: number }>(db, statement, [now]);
    const { deleted, kept } = batch!;
    if (deleted > 0) report.deleted[of] = (report.deleted[of] ?? 0) + deleted;
    report.kept += kept;
    return deleted + kept === BATCH;
  } catch (error) {
    report.failed[of] = error;
    return false;
  }
}

/** Counts the rest of one kind. A kind that cannot be counted is left for the next round. */
async function countBacklog(db: Db, { of, due }: Sweep, now: Date | null, report: Progress): Promise<void> {
  const text = `SELECT count(*)::int AS due FROM (SELECT ${due} LIMIT ${MAX_COUNTED}) counted`;
  try {
    const [found] = await run<{ due: number }>(db, { name: `sweep_backlog_${of}`, text }, [now]);
    if (found!.due > 0) report.backlog[of] = found!.due;
  } catch (error) {
    report.failed[of] = error;
  }
}
