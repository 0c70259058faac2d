import { AggregatorRegistry, collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Clock } from "../clock.js";
import type { AuditFacts, DecisionCounter } from "../http/decision.js";
import type { SweepReport } from "../store/sweep.js";
import { DecisionTally } from "./decision-tally.js";
import { COUNTERS, GAUGES } from "./families.js";
import { mergeRecent, minuteOf, MinuteRing, type Recent } from "./recent.js";

/** The metrics of one process, in a form that travels between processes. */
export interface ProcessMetrics {
  readonly families: Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;
  readonly recent: Recent;
}

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
  readonly #dropped = this.#counter("jeton_decisions_dropped_total");
  readonly #recentAlarms = new Map<string, MinuteRing>();
  readonly #clock: Pick<Clock, "now">;
  #backlog: readonly Reading[] = [];

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
    collectDefaultMetrics({ register: this.#registry });
  }

  decided(
    { dialect = "none", operation = "none", grant_type = "none", refusal, alarm }: AuditFacts,
    milliseconds?: number,
  ) {
    const seconds = milliseconds === undefined ? undefined : milliseconds / 1_000;
    const outcome = refusal === undefined ? "granted" : "refused";
    this.#decisions.add({ dialect, operation, grant_type, outcome }, seconds, minuteOf(this.#clock.now()));
    if (refusal !== undefined) this.#refusals.inc({ code: refusal.row.code });
    if (alarm !== undefined) this.#alarmed(alarm);
  }

  /** Counts decisions that were not kept. */
  dropped(reason: string, count: number): void {
    this.#dropped.inc({ reason }, count);
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
  async collect(): Promise<ProcessMetrics> {
    const minute = minuteOf(this.#clock.now());
    const alarms = [...this.#recentAlarms].map(([alarm, ring]) => ({ labels: { alarm }, counts: ring.read(minute) }));
    const recent = { minute, decisions: this.#decisions.recent(minute), alarms };
    return { families: await this.#registry.getMetricsAsJSON(), recent };
  }

  #alarmed(alarm: string): void {
    this.#alarms.inc({ alarm });
    let ring = this.#recentAlarms.get(alarm);
    if (ring === undefined) this.#recentAlarms.set(alarm, (ring = new MinuteRing()));
    ring.add(minuteOf(this.#clock.now()));
  }

  #counter<Name extends keyof typeof COUNTERS>(name: Name): Counter {
    return new Counter({ name, ...COUNTERS[name], registers: [this.#registry] });
  }
}

/** The page with the metrics of these processes as one server's. */
export function writeMetrics(processes: readonly ProcessMetrics[]): Promise<string> {
  return aggregated(processes).metrics();
}

function aggregated(processes: readonly ProcessMetrics[]): Registry {
  return AggregatorRegistry.aggregate(processes.map(({ families }) => families));
}

/** The state of a server, for people. */
export interface ServerState {
  /** The values of a metric, each with its labels. */
  readonly valuesOf: (name: keyof typeof GAUGES | keyof typeof COUNTERS) => readonly LabelledValue[];
  readonly recent: Recent;
}

interface LabelledValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
}

/** The state of these processes as one server's. */
export async function stateOf(processes: readonly ProcessMetrics[]): Promise<ServerState> {
  const families = new Map((await aggregated(processes).getMetricsAsJSON()).map(({ name, values }) => [name, values]));
  return {
    valuesOf: (name) => families.get(name) ?? [],
    recent: mergeRecent(processes.map(({ recent }) => recent)),
  };
}
