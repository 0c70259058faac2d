import type { Fleet } from "./fleet.js";
import type { Random } from "./random.js";

/** What can fail: one row for each fault. `begin` says what it does and returns what ends it. */
export interface Fault {
  readonly name: string;
  /** How long it lasts, in multiples of the run's measure; 1 where it is not said. */
  readonly lasts?: number | "outage";
  /** Why it has to be left out; undefined where it can be done. */
  readonly without?: (fleet: Fleet) => string | undefined;
  readonly begin: (fleet: Fleet, random: Random) => Promise<Begun>;
}

export interface Begun {
  /** Whom it met, for the reader. */
  readonly what: string;
  /** What is wrong with what came of it at the end. */
  readonly end: () => Promise<string | void>;
}

/** One fault as it happened. Times are milliseconds since the run began. */
export interface FaultRecord {
  readonly name: string;
  what: string;
  readonly begun: number;
  /** Infinity while it lasts. */
  ended: number;
  /** Milliseconds from its end until every instance served again. */
  readyAfter?: number;
  /** What broke a rule. */
  wrong?: string;
}
