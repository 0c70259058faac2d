import { monitorLag, type Lag } from "./lag.js";
import type { FaultRecord } from "./fault.js";
import type { Fleet } from "./fleet.js";
import type { Span } from "./instance.js";
import { Ledger, type Entry, type History } from "./ledger.js";
import { Pool } from "./pool.js";
import { PERSONS } from "./provision.js";
import { Random } from "./random.js";
import type { Violation } from "./report.js";
import { RULES, type Around } from "./rules.js";

/** Logins that are looked at again; beyond so many, a new one takes the place of any. */
const MAX_RETIRED = 4_000;

/** A login that its client has left. */
export interface Retired {
  readonly history: History;
  introspect(label: string): Promise<unknown>;
  introspectEverywhere(label: string): Promise<void>;
  proveItLives(): Promise<void>;
}

/** What everybody who takes part in a run shares. */
export class Run implements Around {
  readonly ledger = new Ledger();
  readonly faults: FaultRecord[] = [];
  /** No client begins anything new. */
  isOver = false;
  /** A token of which every instance can be asked at any time. */
  probe = "";
  readonly persons = new Pool(Array.from({ length: PERSONS }, (_, index) => index));
  readonly violations: Violation[] = [];
  /** Called for each violation at once. */
  onViolation: (violation: Violation) => void = () => {};
  /** Logins that their clients have left. */
  readonly retired: Retired[] = [];
  readonly #violated = new WeakSet<History>();
  readonly #lag: Lag;
  readonly #random: Random;

  constructor(
    readonly seed: string,
    readonly fleet: Fleet,
    readonly now: () => number,
  ) {
    this.#lag = monitorLag(
      now,
      fleet.instances.map((one) => () => one.pid),
    );
    this.#random = new Random(seed).of("retired");
  }

  endings(history: History): readonly Entry[] {
    return this.ledger.endings(history);
  }

  wasDown(instance: string, from: number, until: number): boolean {
    return this.#spans(instance, "down", from, until).length > 0;
  }

  wasFrozen(instance: string, from: number, until: number): boolean {
    return this.#spans(instance, "frozen", from, until).length > 0;
  }

  skews(instance: string, from: number, until: number): readonly number[] {
    return this.#spans(instance, "skewed", from, until).map(({ value }) => value);
  }

  lag(from: number, until: number): number {
    return this.#lag.between(from, until);
  }

  /** A client has left a login, which is looked at again now and then, and at the end. */
  retire(visitor: Retired): void {
    this.judge(visitor.history);
    if (this.retired.length < MAX_RETIRED) this.retired.push(visitor);
    else this.retired[this.#random.below(MAX_RETIRED)] = visitor;
  }

  anyRetired(random: Random): Retired | undefined {
    return this.retired.length === 0 ? undefined : random.pick(this.retired);
  }

  /** Holds a history against every rule. Of each history the first violation counts: others follow from it. */
  judge(history: History): void {
    if (this.#violated.has(history)) return;
    const found = RULES.flatMap(({ name, find }) => find(history, this).map((finding) => ({ rule: name, ...finding })));
    const [first] = found.sort((one, other) => one.entry.ended - other.entry.ended);
    if (first === undefined) return;
    this.#violated.add(history);
    this.violate({ ...first, history });
  }

  judgeFault(fault: FaultRecord): void {
    if (fault.wrong !== undefined) this.violate({ rule: "ready", because: fault.wrong, fault });
  }

  violate(violation: Violation): void {
    this.violations.push(violation);
    this.onViolation(violation);
  }

  close(): void {
    this.#lag.stop();
  }

  #spans(name: string, kind: "down" | "frozen" | "skewed", from: number, until: number): readonly Span[] {
    const spans = this.fleet.instances.find((one) => one.name === name)?.[kind] ?? [];
    return spans.filter((span) => span.from <= until && span.until >= from);
  }
}
