import type { FastifyBaseLogger } from "fastify";
import type { Metrics } from "./metrics/metrics.js";
import type { SweepReport } from "./store/sweep.js";

/** Runs one round after another, until no row is due any more. */
export async function sweepAndLog(
  round: () => Promise<SweepReport>,
  log: FastifyBaseLogger,
  metrics: Metrics | undefined,
): Promise<void> {
  let report: SweepReport;
  do {
    report = await round();
    metrics?.swept(report);
    logSweep(report, log);
  } while (report.isBehind);
}

/** Logs one line for each round that deleted rows or left a backlog, and one for each kind of row that failed. */
function logSweep({ deleted, kept, backlog, failed, seconds }: SweepReport, log: FastifyBaseLogger): void {
  for (const [of, err] of Object.entries(failed))
    log.warn({ type: "sweep", of, err }, "sweeping failed; it is retried");
  const rows = Object.values(deleted).reduce((sum, one) => sum + one, 0);
  if (rows === 0 && Object.keys(backlog).length === 0) return;
  const rows_per_second = Math.round(rows / seconds);
  log.info({ type: "sweep", deleted, kept, backlog, seconds, rows_per_second }, "swept");
}
