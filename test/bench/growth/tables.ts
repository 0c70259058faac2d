import { table } from "../tables.js";
import type { CatchUp } from "./catch-up.js";
import type { Cost } from "./cost.js";
import { GROWTH_OPERATIONS } from "./operations.js";
import type { Wear } from "./wear.js";

/** What a request may cost in a larger deployment, as a multiple of the smallest one. */
const MAX_GROWTH = 1.15;

/** The sweep deletes rows at least so many times as fast as they can be made. */
const MIN_SWEEP = 2;

/** The 99th percentile while the sweep catches up is at most so many times that without it. */
const MAX_SLOWER = 2;

export interface GrowthReport {
  readonly about: Readonly<Record<string, string>>;
  readonly costs: readonly Cost[];
  readonly catchUp: CatchUp;
  readonly wear: Wear;
}

/** The tables, in Markdown. */
export function renderGrowth({ about, costs, catchUp, wear }: GrowthReport): string {
  return [table(["", ""], Object.entries(about)), costTable(costs), sweepTable(catchUp), wearTable(catchUp, wear)].join(
    "\n\n",
  );
}

function costTable(costs: readonly Cost[]): string {
  const rows = costs.map(({ operation, grants, median: { server, postgres, p50, p99, wal } }) => {
    const { median: least } = costs.find((cost) => cost.operation === operation)!;
    const times = (server + postgres) / (least.server + least.postgres);
    const { title } = GROWTH_OPERATIONS.find(({ name }) => name === operation)!;
    const figures = [server, postgres, server + postgres].map((microseconds) => microseconds.toFixed(0));
    const verdict = judged(times, times <= MAX_GROWTH, `above ${MAX_GROWTH}`);
    return [title, inWords(grants), ...figures, verdict, p50.toFixed(1), p99.toFixed(1), wal.toFixed(0)];
  });
  const head = [
    "operation",
    "grants",
    "server µs",
    "PostgreSQL µs",
    "both µs",
    "× the smallest",
    "p50 ms",
    "p99 ms",
    "WAL bytes",
  ];
  return table(head, rows);
}

function sweepTable({ rows, seconds, made, latencies }: CatchUp): string {
  const swept = rows / seconds;
  const rates = Object.entries(made).map(([name, rate]) => {
    const times = swept / rate;
    const verdict = judged(times, times >= MIN_SWEEP, `below ${MIN_SWEEP}`);
    return [`rows swept in a second, beside ${name} that requests make`, rate.toFixed(0), swept.toFixed(0), verdict];
  });
  const slower = latencies.map(({ kind, before, during }) => {
    const times = during.p99 / before.p99;
    const verdict = judged(times, times <= MAX_SLOWER, `above ${MAX_SLOWER}`);
    return [`p99 of ${kind} in ms (p50)`, inMs(before), inMs(during), verdict];
  });
  const what = `while the sweep deletes ${inWords(rows)} grants, in ${seconds.toFixed(0)} s`;
  return table(["", "without the sweep", what, "×"], [...rates, ...slower]);
}

function wearTable({ bytes: swept }: CatchUp, { refreshes, grants, bytes, hot, requestsPerSecond }: Wear): string {
  const rows = [
    [`${inWords(refreshes)} refreshes of the live ones of ${inWords(grants)} grants`, ...inBytes(bytes)],
    ["the sweep of the largest deployment", ...inBytes(swept)],
  ];
  const note = `${(hot * 100).toFixed(1)} % of these refreshes wrote to no index; ${requestsPerSecond.toFixed(0)} of them were answered in a second.`;
  const head = ["bytes of `grants` and its indexes for each grant that was there at first", "before", "after", "×"];
  return `${table(head, rows)}\n\n${note}`;
}

function inBytes({ before, after }: { readonly before: number; readonly after: number }): readonly string[] {
  return [before.toFixed(0), after.toFixed(0), (after / before).toFixed(2)];
}

function judged(times: number, isReached: boolean, otherwise: string): string {
  return `${times.toFixed(2)}: ${isReached ? "reached" : otherwise}`;
}

function inMs({ median, p99 }: { readonly median: number; readonly p99: number }): string {
  return `${p99.toFixed(1)} (${median.toFixed(1)})`;
}

function inWords(count: number): string {
  return count.toLocaleString("en");
}
