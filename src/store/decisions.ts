import { run, type Db } from "./open.js";

/** Decisions, kept so that an administrator can ask for their reasons (docs/decisions/0030). */

/** Most rows. The oldest ones make room. */
const MAX_DECISIONS = 1_000_000;

/** A decision on its way into the store. */
export interface NewDecision {
  /** The `X-Request-Id` of the answer. */
  readonly id: string;
  /** Milliseconds since the decision was made. */
  readonly age: number;
  /** The code of the refusal; null if the request was granted. */
  readonly code: string | null;
  readonly client_id: string | null;
  readonly sub: string | null;
  /** The fields of its log line, and those for deciding again. */
  readonly facts: object;
}

/**
 * The rows are written by one statement, which also deletes the oldest ones above the limit. A user who was deleted in between leaves
 * none. `seq` counts all rows that were ever written. The oldest ones are found by their time, because `seq` has no index: each index
 * is written to with each row.
 */
const KEEP = {
  name: "decisions_keep",
  text: `
    WITH t AS (SELECT coalesce($2::timestamptz, now()) AS now), kept AS (
      INSERT INTO decisions (id, decided_at, code, client_id, sub, facts)
      SELECT r.id, t.now - r.age * interval '1 millisecond', r.code, r.client_id, r.sub, r.facts
      FROM json_to_recordset($1::json) AS r(id uuid, age float8, code text, client_id text, sub text, facts json), t
      WHERE r.sub IS NULL OR EXISTS (SELECT FROM users u WHERE u.sub = r.sub)
      RETURNING seq
    ), over AS (
      SELECT max(o.decided_at) AS last FROM (
        SELECT decided_at, seq FROM decisions WHERE decided_at >= coalesce($3::timestamptz, '-infinity')
        ORDER BY decided_at LIMIT $4
      ) o WHERE o.seq <= (SELECT max(seq) FROM kept) - $5::bigint
    ), gone AS (
      DELETE FROM decisions WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM decisions
        WHERE decided_at >= coalesce($3::timestamptz, '-infinity') AND decided_at <= (SELECT last FROM over)
        ORDER BY decided_at LIMIT $4 FOR UPDATE SKIP LOCKED
      ))
    )
    SELECT last FROM over`,
};

/**
 * Writes decisions.
 * @param from the time before which no row is left, as the call before has returned it
 * @param most the limit of rows
 * @returns the time from which to look for rows above the limit, if some were found
 */
export async function keepDecisions(
  db: Db,
  decisions: readonly NewDecision[],
  now: Date | null,
  from: Date | null = null,
  most = MAX_DECISIONS,
): Promise<Date | null> {
  // Twice as many as are written, so that a lowered limit is reached too.
  const values = [JSON.stringify(decisions), now, from, 2 * decisions.length, most];
  const [found] = await run<{ last: Date | null }>(db, KEEP, values);
  return found?.last ?? from;
}

/** A decision that the store has kept, with the time of the database at which it was made. */
export interface KeptDecision extends Omit<NewDecision, "age"> {
  readonly decided_at: Date;
}

const COLUMNS = "id, decided_at, code, client_id, sub, facts";

const FIND = { name: "decision_find", text: `SELECT ${COLUMNS} FROM decisions WHERE id = $1` };

/** The decision behind an `X-Request-Id`. @param id a UUID */
export async function findKeptDecision(db: Db, id: string): Promise<KeptDecision | undefined> {
  return (await run<KeptDecision>(db, FIND, [id]))[0];
}
