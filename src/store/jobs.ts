import type { GrantFilter, GrantPlace } from "./grant-walk.js";
import { run, type Db, type Transaction } from "./open.js";

/**
 * Jobs: work over many rows, which instances do a batch at a time (job-steps.ts). An instance claims a job for some seconds, and
 * each batch extends the claim. If the instance dies, another one claims the job and goes on after the last batch.
 */

/** end_grants ends the grants of a filter. mark_grants marks those that a raised epoch has ended (ending.ts). */
export const JOB_KINDS = ["end_grants", "mark_grants"] as const;
export type JobKind = (typeof JOB_KINDS)[number];

export const JOB_STATES = ["waiting", "running", "finished", "cancelled", "failed"] as const;
type JobState = (typeof JOB_STATES)[number];

/** Largest number of unfinished jobs. */
export const MAX_UNFINISHED_JOBS = 100;

/** Seconds for which a claim holds. A batch takes a fraction of them. */
export const HELD = 30;

/** A job, as operators see it. */
export interface Job {
  readonly id: string;
  readonly kind: JobKind;
  /** The filter in the words of the caller. */
  readonly asked: Readonly<Record<string, unknown>>;
  readonly counted: number;
  readonly counted_all: boolean;
  readonly state: JobState;
  readonly looked_at: number;
  readonly done: number;
  readonly started_by: unknown;
  readonly failure: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly finished_at: Date | null;
}

/** A filter as JSON, which has no dates. */
export type StoredFilter = Omit<GrantFilter, "made_after" | "made_before"> & {
  readonly made_after?: string | undefined;
  readonly made_before?: string | undefined;
};

const COLUMNS = `id, kind, asked, counted, counted_all, state, looked_at::float8 AS looked_at, done::float8 AS done,
  started_by, failure, created_at, updated_at, finished_at`;

type Row = Record<string, unknown>;

interface NewJob {
  readonly id: string;
  readonly kind: JobKind;
  readonly filter: GrantFilter;
  readonly counted: number;
  readonly counted_all: boolean;
  readonly asked: object;
  readonly started_by: object;
  /** A job with the same key is the same job. */
  readonly idempotency_key?: string | undefined;
}

const START = {
  name: "job_start",
  text: `
    INSERT INTO jobs (id, kind, asked, filter, counted, counted_all, started_by, idempotency_key, created_at, updated_at)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, t.now, t.now FROM (SELECT coalesce($9::timestamptz, now()) AS now) t
    WHERE (SELECT count(*) FROM jobs WHERE finished_at IS NULL) < ${MAX_UNFINISHED_JOBS}
    ON CONFLICT (idempotency_key) DO NOTHING RETURNING ${COLUMNS}`,
};

const OF_KEY = {
  name: "job_of_key",
  text: `SELECT ${COLUMNS}, kind = $2 AND asked = $3::jsonb AS is_same FROM jobs WHERE idempotency_key = $1`,
};

/**
 * Starts a job, or finds the one that has its key. Callers at the same moment may go a little beyond the limit.
 * @returns `crowded` if there are too many unfinished jobs, and `other` if the key belongs to another request
 */
export async function startJob(
  where: Db | Transaction,
  job: NewJob,
  now: Date | null,
): Promise<Job | "crowded" | "other"> {
  const { id, kind, filter, counted, counted_all, idempotency_key } = job;
  const [asked, started_by] = [JSON.stringify(job.asked), JSON.stringify(job.started_by)];
  const values = [id, kind, asked, JSON.stringify(filter), counted, counted_all, started_by, idempotency_key, now];
  const [made] = await run<Job & Row>(where, START, values);
  if (made !== undefined) return made;
  const [found] = await run<Job & Row & { is_same: boolean }>(where, OF_KEY, [idempotency_key, kind, asked]);
  if (found === undefined) return "crowded";
  return found.is_same ? found : "other";
}

const FIND = { name: "job_find", text: `SELECT ${COLUMNS} FROM jobs WHERE id = $1` };

export async function findJob(db: Db, id: string): Promise<Job | undefined> {
  return (await run<Job & Row>(db, FIND, [id]))[0];
}

const LIST = {
  name: "jobs_page",
  text: `
    SELECT ${COLUMNS} FROM jobs WHERE (created_at, id) < (coalesce($1::timestamptz, 'infinity'), coalesce($2, ''))
    ORDER BY created_at DESC, id DESC LIMIT $3`,
};

/** Jobs, the newest first. @param after the last one of the page before */
export async function listJobs(db: Db, after: GrantPlace | undefined, limit: number): Promise<readonly Job[]> {
  return run<Job & Row>(db, LIST, [after?.created_at, after?.id, limit]);
}

const CANCEL = {
  name: "job_cancel",
  text: `
    WITH t AS (SELECT coalesce($2::timestamptz, now()) AS now)
    UPDATE jobs SET state = 'cancelled', holder = NULL, updated_at = t.now, finished_at = t.now FROM t
    WHERE id = $1 AND finished_at IS NULL RETURNING 1`,
};

/** Cancels an unfinished job. It waits for a batch in progress, which is the last one. @returns whether this call did it */
export async function cancelJob(tx: Transaction, id: string, now: Date | null): Promise<boolean> {
  return (await run(tx, CANCEL, [id, now])).length === 1;
}

const UNFINISHED = {
  name: "jobs_unfinished",
  text: "SELECT count(*)::int AS unfinished FROM jobs WHERE finished_at IS NULL",
};

/** The number of unfinished jobs. */
export async function countUnfinishedJobs(db: Db): Promise<number> {
  return (await run<{ unfinished: number }>(db, UNFINISHED, []))[0]!.unfinished;
}
