import { AggregatorRegistry, collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { AuditFacts, DecisionCounter } from "../http/decision.js";
import type { SweepReport } from "../store/sweep.js";
import { DecisionTally } from "./decision-tally.js";
import { COUNTERS, GAUGES } from "./families.js";

/** The metrics of one process, in a form that travels between processes. */
export type ProcessMetrics = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

/** One value of a gauge, with its labels. */
type Reading = readonly [value: number, labels?: Readonly<Record<string, string>>];

/** How each gauge is read. */
export type GaugeReaders = Readonly<Record<keyof typeof GAUGES, () => readonly Reading[]>>;

/** Counts what this process decides, and reads its state when the page is asked for. */
export class Metrics implements DecisionCounter {
  readonly #registry = new Registry();
  readonly #decisions = new DecisionTally(this.#registry);
  readonly #refusals = this.#counter("jeton_refusals_total");
  readonly #alarms = this.#counter("jeton_alarms_total");
  readonly #sweptRows = this.#counter("jeton_swept_rows_total");
  readonly #sweepFailures = this.#counter("jeton_sweep_failures_total");
  #backlog: readonly Reading[] = [];

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  decided(
    { dialect = "none", operation = "none", grant_type = "none", refusal, alarm }: AuditFacts,
    milliseconds?: number,
  ) {
    const seconds = milliseconds === undefined ? undefined : milliseconds / 1_000;
    this.#decisions.add(dialect, operation, grant_type, refusal === undefined ? "granted" : "refused", seconds);
    if (refusal !== undefined) this.#refusals.inc({ code: refusal.row.code });
    if (alarm !== undefined) this.#alarms.inc({ alarm });
  }

  /** Adds a round of the sweep. Its backlog is shown until the next round. */
  swept({ deleted, backlog, failed }: SweepReport): void {
    for (const [table, rows] of Object.entries(deleted)) this.#sweptRows.inc({ table }, rows);
    for (const table of Object.keys(failed)) this.#sweepFailures.inc({ table });
    this.#backlog = Object.entries(backlog).map(([table, rows]) => [rows, { table }]);
  }

  /** Reads the gauges of a server from now on. */
  watch(readers: Omit<GaugeReaders, "jeton_sweep_backlog_rows">): void {
    const all: GaugeReaders = { ...readers, jeton_sweep_backlog_rows: () => this.#backlog };
    for (const [name, read] of Object.entries(all)) {
      const { help, labelNames, aggregator } = GAUGES[name as keyof typeof GAUGES];
      new Gauge({
        ...{ name, help, labelNames, aggregator, registers: [this.#registry] },
        collect() {
          this.reset();
          for (const [value, labels = {}] of read()) this.set(labels, value);
        },
      });
    }
  }

  /** The page of a server that is one process. */
  page(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The metrics of this process, for another process to add to its own. */
  collect(): Promise<ProcessMetrics> {
    return this.#registry.getMetricsAsJSON();
  }

  #counter<Name extends keyof typeof COUNTERS>(name: Name): Counter {
    return new Counter({ name, ...COUNTERS[name], registers: [this.#registry] });
  }
}

/** The page with the metrics of these processes as one server's. */
export function writeMetrics(processes: readonly ProcessMetrics[]): Promise<string> {
  return AggregatorRegistry.aggregate([...processes]).metrics();
}
