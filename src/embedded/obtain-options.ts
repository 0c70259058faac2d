import type { Role } from "../store/cluster-guard.js";

/** How long to keep trying, and when to give up at once. */
export interface Deadline {
  /** Milliseconds since the epoch, as of Date.now(). */
  readonly at: number;
  readonly signal: AbortSignal;
}

export interface ObtainOptions {
  readonly role: Role;
  readonly deadline: Deadline;
  /** The variables of this process, of which PostgreSQL inherits a few (os-user.ts). */
  readonly environment: NodeJS.ProcessEnv;
  /** The port of a PostgreSQL that is started again: no other port will do, and no new cluster. */
  readonly port?: number | undefined;
  /** A master key without a cluster is expected, because a backup is about to be restored. */
  readonly restoring?: boolean | undefined;
}
