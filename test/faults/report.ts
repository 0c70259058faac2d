import type { FaultRecord } from "./fault.js";
import type { Entry, History } from "./ledger.js";
import { seconds } from "./rules.js";

/** A rule that did not hold. */
export interface Violation {
  readonly rule: string;
  readonly because: string;
  /** Undefined where it is about a fault and not about a login. */
  readonly history?: History;
  readonly entry?: Entry;
  readonly fault?: FaultRecord;
}

/** Entries of a history that are shown, up to the one that broke the rule. */
const SHOWN = 30;

/** Milliseconds before and after an operation within which faults are told. */
const AROUND = 15_000;

/** Everything a reader needs to act on a violation. */
export function describeViolation(violation: Violation, seed: string, faults: readonly FaultRecord[]): string {
  const { rule, because, history, entry, fault } = violation;
  const head = `VIOLATION of ${rule} (seed ${seed}): ${because}`;
  if (fault !== undefined) return `${head}\n  ${describeFault(fault)}`;
  if (history === undefined || entry === undefined) return head;
  const index = history.entries.indexOf(entry);
  const shown = history.entries.slice(Math.max(0, index + 1 - SHOWN), index + 1);
  const begun = shown[0]!.begun;
  const near = faults.filter(
    (one) => one.begun < entry.ended + AROUND && one.ended > Math.max(begun, entry.begun - AROUND),
  );
  const lines = [
    head,
    `  login ${history.id}: ${history.kind}`,
    ...shown.map((one) => `  ${one === entry ? ">" : " "} ${describeEntry(one)}`),
    "  faults around it:",
    ...near.map((one) => `    ${describeFault(one)}`),
  ];
  return lines.join("\n");
}

function describeEntry(entry: Entry): string {
  const { begun, ended, instance, operation, presents, outcome, status, word, receives, shows } = entry;
  const asked = presents === undefined ? operation : `${operation} with ${presents}`;
  const got = receives === undefined || receives.length === 0 ? "" : ` gives ${receives.join(", ")}`;
  return `${seconds(begun)} to ${seconds(ended)} ${instance} ${asked}: ${outcome} ${status || ""} ${word}${shows ? ` (${shows})` : ""}${got}`;
}

function describeFault({ name, what, begun, ended, readyAfter }: FaultRecord): string {
  const until = ended === Infinity ? "still" : seconds(ended);
  return `${seconds(begun)} to ${until} ${name} (${what})${readyAfter === undefined ? "" : `, served again after ${seconds(readyAfter)}`}`;
}

export interface Summary {
  readonly seed: string;
  readonly seconds: number;
  readonly operations: number;
  readonly perSecond: number;
  readonly byOperation: Readonly<Record<string, number>>;
  readonly byOutcome: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, { readonly times: number; readonly slowestRecovery: number }>>;
  readonly leftOut: readonly string[];
  readonly violations: number;
  readonly byRule: Readonly<Record<string, number>>;
}

export function faultsByName(records: readonly FaultRecord[]): Summary["faults"] {
  const names = [...new Set(records.map(({ name }) => name))].sort();
  return Object.fromEntries(
    names.map((name) => {
      const own = records.filter((one) => one.name === name);
      return [
        name,
        { times: own.length, slowestRecovery: Math.round(Math.max(...own.map((one) => one.readyAfter ?? 0))) },
      ];
    }),
  );
}

export function describeSummary(summary: Summary): string {
  const table = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .sort(([, one], [, other]) => other - one)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ");
  const times = Object.values(summary.faults).reduce((sum, { times }) => sum + times, 0);
  return [
    `seed ${summary.seed}: ${summary.operations} operations in ${summary.seconds} s (${summary.perSecond} in a second), ${times} faults`,
    `operations: ${table(summary.byOperation)}`,
    `outcomes: ${table(summary.byOutcome)}`,
    "faults, how often, and the slowest recovery in ms:",
    ...Object.entries(summary.faults).map(([name, one]) => `  ${name} ${one.times}, ${one.slowestRecovery}`),
    ...summary.leftOut.map((reason) => `  left out: ${reason}`),
    `${summary.violations} violations${summary.violations > 0 ? `: ${table(summary.byRule)}` : ""}`,
  ].join("\n");
}
