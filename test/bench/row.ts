import { summary } from "../jobs/percentile.js";
import { REFERENCES, type Candidate } from "./candidates.js";
import type { Operation } from "./operations.js";
import type { Counted, Round } from "./round.js";

/** A candidate's rounds of one operation. */
export interface Measured {
  readonly operation: Operation;
  readonly candidate: Candidate;
  readonly rounds: readonly Round[];
  readonly counted: Counted;
}

/** A line of the table: medians of the rounds. */
export interface Row extends Omit<Round, "answers" | "unexpected" | "example" | "generator"> {
  readonly operation: string;
  readonly candidate: string;
  readonly statements: number;
  /** CPU of the server, divided by that of the floor and by that of oidc-provider. */
  readonly ratios: Readonly<Record<(typeof REFERENCES)[number], number | undefined>>;
  /** Requests for each second, divided by those of the floor. */
  readonly rateToFloor: number | undefined;
  readonly unexpected: number;
}

export function rowsOf(all: readonly Measured[]): readonly Row[] {
  return all.map((one) => {
    const ratioTo = (name: string, figure: "server" | "requestsPerSecond") => {
      const reference = all.find(({ operation, candidate }) => operation === one.operation && candidate.name === name);
      return reference && medianOf(one.rounds, figure) / medianOf(reference.rounds, figure);
    };
    return {
      operation: one.operation.name,
      candidate: one.candidate.name,
      server: medianOf(one.rounds, "server"),
      postgres: medianOf(one.rounds, "postgres"),
      requestsPerSecond: medianOf(one.rounds, "requestsPerSecond"),
      p50: medianOf(one.rounds, "p50"),
      p99: medianOf(one.rounds, "p99"),
      wal: medianOf(one.rounds, "wal"),
      memory: medianOf(one.rounds, "memory"),
      statements: one.counted.statements,
      ratios: { floor: ratioTo("floor", "server"), "oidc-provider": ratioTo("oidc-provider", "server") },
      rateToFloor: ratioTo("floor", "requestsPerSecond"),
      unexpected: [...one.rounds, one.counted].reduce((sum, { unexpected }) => sum + unexpected, 0),
    };
  });
}

function medianOf(rounds: readonly Round[], figure: Exclude<keyof Round, "example">): number {
  return summary(rounds.map((round) => round[figure])).median;
}
