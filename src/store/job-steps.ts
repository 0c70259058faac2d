import { recordEnd } from "./audit-events.js";
import { epochOf } from "./epochs.js";
import { noticed } from "./ending.js";
import {
  FITS,
  filterParameters,
  ofEachWalk,
  walkOf,
  walkParameters,
  walkSql,
  type GrantFilter,
  type Walk,
} from "./grant-walk.js";
import { HELD, type JobKind, type StoredFilter } from "./jobs.js";
import { run, runPlanned, type Db } from "./open.js";

/** The work of a job: it is claimed, advanced by a batch at a time, and given back. */

/** Grants that a batch reads: a fraction of a second even if each is read from the disk. */
const BATCH = 500;

/** Batches that fail one after another before a job is given up. */
const MAX_FAILURES = 10;

/** A job that an instance works on. */
export interface ClaimedJob {
  readonly id: string;
  readonly kind: JobKind;
  readonly filter: StoredFilter;
  readonly holder: string;
  readonly created_at: Date;
  readonly after_time: Date | null;
  readonly after_id: string | null;
}

const CLAIM = {
  name: "job_claim",
  text: `
    WITH t AS (SELECT coalesce($2::timestamptz, now()) AS now), free AS MATERIALIZED (
      SELECT j.id FROM jobs j, t
      WHERE j.finished_at IS NULL AND coalesce(j.held_until <= t.now, true) AND ($3::text IS NULL OR j.id = $3)
      ORDER BY j.updated_at LIMIT 1 FOR UPDATE OF j SKIP LOCKED
    )
    UPDATE jobs j SET state = 'running', holder = $1, held_until = t.now + ${HELD} * interval '1 second', updated_at = t.now
    FROM t, free WHERE j.id = free.id
    RETURNING j.id, j.kind, j.filter, j.holder, j.created_at, j.after_time, j.after_id`,
};

/**
 * Claims the job that has waited longest, and that no living instance works on.
 * @param holder a name that no other claim has
 * @param id the only job that is wanted; any by default
 */
export async function claimJob(db: Db, holder: string, now: Date | null, id?: string): Promise<ClaimedJob | undefined> {
  return (await run<ClaimedJob>(db, CLAIM, [holder, now, id]))[0];
}

/** SQL: whether a grant `g` of a batch is ended by a kind of job. */
const WANTED: Readonly<Record<JobKind, string>> = {
  end_grants: FITS,
  mark_grants: `(${FITS} AND (
      g.client_epoch <> (SELECT ${epochOf("c")} FROM clients c WHERE c.client_id = g.client_id)
      OR g.user_epoch <> (SELECT ${epochOf("u")} FROM users u WHERE u.sub = g.sub)))`,
};

/** SQL that is never null. Each ended grant is recorded. If an epoch was raised, that is the record. */
const RECORDED: Readonly<Record<JobKind, string>> = { end_grants: recordEnd("g", "revoked"), mark_grants: "1" };

/** A job of this kind for everything of everybody also tells the clients of the users (ending.ts). */
const TELLS: Readonly<Record<JobKind, boolean>> = { end_grants: false, mark_grants: true };

/**
 * Ends the grants of a batch, and records how far the job has come, in one statement: both happen or neither does. The row of the
 * job is locked first, so a holder whose claim was lost changes nothing. The grants are locked in the order of all such
 * statements. One that another job has ended by then is not counted.
 */
