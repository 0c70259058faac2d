import { z } from "zod";
import { OperatorError } from "../errors/operator-error.js";
import { cancelJob, findJob, JOB_KINDS, JOB_STATES, listJobs, type Job } from "../store/jobs.js";
import { name } from "./arguments.js";
import { command, type AnyCommand, type CommandContext, type PagedContext } from "./command.js";
import { GRANT_FILTER, readGrantFilter, refuseEmptyFilter } from "./grant-filter.js";
import { PAGING, pageOf } from "./page.js";
import { present } from "./present.js";
import { followJob, startCountedJob, tooManyJobs } from "./start-job.js";

const JOB_ID = { job_id: name.meta({ description: "job" }) };
const ONE = z.strictObject(JOB_ID);
const LISTED = z.strictObject({ ...PAGING });
const MANY = z.strictObject({
  ...GRANT_FILTER,
  idempotency_key: z.string().min(1).max(255).optional().meta({
    description: "a second request with the same key starts no second job",
  }),
});

const JOB = z.object({
  job_id: z.string(),
  kind: z.enum(JOB_KINDS),
  filter: z.record(z.string(), z.unknown()),
  counted: z.int().meta({ description: "grants that there were to end when it started" }),
  at_least: z.boolean().meta({ description: "whether there may have been more" }),
  state: z.enum(JOB_STATES),
  looked_at: z.int().meta({ description: "grants that it has looked at" }),
  ended: z.int().meta({ description: "grants that it has ended" }),
  started_by: z.record(z.string(), z.unknown()),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  finished_at: z.iso.datetime().optional(),
  failure: z.string().optional(),
});

function shown({ id, kind, asked, counted, counted_all, state, looked_at, done, ...job }: Job) {
  const { started_by, created_at, updated_at, finished_at, failure } = job;
  return present({
    job_id: id,
    ...{ kind, filter: asked, counted, at_least: !counted_all, state, looked_at, ended: done },
    ...{ started_by: started_by as Record<string, unknown>, created_at, updated_at },
    finished_at: finished_at ?? undefined,
    failure: failure ?? undefined,
  });
}

async function revokeMany(context: CommandContext<z.output<typeof MANY>>) {
  const { core, input, caller } = context;
  const { idempotency_key, ...asked } = input;
  refuseEmptyFilter(asked);
  const filter = await readGrantFilter(core, asked);
  const job = await startCountedJob(context, { kind: "end_grants", filter, asked, idempotency_key });
  if (job === undefined) throw tooManyJobs();
  return shown(caller.kind === "system_user" ? await followJob(context, job) : job);
}

async function list({ core, input: { limit }, after }: PagedContext<z.output<typeof LISTED>>) {
  const place = after && { created_at: new Date(String(after[0])), id: String(after[1]) };
  const rows = await listJobs(core.db, place, limit + 1);
  return pageOf(rows, limit, ({ created_at, id }) => [created_at.toISOString(), id], shown);
}

async function existing({ core, input: { job_id } }: CommandContext<z.output<typeof ONE>>): Promise<Job> {
  const job = await findJob(core.db, job_id);
  if (job === undefined) throw new OperatorError(`there is no job ${job_id}`, "not_found");
  return job;
}

async function cancel(context: CommandContext<z.output<typeof ONE>>) {
  const { core, change, input } = context;
  await existing(context);
  await change((tx) => cancelJob(tx, input.job_id, core.clock.statement()));
  return shown(await existing(context));
}

export const JOB_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "grant revoke-many",
    does: "ends the grants that fit a filter, as a job; `grant count` counts them before",
    access: "revoke",
    effect: "ends",
    input: MANY,
    output: JOB,
    run: revokeMany,
  }),
  command({
    name: "job list",
    does: "lists the jobs, the newest first",
    access: "read",
    effect: "reads",
    input: LISTED,
    output: JOB,
    paged: true,
    run: list,
  }),
  command({
    name: "job show",
    does: "shows a job and how far it has come",
    access: "read",
    effect: "reads",
    subject: "job_id",
    input: ONE,
    output: JOB,
    run: async (context) => shown(await existing(context)),
  }),
  command({
    name: "job cancel",
    does: "cancels an unfinished job; the grants that it has ended stay ended",
    access: "revoke",
    effect: "ends",
    subject: "job_id",
    input: ONE,
    output: JOB,
    run: cancel,
  }),
];
