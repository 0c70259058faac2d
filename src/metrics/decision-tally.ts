import type { Metric, MetricValue, Registry } from "prom-client";
import { COUNTERS, HISTOGRAMS } from "./families.js";
import { MinuteRing, type RecentRow } from "./recent.js";

const { buckets: BOUNDS } = HISTOGRAMS.jeton_decision_duration_seconds;

type Labels = Readonly<Record<(typeof COUNTERS.jeton_decisions_total.labelNames)[number], string>>;

/** The decisions with the same labels. */
interface Row {
  readonly labels: Labels;
  count: number;
  /** Decisions whose time is known, by the first bound that is not below it. The last one is for longer times. */
  readonly buckets: number[];
  /** Seconds of all of them. */
  sum: number;
  readonly recent: MinuteRing;
}

/**
 * Counts decisions and their times. The classes of prom-client check and hash the labels with each call, which would be a
 * twentieth of a request. So they are counted here, and shown as two metrics of prom-client when the page is asked for.
 */
export class DecisionTally {
  readonly #rows = new Map<string, Row>();

  constructor(registry: Registry) {
    const { jeton_decisions_total: decisions } = COUNTERS;
    const { jeton_decision_duration_seconds: durations } = HISTOGRAMS;
    register(registry, "counter", "jeton_decisions_total", decisions.help, () => this.#decisions());
    register(registry, "histogram", "jeton_decision_duration_seconds", durations.help, () => this.#durations());
  }

  /**
   * @param seconds undefined if the request was refused on arrival
   * @param minute the present one (recent.ts)
   */
  add(labels: Labels, seconds: number | undefined, minute: number): void {
    const { dialect, operation, grant_type, outcome } = labels;
    const key = `${dialect} ${operation} ${grant_type} ${outcome}`;
    let row = this.#rows.get(key);
    if (row === undefined) {
      const buckets = Array<number>(BOUNDS.length + 1).fill(0);
      row = { labels, count: 0, buckets, sum: 0, recent: new MinuteRing() };
      this.#rows.set(key, row);
    }
    row.count += 1;
    row.recent.add(minute);
    if (seconds === undefined) return;
    let place = 0;
    while (place < BOUNDS.length && seconds > BOUNDS[place]!) place += 1;
    row.buckets[place]! += 1;
    row.sum += seconds;
  }

  /** The decisions of the last hour. */
  recent(minute: number): readonly RecentRow[] {
    return [...this.#rows.values()].map(({ labels, recent }) => ({ labels, counts: recent.read(minute) }));
  }

  #decisions(): MetricValue<string>[] {
    return [...this.#rows.values()].map(({ labels, count }) => ({ labels, value: count }));
  }

  #durations(): MetricValue<string>[] {
    return [...this.#rows.values()].flatMap(({ labels, buckets, sum }) => {
      const metricName = "jeton_decision_duration_seconds_bucket";
      let count = 0;
      const upTo = buckets.map((number, place) => {
        count += number;
        return { metricName, labels: { ...labels, le: BOUNDS[place] ?? "+Inf" }, value: count };
      });
      return [
        ...upTo,
        { metricName: "jeton_decision_duration_seconds_sum", labels, value: sum },
        { metricName: "jeton_decision_duration_seconds_count", labels, value: count },
      ];
    });
  }
}

/** Adds a metric whose values are counted elsewhere. */
function register(
  registry: Registry,
  type: "counter" | "histogram",
  name: string,
  help: string,
  valuesOf: () => MetricValue<string>[],
): void {
  const get = async () => ({ name, help, type, values: valuesOf(), aggregator: "sum" });
  registry.registerMetric({ name, help, get } as unknown as Metric);
}
