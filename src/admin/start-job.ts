import { setTimeout as pause } from "node:timers/promises";
import { newId } from "../clock.js";
import { OperatorError } from "../errors/operator-error.js";
import { advanceWhile } from "../jobs/runner.js";
import { countGrants } from "../store/grant-list.js";
import type { GrantFilter } from "../store/grant-walk.js";
import { claimJob } from "../store/job-steps.js";
import { findJob, MAX_UNFINISHED_JOBS, startJob, type Job, type JobKind } from "../store/jobs.js";
import type { CommandContext } from "./command.js";

/** Starts jobs for commands, and follows them. */

type Context = Pick<CommandContext<unknown>, "core" | "caller" | "change" | "report">;

interface Asked {
  readonly kind: JobKind;
  readonly filter: GrantFilter;
  /** The filter in the words of the caller. */
  readonly asked: object;
  readonly idempotency_key?: string | undefined;
}

/** Counts the grants that a job will end, and starts it. @returns undefined if too many jobs are unfinished */
export async function startCountedJob(
  { core, caller, change }: Context,
  { kind, filter, asked, idempotency_key: key }: Asked,
): Promise<Job | undefined> {
  const { counted, is_all } = await countGrants(core.db, filter);
  const job = {
    // An id does not begin with a dash, because the command line would take it for a flag.
    id: `j${newId(core.random)}`,
    ...{ kind, filter, asked, counted, counted_all: is_all },
    started_by: caller,
    idempotency_key: key === undefined ? undefined : JSON.stringify([caller.kind, caller.id, key]),
  };
  const started = await change((tx) => startJob(tx, job, core.clock.statement()));
  if (started === "other") throw new OperatorError("idempotency-key: belongs to another request", "conflict");
  return started === "crowded" ? undefined : started;
}

/** A refusal because of too many unfinished jobs. */
export function tooManyJobs(): OperatorError {
  return new OperatorError(`${MAX_UNFINISHED_JOBS} jobs are unfinished; \`jeton job list\` shows them`, "conflict");
}

/** Milliseconds between two looks at a job that another instance works on. */
const LOOK = 500;

/**
 * Waits for the end of a job. A command works on it itself, because it may be the only process; if an instance has claimed the
 * job first, the command looks on.
 */
export async function followJob({ core, report }: Context, started: Job): Promise<Job> {
  const { db, clock, random } = core;
  const { id, counted, counted_all } = started;
  let told = 0;
  const tell = ({ done }: { readonly done: number }) => {
    if (done - told < PROGRESS) return;
    told = done;
    report(`${id}: ${done} of ${counted_all ? "" : "at least "}${counted} grants are ended`);
  };
  for (;;) {
    const claimed = await claimJob(db, newId(random), clock.statement(), id);
    if (claimed !== undefined) await advanceWhile(db, claimed, clock, () => true, tell);
    const job = await findJob(db, id);
    if (job?.finished_at !== null) return job ?? started;
    tell(job);
    await pause(LOOK);
  }
}

/** Grants between two lines of progress. */
const PROGRESS = 10_000;
