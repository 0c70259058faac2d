// The load generator, in a process of its own. It keeps one request under way on each connection.
import { FormRequests, Pool, type Answer } from "../jobs/connections.js";
import { summary } from "../jobs/percentile.js";
import type { Expected, Load, Phase, PhaseResult } from "./load.js";

/** Characters of an unexpected answer that the result shows. */
const MAX_EXAMPLE = 300;

class Generator {
  readonly #pool: Pool;
  readonly #phase: Phase;
  readonly #bytesOf: (value: string | undefined) => string;
  readonly #brings: RegExp | undefined;
  readonly #times: number[] = [];
  readonly #brought: string[] = [];
  #sent = 0;
  #unexpected = 0;
  #example: string | undefined;

  constructor(phase: Phase) {
    this.#phase = phase;
    this.#pool = new Pool(phase.port);
    this.#bytesOf = writerOf(phase.load);
    const { brings } = phase.load.expects;
    this.#brings = brings === undefined ? undefined : new RegExp(brings);
  }

  async run(): Promise<PhaseResult> {
    const { connections, seconds, load } = this.#phase;
    const cpu = process.cpuUsage();
    const begun = performance.now();
    const end = begun + seconds * 1_000;
    const chained = load.own?.use === "chain" ? load.own.values : undefined;
    await Promise.all(Array.from({ length: connections }, (_, index) => this.#keepAsking(end, chained?.[index])));
    const took = (performance.now() - begun) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    this.#pool.close();
    const { count, median, p99 } = summary(this.#times);
    return {
      answers: count,
      seconds: took,
      p50: median,
      p99,
      unexpected: this.#unexpected,
      example: this.#example,
      brought: this.#brought,
      times: this.#phase.tellsTimes === true ? this.#times : [],
      generator: (user + system) / (took * 1e6),
    };
  }

  /** @param chained the first value of this connection's chain */
  #keepAsking(end: number, chained: string | undefined): Promise<void> {
    return new Promise((resolve) => {
      const ask = (next: string | undefined) => {
        const value = this.#valueOf(next);
        if (value === NONE || performance.now() >= end) {
          if (next !== undefined) this.#brought.push(next);
          return resolve();
        }
        const sentAt = performance.now();
        this.#sent += 1;
        this.#pool.send(this.#bytesOf(value), (answer) => {
          this.#times.push(performance.now() - sentAt);
          const brought = this.#check(answer);
          if (chained === undefined) ask(undefined);
          else if (brought === undefined) resolve();
          else ask(brought);
        });
      };
      ask(chained);
    });
  }

  /** The own parameter of the next request, or NONE where the phase has no further request. */
  #valueOf(chained: string | undefined): string | undefined | typeof NONE {
    const { load, requests = Infinity } = this.#phase;
    if (this.#sent >= requests) return NONE;
    if (load.own === undefined || load.own.use === "chain") return chained;
    const { values, use } = load.own;
    return use === "once" && this.#sent >= values.length ? NONE : values[this.#sent % values.length];
  }

  /** Counts an unexpected answer. @returns what an expected one brings; of a chain the connection keeps it */
  #check(answer: Answer): string | undefined {
    const { expects, own } = this.#phase.load;
    const brought = this.#brings?.exec(`${answer.head}\r\n\r\n${answer.body}`)?.[1];
    if (!isExpected(answer, expects) || (this.#brings !== undefined && brought === undefined)) {
      this.#unexpected += 1;
      this.#example ??= `${answer.status} ${answer.body}`.slice(0, MAX_EXAMPLE);
      return undefined;
    }
    if (brought !== undefined && own?.use !== "chain") this.#brought.push(brought);
    return brought;
  }
}

const NONE = Symbol("no further request");

function isExpected({ status, body }: Answer, { statuses, contains = [], lacks = [] }: Expected): boolean {
  const includes = (text: string) => body.includes(text);
  return statuses.includes(status) && contains.every(includes) && !lacks.some(includes);
}

function writerOf({ target, headers, form, own }: Load): (value: string | undefined) => string {
  if (form === undefined) {
    const lines = Object.entries({ Host: "localhost", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    const bytes = `GET ${target} HTTP/1.1\r\n${lines.join("")}`;
    return (value) => (own === undefined ? `${bytes}\r\n` : `${bytes}${own.name}: ${value}\r\n\r\n`);
  }
  const requests = new FormRequests(target, headers);
  const same = requests.bytesOf(form);
  return (value) =>
    own === undefined || value === undefined ? same : requests.bytesOf({ ...form, [own.name]: value });
}

process.on("message", (phase: Phase) => {
  void new Generator(phase).run().then((result) => process.send!(result));
});
// Nothing is left to do once the benchmark has ended.
process.on("disconnect", () => process.exit());
