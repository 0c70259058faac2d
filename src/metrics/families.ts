/**
 * The metrics of this server. Their labels have a small number of values, and none of them identifies a person or a client.
 * docs/operations/metrics.md is held equal to this table by a test.
 */

/** What is counted as it happens. */
export const COUNTERS = {
  jeton_decisions_total: {
    help: "decided requests",
    labelNames: ["dialect", "operation", "grant_type", "outcome"],
  },
  jeton_refusals_total: { help: "refused requests, by the code of docs/errors.md", labelNames: ["code"] },
  jeton_alarms_total: {
    help: "decisions that may mean an attack, such as a reused refresh token",
    labelNames: ["alarm"],
  },
  jeton_decisions_dropped_total: {
    help: "decisions that were not kept and cannot be explained: too many at once (rate, full), or the database failed (failed)",
    labelNames: ["reason"],
  },
  jeton_swept_rows_total: { help: "expired rows that were deleted", labelNames: ["table"] },
  jeton_sweep_failures_total: { help: "statements of the sweep that failed", labelNames: ["table"] },
} as const;

/** How the values of several workers become one. */
type Aggregator = "sum" | "max" | "min" | "first";

/** What is read when the page is asked for. */
export const GAUGES = {
  jeton_build_info: {
    help: "1, with the versions of this server and of Node.js",
    labelNames: ["version", "node"],
    aggregator: "first",
  },
  jeton_workers: { help: "processes that serve requests", labelNames: [], aggregator: "sum" },
  jeton_requests_in_progress: { help: "accepted requests without an answer", labelNames: [], aggregator: "sum" },
  jeton_password_hashes_waiting: {
    help: "logins and password hashes that wait for a processor",
    labelNames: [],
    aggregator: "sum",
  },
  jeton_database_connections: {
    help: "connections to the database, by their state",
    labelNames: ["state"],
    aggregator: "sum",
  },
  jeton_database_callers_waiting: { help: "requests that wait for a connection", labelNames: [], aggregator: "sum" },
  jeton_change_feed_connected: {
    help: "1 if the connection that brings changes of other instances is alive, else 0",
    labelNames: [],
    aggregator: "min",
  },
  jeton_clock_difference_seconds: {
    help: "seconds by which this machine's clock is ahead of the database's",
    labelNames: [],
    aggregator: "max",
  },
  jeton_signing_key_age_seconds: {
    help: "seconds since the key that signs became current, by algorithm",
    labelNames: ["alg"],
    aggregator: "max",
  },
  jeton_sweep_backlog_rows: {
    help: "expired rows that the last round of the sweep left, counted up to 10,000",
    labelNames: ["table"],
    aggregator: "sum",
  },
  jeton_logout_notices_waiting: {
    help: "logouts that clients were not told of yet, counted up to 10,000",
    labelNames: [],
    aggregator: "max",
  },
  jeton_jobs_unfinished: { help: "unfinished jobs of all instances", labelNames: [], aggregator: "max" },
  jeton_confirmation_codes_waiting: {
    help: "confirmation codes that are being delivered",
    labelNames: [],
    aggregator: "sum",
  },
} as const satisfies Record<string, { help: string; labelNames: readonly string[]; aggregator: Aggregator }>;

export const HISTOGRAMS = {
  jeton_decision_duration_seconds: {
    help: "seconds from the arrival of a request to its decision",
    labelNames: ["dialect", "operation", "grant_type", "outcome"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  },
} as const;
