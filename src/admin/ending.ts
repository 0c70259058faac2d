import { markEnded, type GrantsOf } from "../store/ending.js";
import { isStoreUnavailable } from "../store/failure.js";
import type { CommandContext } from "./command.js";
import { startCountedJob } from "./start-job.js";

/** A first line of progress is written after this many grants, and the next ones after this many more. */
const PROGRESS = { first: 1_000, next: 50_000 } as const;

/** The result for the grants, as the command prints it. */
interface GrantsEnded {
  readonly grants_ended?: number;
  /** The job that marks them, if the caller does not wait for it. */
  readonly job_id?: string;
  readonly warnings?: readonly string[];
}

/**
 * Marks the grants of a client, a user or all users as ended, after their epoch was raised. If the database stops
 * answering, that is a warning and not a failure: the grants stay revoked, and the sweep deletes the rest.
 * A caller of the Admin API does not wait: a job marks them.
 * @param what the revoked client or user, as the operator named it
 */
export async function markGrantsEnded(
  context: Pick<CommandContext<unknown>, "core" | "report" | "caller" | "change">,
  whose: GrantsOf,
  what: string,
): Promise<GrantsEnded> {
  const { core, report, caller } = context;
  if (caller.kind !== "system_user") return startMarking(context, whose);
  let grants_ended = 0;
  let due: number = PROGRESS.first;
  const progress = (ended: number) => {
    grants_ended = ended;
    if (ended < due) return;
    due = ended + PROGRESS.next;
    report(`${what}: everything is rejected from now on; ${ended} grants are marked as ended so far`);
  };
  try {
    await markEnded(core.db, whose, core.clock.statement(), progress);
    return { grants_ended };
  } catch (error) {
    if (!isStoreUnavailable(error)) throw error;
    const warning = "the database stopped answering before every grant was marked as ended; all of them are rejected";
    return { grants_ended, warnings: [warning] };
  }
}

async function startMarking(context: Parameters<typeof startCountedJob>[0], whose: GrantsOf): Promise<GrantsEnded> {
  const filter = whose === "everybody" ? {} : whose;
  const job = await startCountedJob(context, { kind: "mark_grants", filter, asked: filter });
  if (job !== undefined) return { job_id: job.id };
  return { warnings: ["too many jobs are unfinished to mark the grants as ended; all of them are rejected"] };
}
