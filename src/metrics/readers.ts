import type { Core } from "../core.js";
import { readVersion } from "../version.js";
import type { GaugeReaders } from "./metrics.js";

/** How much waits in the parts of a server that are not in its core. */
export interface Backlogs {
  /** Accepted requests without an answer. */
  readonly underWay: () => number;
  readonly unfinishedJobs: () => number;
  /** Logouts that clients were not told of yet. */
  readonly logoutNotices: () => number;
}

/**
 * Reads the state of a server for its metrics. Nothing of it asks the database.
 */
export function readersOf(
  core: Core,
  { underWay, unfinishedJobs, logoutNotices }: Backlogs,
): Omit<GaugeReaders, "jeton_sweep_backlog_rows"> {
  const { pool } = core.db;
  return {
    jeton_build_info: () => [[1, { version: readVersion(), node: process.version }]],
    jeton_workers: () => [[1]],
    jeton_requests_in_progress: () => [[underWay()]],
    jeton_password_hashes_waiting: () => [[core.passwords.waiting]],
    jeton_database_connections: () => [
      [pool.totalCount - pool.idleCount, { state: "in_use" }],
      [pool.idleCount, { state: "idle" }],
    ],
    jeton_database_callers_waiting: () => [[pool.callersWaiting]],
    jeton_change_feed_connected: () => [[core.feed.alive() ? 1 : 0]],
    jeton_clock_difference_seconds: () => [[core.clockDifference.seconds]],
    jeton_signing_key_age_seconds: () =>
      core.ring.describe().flatMap(({ alg, state, active_from }) => {
        if (state !== "current" || active_from === null) return [];
        return [[Math.max(0, core.clock.now() - active_from.getTime()) / 1_000, { alg }] as const];
      }),
    jeton_logout_notices_waiting: () => [[logoutNotices()]],
    jeton_jobs_unfinished: () => [[unfinishedJobs()]],
    jeton_confirmation_codes_waiting: () => [[core.codeSender?.waiting ?? 0]],
  };
}
