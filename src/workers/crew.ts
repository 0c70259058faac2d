import cluster, { type Worker } from "node:cluster";
import { once } from "node:events";
import { OperatorError } from "../errors/operator-error.js";
import type { Log } from "../http/log.js";
import { closeLastConnection } from "./last-connection.js";
import { MetricsGatherer } from "./gather-metrics.js";
import type { Failure, Opened, Order, Report, Stage } from "./messages.js";

/** Milliseconds before a worker that never served is replaced. The pause doubles with each further one. */
const MIN_PAUSE = 100;
const MAX_PAUSE = 5_000;

/** The orders that begin another stage. */
type StageOrder = "build" | "listen" | "stop";

interface Member {
  /** The number of its place. A replacement takes the same place. */
  readonly place: number;
  readonly worker: Worker;
  /** The last stage it reported, or the order it was given after that. */
  stage: "started" | Stage | StageOrder;
  readonly ended: Promise<unknown>;
}

interface CrewParts {
  readonly size: number;
  readonly log: Log;
  /** Frees the address. Called once, before the first worker listens. */
  readonly handOver: () => Promise<void>;
  /** Called after the start, if no worker may serve any longer. */
  readonly onFailure: (error: OperatorError) => void;
}

/** The workers of a primary: it starts them, replaces those that end, and stops them. */
export class Crew {
  readonly #parts: CrewParts;
  readonly #members = new Map<number, Member>();
  readonly #gatherer = new MetricsGatherer();
  readonly #pauses = new Set<NodeJS.Timeout>();
  readonly #served: Promise<void>;
  #resolve!: () => void;
  #reject!: (error: OperatorError) => void;
  #opened: Opened | undefined;
  #handedOver: Promise<void> | undefined;
  #phase: "starting" | "serving" | "stopping" = "starting";
  /** Workers in a row that ended before they served. */
  #failures = 0;

  /** Starts the workers. They load the program, and wait. */
  constructor(parts: CrewParts) {
    this.#parts = parts;
    this.#served = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A failure before `serve` is reported by `serve`.
    this.#served.catch(() => {});
    // The primary hands each connection to the next free worker, on every platform (docs/decisions/0019).
    cluster.schedulingPolicy = cluster.SCHED_RR;
    for (let place = 0; place < parts.size; place++) this.#start(place);
    process.once("exit", () => this.#kill());
  }

  /** Lets the workers serve. Resolves once all of them do. @throws OperatorError why one of them, or all, cannot */
  serve(opened: Opened): Promise<void> {
    this.#opened = opened;
    void this.#advance();
    return this.#served;
  }

  /** Lets every worker read the certificate files again. */
  renewCertificates(): void {
    for (const member of this.#members.values()) if (member.stage === "serving") order(member, { do: "renew" });
  }

  /** Lets the workers answer what they have accepted, and waits until they have exited. */
  async stop(): Promise<void> {
    this.#phase = "stopping";
    for (const pause of this.#pauses) clearTimeout(pause);
    const members = [...this.#members.values()];
    for (const member of members) {
      if (member.stage === "serving") order(member, { do: "stop" });
      // Such a worker has accepted nothing yet.
      else member.worker.process.kill("SIGKILL");
    }
    await Promise.all(members.map(({ ended }) => ended));
  }

  #start(place: number): void {
    const worker = cluster.fork();
    closeLastConnection(worker);
    const member: Member = { place, worker, stage: "started", ended: once(worker, "exit") };
    this.#members.set(place, member);
    worker.on("message", (report: Report) => this.#hear(member, report));
    worker.once("exit", (code: number | null, signal: string) => this.#replace(member, signal || code));
  }

  #hear(member: Member, report: Report): void {
    if (report.is === "failed") return this.#hearFailure(member, report);
    if (report.is === "collected") return this.#gatherer.take(report);
    if (report.is === "asks") return void this.#sendMetrics(member, report.id);
    member.stage = report.is;
    if (report.is === "serving") this.#failures = 0;
    void this.#advance();
  }

  /** Gives each worker the order that follows its stage. */
  async #advance(): Promise<void> {
    const members = [...this.#members.values()];
    if (this.#opened === undefined || this.#phase === "stopping") return;
    for (const member of members.filter(({ stage }) => stage === "loaded")) {
      order(member, { do: "build", ...this.#opened, isFirst: member.place === 0 });
    }
    const { size, handOver } = this.#parts;
    const count = (wanted: Stage) => members.filter(({ stage }) => stage === wanted).length;
    if (count("built") === size) this.#handedOver ??= handOver();
    if (this.#handedOver === undefined) return;
    await this.#handedOver;
    for (const member of members.filter(({ stage }) => stage === "built")) order(member, { do: "listen" });
    if (this.#phase === "starting" && count("serving") === size) {
      this.#phase = "serving";
      this.#resolve();
    }
  }

  async #sendMetrics(asker: Member, id: number): Promise<void> {
    const serving = [...this.#members.values()].filter(({ stage }) => stage === "serving");
    const processes = await this.#gatherer.gather(serving, order);
    order(asker, { do: "show", id, processes });
  }

  #hearFailure({ worker }: Member, { line, isRestored }: Failure): void {
    if (this.#phase === "starting") return this.#reject(new OperatorError(line));
    if (isRestored) return this.#parts.onFailure(new OperatorError(line));
    this.#parts.log.warn({ type: "worker", worker: worker.process.pid }, `a worker cannot serve: ${line}`);
  }

  #replace({ place, worker, stage }: Member, endedWith: string | number | null): void {
    this.#members.delete(place);
    const line = { type: "worker", worker: worker.process.pid, ended_with: endedWith };
    if (this.#phase === "stopping") {
      if (stage === "stop" && endedWith !== 0) this.#parts.log.warn(line, "a worker ended before it had drained");
      return;
    }
    if (stage !== "serving") this.#failures += 1;
    if (this.#phase === "starting" && this.#failures >= this.#parts.size && !this.#hasSurvivor()) {
      return this.#reject(new OperatorError(`no worker comes up; the last one ended with ${endedWith}`));
    }
    this.#parts.log.warn(line, "a worker ended and is replaced");
    this.#startAfter(stage === "serving" ? 0 : Math.min(MIN_PAUSE * 2 ** (this.#failures - 1), MAX_PAUSE), place);
  }

  #startAfter(milliseconds: number, place: number): void {
    const pause = setTimeout(() => {
      this.#pauses.delete(pause);
      this.#start(place);
    }, milliseconds);
    this.#pauses.add(pause);
  }

  #hasSurvivor(): boolean {
    return [...this.#members.values()].some(({ stage }) => stage !== "started");
  }

  #kill(): void {
    for (const { worker } of this.#members.values()) worker.process.kill("SIGKILL");
  }
}

/** A worker that has ended takes no order. Its end is noticed elsewhere. */
function order(member: Member, given: Order): void {
  if (given.do === "build" || given.do === "listen" || given.do === "stop") member.stage = given.do;
  member.worker.send(given, () => {});
}
