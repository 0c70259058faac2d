import type { ProcessMetrics } from "../metrics/metrics.js";

/**
 * What a primary and its workers tell each other. The messages travel on a channel between the two processes only, so that
 * the database's password reaches no command line, no environment and no log.
 */

/** How a worker reaches what its primary has opened. */
export interface Opened {
  /** The connection string of the database. */
  readonly url: string;
  readonly port: number;
}

/** What a primary orders: to build the server, to listen, to read the certificate files again, and to drain and exit. */
export type Order =
  | ({ readonly do: "build"; readonly isFirst: boolean } & Opened)
  | { readonly do: "listen" }
  | { readonly do: "renew" }
  /** Send the metrics of this process. */
  | { readonly do: "collect"; readonly id: number }
  /** The answer to `asks`: the metrics of all workers. */
  | { readonly do: "show"; readonly id: number; readonly processes: readonly ProcessMetrics[] }
  | { readonly do: "stop" };

/** How far a worker has come. */
export type Stage = "loaded" | "built" | "serving";

/** What a worker reports. After `failed` it exits. */
export type Report = { readonly is: Stage } | Failure | MetricsReport;

/** A worker's part in the metrics of all: it asks for them, or sends its own metrics for another one. */
type MetricsReport =
  | { readonly is: "asks"; readonly id: number }
  | { readonly is: "collected"; readonly id: number; readonly metrics: ProcessMetrics };

export interface Failure {
  readonly is: "failed";
  /** One line for the operator. */
  readonly line: string;
  /** Whether no worker may serve, because the database was restored from a backup. */
  readonly isRestored: boolean;
}
