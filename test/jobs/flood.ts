// The load generator of overload.ts, in a process of its own: it sends at a constant rate, with any answers.
import { FormRequests, Pool, type Answer } from "./connections.js";
import { summary, type Summary } from "./percentile.js";

/** One phase: requests of these kinds for some seconds, at a rate or as fast as the answers come. */
export interface Phase {
  readonly loads: readonly Load[];
  readonly seconds: number;
  /** Requests per second, or how many are under way at any time. */
  readonly rate?: number;
  readonly parallel?: number;
}

/** What is asked: the same request again and again, or the refresh of logins that each keep their current token. */
export interface Load {
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>>;
  /** Current refresh tokens, one for each login; each login waits for its answer before it asks again. */
  readonly logins?: string[];
}

export interface PhaseResult {
  readonly seconds: number;
  readonly sent: number;
  /** Arrivals for which no connection or no login was free. */
  readonly unsent: number;
  readonly statuses: Readonly<Record<number, number>>;
  /** Refusals without Retry-After. */
  readonly unhelpful: number;
  readonly granted: Summary;
  readonly refused: Summary;
  /** From the beginning of the phase to the first whole second in which nothing was refused, in milliseconds. */
  readonly calmAfter: number | undefined;
  /** Share of one core that the generator itself used. */
  readonly cpu: number;
}

/** Milliseconds between two looks at what is due. */
const TICK = 2;

/** Milliseconds of the windows in which refusals are looked for, once calm is waited for. */
const WINDOW = 250;

class Flood {
  readonly #pool: Pool;
  readonly #phase: Phase;
  readonly #times = { granted: [] as number[], refused: [] as number[] };
  readonly #statuses: Record<number, number> = {};
  readonly #idle: string[][];
  #turn = 0;
  #sent = 0;
  #unsent = 0;
  #unhelpful = 0;
  #began = 0;
  #lastTrouble = 0;

  constructor(pool: Pool, phase: Phase) {
    this.#pool = pool;
    this.#phase = phase;
    this.#idle = phase.loads.map(({ logins = [] }) => logins);
  }

  async run(): Promise<PhaseResult> {
    const { rate, parallel = 0, seconds } = this.#phase;
    const cpu = process.cpuUsage();
    this.#began = performance.now();
    const end = this.#began + seconds * 1_000;
    for (let index = 0; index < parallel; index += 1) this.#keepAsking(end);
    await new Promise<void>((resolve) => {
      const tick = () => {
        const now = performance.now();
        if (rate !== undefined) this.#sendDue(Math.floor(((Math.min(now, end) - this.#began) / 1_000) * rate));
        if (now < end) setTimeout(tick, TICK);
        else resolve();
      };
      tick();
    });
    const { user, system } = process.cpuUsage(cpu);
    await this.#pool.settled();
    return {
      seconds,
      sent: this.#sent,
      unsent: this.#unsent,
      statuses: this.#statuses,
      unhelpful: this.#unhelpful,
      granted: summary(this.#times.granted),
      refused: summary(this.#times.refused),
      calmAfter: this.#lastTrouble + WINDOW < seconds * 1_000 ? this.#lastTrouble : undefined,
      cpu: (user + system) / (seconds * 1e6),
    };
  }

  #sendDue(due: number): void {
    while (this.#sent + this.#unsent < due) if (!this.#ask()) this.#unsent += 1;
  }

  #keepAsking(end: number): void {
    const next = () => void (performance.now() < end && this.#ask(next));
    this.#ask(next);
  }

  /** Sends one request of the load whose turn it is. @returns whether it could be sent */
  #ask(then?: () => void): boolean {
    const index = this.#turn++ % this.#phase.loads.length;
    const load = this.#phase.loads[index]!;
    const login = load.logins && this.#idle[index]!.shift();
    if (load.logins && login === undefined) return false;
    const sentAt = performance.now();
    const taken = this.#pool.send(bytesOf(load, login), (answer) => {
      this.#count(answer, performance.now() - sentAt);
      if (login !== undefined) this.#idle[index]!.push(nextToken(login, answer));
      then?.();
    });
    if (taken) this.#sent += 1;
    else if (login !== undefined) this.#idle[index]!.unshift(login);
    return taken;
  }

  #count({ status, head }: Answer, took: number): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    const inTime = performance.now() - this.#began < this.#phase.seconds * 1_000;
    if (status === 200 && inTime) this.#times.granted.push(took);
    if (status === 200) return;
    this.#lastTrouble = performance.now() - this.#began;
    if (status !== 503) return;
    this.#times.refused.push(took);
    if (!/\r\nretry-after: \d/i.test(head)) this.#unhelpful += 1;
  }
}

const requests = new Map<Load, FormRequests>();

function bytesOf(load: Load, login: string | undefined): string {
  if (!requests.has(load)) requests.set(load, new FormRequests(load.target, load.headers));
  return requests.get(load)!.bytesOf(login === undefined ? load.form : { ...load.form, refresh_token: login });
}

/** A refused login keeps its token and asks again later; what else came of it shows in the statuses. */
function nextToken(token: string, { status, body }: Answer): string {
  return status === 200 ? (/"refresh_token":"([^"]+)"/.exec(body)?.[1] ?? token) : token;
}

const pool = new Pool(Number(process.argv[2]));
process.on("message", (phase: Phase) => {
  void new Flood(pool, phase).run().then((result) => process.send!({ result, loads: phase.loads }));
});
