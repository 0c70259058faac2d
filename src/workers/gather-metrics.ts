import type { ProcessMetrics } from "../metrics/metrics.js";
import type { Order, Report } from "./messages.js";

/**
 * The metrics of all workers. A worker that is asked for them asks its primary. The primary collects the metrics of each worker
 * that serves, and sends them.
 */

/** Milliseconds that a worker may take. After them the others are sent. */
const MAX_WAIT = 1_000;

/** Metrics that the primary is collecting. */
interface Gathering {
  readonly collected: ProcessMetrics[];
  missing: number;
  readonly finish: () => void;
}

/** The primary's part. */
export class MetricsGatherer {
  readonly #gatherings = new Map<number, Gathering>();
  #lastId = 0;

  /** Collects the metrics of these workers. @param ask sends an order to one of them */
  async gather<Member>(
    members: readonly Member[],
    ask: (member: Member, order: Order) => void,
  ): Promise<readonly ProcessMetrics[]> {
    const id = ++this.#lastId;
    const collected: ProcessMetrics[] = [];
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(resolve, MAX_WAIT);
      const finish = () => {
        clearTimeout(deadline);
        resolve();
      };
      this.#gatherings.set(id, { collected, missing: members.length, finish });
      for (const member of members) ask(member, { do: "collect", id });
    });
    this.#gatherings.delete(id);
    return collected;
  }

  /** Takes the metrics of one worker. Those that come too late are dropped. */
  take({ id, metrics }: Extract<Report, { readonly is: "collected" }>): void {
    const gathering = this.#gatherings.get(id);
    if (gathering === undefined) return;
    gathering.collected.push(metrics);
    gathering.missing -= 1;
    if (gathering.missing === 0) gathering.finish();
  }
}

/** A worker's part: it asks for the metrics of all workers, and waits for them. */
export class MetricsRequests {
  readonly #send: (report: Report) => void;
  readonly #waiting = new Map<number, (processes: readonly ProcessMetrics[]) => void>();
  #lastId = 0;

  constructor(send: (report: Report) => void) {
    this.#send = send;
  }

  ask(): Promise<readonly ProcessMetrics[]> {
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#send({ is: "asks", id });
    });
  }

  answered({ id, processes }: Extract<Order, { readonly do: "show" }>): void {
    this.#waiting.get(id)?.(processes);
    this.#waiting.delete(id);
  }
}