const step = (kind: JobKind, walk: Walk) => ({
  name: `job_${kind}_by_${walk}`,
  text: `
    WITH t AS (SELECT coalesce($10::timestamptz, now()) AS now), job AS MATERIALIZED (
      SELECT id, set_config('jeton.actor', started_by::text, true) FROM jobs
      WHERE id = $11 AND holder = $12 AND finished_at IS NULL FOR NO KEY UPDATE
    ), looked AS MATERIALIZED (
      SELECT g.id, g.created_at, g.ended_at IS NULL AND ${WANTED[kind]} AS wanted
      FROM (${walkSql(walk, "oldest first", `LIMIT ${BATCH}`)}) g
      WHERE EXISTS (SELECT FROM job)
    ), locked AS MATERIALIZED (
      SELECT id FROM grants WHERE id = ANY (ARRAY(SELECT id FROM looked WHERE wanted)) AND ended_at IS NULL
      ORDER BY id FOR NO KEY UPDATE
    ), marked AS (
      UPDATE grants g SET ended_at = t.now, ended_because = 'revoked' FROM t, locked WHERE g.id = locked.id
      RETURNING g.id, g.client_id, g.sub, g.sid, g.scope, g.code_uses, g.code_expires_at
    ), ${noticed("$13::boolean")}, last AS (
      SELECT created_at, id FROM looked ORDER BY ${walk === "id" ? "id" : "created_at DESC, id"} DESC LIMIT 1
    ), over AS (
      SELECT count(*) < ${BATCH} ${walk === "id" ? "" : "OR coalesce(max(created_at) >= $9, false)"} AS is_over FROM looked
    )
    UPDATE jobs j SET
      looked_at   = j.looked_at + (SELECT count(*) FROM looked),
      done        = j.done + (SELECT count(${RECORDED[kind]}) FROM marked g),
      after_time  = coalesce((SELECT created_at FROM last), j.after_time),
      after_id    = coalesce((SELECT id FROM last), j.after_id),
      failures    = 0,
      updated_at  = t.now,
      held_until  = t.now + ${HELD} * interval '1 second',
      state       = CASE WHEN is_over THEN 'finished' ELSE j.state END,
      finished_at = CASE WHEN is_over THEN t.now END
    FROM t, job, over WHERE j.id = job.id
    RETURNING j.after_time, j.after_id, j.looked_at::float8 AS looked_at, j.done::float8 AS done, is_over`,
});

const STEPS: Readonly<Record<JobKind, Readonly<Record<Walk, ReturnType<typeof step>>>>> = {
  end_grants: ofEachWalk((walk) => step("end_grants", walk)),
  mark_grants: ofEachWalk((walk) => step("mark_grants", walk)),
};

/** How far a job has come. */
export interface Advance extends Pick<ClaimedJob, "after_time" | "after_id"> {
  readonly looked_at: number;
  readonly done: number;
  readonly is_over: boolean;
}

/** Does the next batch of a claimed job. @returns undefined if the claim was lost, or the job was cancelled */
export async function advanceJob(db: Db, job: ClaimedJob, now: Date | null): Promise<Advance | undefined> {
  const { id, kind, holder, after_time, after_id } = job;
  const filter = boundsOf(job);
  const place = after_time === null || after_id === null ? undefined : { created_at: after_time, id: after_id };
  const tells = TELLS[kind] && walkOf(filter) === "id";
  const parameters = [...walkParameters(filter, "oldest first", place), ...filterParameters(filter)];
  const [advance] = await runPlanned<Advance>(db, STEPS[kind][walkOf(filter)], [...parameters, now, id, holder, tells]);
  return advance;
}

/** What is made after a job has started is not meant by it. A raised epoch has its own bound. */
function boundsOf({ kind, filter, created_at }: ClaimedJob): GrantFilter {
  const { made_after, made_before, ...rest } = filter;
  const before = made_before === undefined ? created_at : new Date(made_before);
  return {
    ...rest,
    made_after: made_after === undefined ? undefined : new Date(made_after),
    made_before: kind === "mark_grants" ? undefined : before < created_at ? before : created_at,
  };
}

const RELEASE = {
  name: "job_release",
  text: `
    WITH t AS (SELECT coalesce($3::timestamptz, now()) AS now)
    UPDATE jobs SET
      state       = CASE WHEN failures + $4 >= ${MAX_FAILURES} THEN 'failed' ELSE 'waiting' END,
      finished_at = CASE WHEN failures + $4 >= ${MAX_FAILURES} THEN t.now END,
      failures    = failures + $4,
      failure     = coalesce($5, failure),
      holder      = NULL,
      held_until  = t.now + $4 * interval '10 seconds',
      updated_at  = t.now
    FROM t WHERE id = $1 AND holder = $2 AND finished_at IS NULL`,
};

/**
 * Gives a job back, for any instance to go on.
 * @param failure why a batch has failed; the next one waits for some seconds, and the last one gives the job up
 */
export async function releaseJob(
  db: Db,
  { id, holder }: Pick<ClaimedJob, "id" | "holder">,
  failure: string | undefined,
  now: Date | null,
): Promise<void> {
  await run(db, RELEASE, [id, holder, now, failure === undefined ? 0 : 1, failure]);
}
