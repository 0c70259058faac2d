import { tracingChannel } from "node:diagnostics_channel";

/** Work on behalf of a request that traces show, beside the request itself. */
export interface Work {
  readonly kind: "statement" | "password hash" | "call";
  /** The name of the statement, or the host that is called. */
  readonly detail: string;
}

/** Where the work is published. Only src/tracing subscribes, so without traces a piece of work costs one test more. */
export const WORK = tracingChannel<string, Work>("jeton:work");

/** Does some work, and publishes its beginning and its end if anything listens. */
export function published<T>(kind: Work["kind"], detail: string, work: () => Promise<T>): Promise<T> {
  return WORK.hasSubscribers ? WORK.tracePromise(work, { kind, detail }) : work();
}
