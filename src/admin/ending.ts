import { markEnded, type GrantsOf } from "../store/ending.js";
import { isStoreUnavailable } from "../store/failure.js";
import type { CommandContext } from "./command.js";

/** A first line of progress is written after this many grants, and the next ones after this many more. */
const PROGRESS = { first: 1_000, next: 50_000 } as const;

/** What became of the grants, as the command prints it. */
interface GrantsEnded {
  readonly grants_ended: number;
  readonly warnings?: readonly string[];
}

/**
 * Marks the grants of a client, a person or everybody as ended, after their epoch was raised. A database that stops
 * answering is a warning and no failure: what was revoked stays revoked, and the sweep deletes what is left.
 * @param what was revoked, as the operator calls it
 */
export async function markGrantsEnded(
  { core, report }: CommandContext,
  whose: GrantsOf,
  what: string,
): Promise<GrantsEnded> {
  let grants_ended = 0;
  let due: number = PROGRESS.first;
  const progress = (ended: number) => {
    grants_ended = ended;
    if (ended < due) return;
    due = ended + PROGRESS.next;
    report(`${what}: everything is refused from now on; ${ended} grants are marked as ended so far`);
  };
  try {
    await markEnded(core.db, whose, core.clock.statement(), progress);
    return { grants_ended };
  } catch (error) {
    if (!isStoreUnavailable(error)) throw error;
    const warning = "the database stopped answering before every grant was marked as ended; all of them are refused";
    return { grants_ended, warnings: [warning] };
  }
}
