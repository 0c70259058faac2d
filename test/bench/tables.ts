import { CANDIDATES } from "./candidates.js";
import { OPERATIONS } from "./operations.js";
import type { Row } from "./row.js";

/** What Jeton's CPU for a request may be at most, as a multiple of the floor's and of oidc-provider's; and the goal. */
const LIMITS = { floor: { limit: 2, goal: 1.5 }, "oidc-provider": { limit: 0.6, goal: 0.4 } } as const;

/** A password is a hash and little else. Its CPU time is at most so much more than the hash's, and its rate so much less. */
const PASSWORD_LIMITS = { cpu: 1.05, rate: 0.95 } as const;

/** Jeton beside its limits. */
export function goalsTable(rows: readonly Row[]): string {
  const own = rows.filter(({ candidate }) => candidate === "jeton");
  return table(
    ["operation", "× floor", "× oidc-provider"],
    own.map((row) => [titleOf(row.operation, OPERATIONS), besideFloor(row), besideLimits(row, "oidc-provider")]),
  );
}

function besideFloor(row: Row): string {
  const { ratios, rateToFloor: rate } = row;
  if (row.operation !== "password" || ratios.floor === undefined || rate === undefined)
    return besideLimits(row, "floor");
  const isReached = ratios.floor <= PASSWORD_LIMITS.cpu && rate >= PASSWORD_LIMITS.rate;
  return `${ratios.floor.toFixed(2)} of its CPU time, ${rate.toFixed(2)} of its rate: ${isReached ? "goal reached" : "not reached"}`;
}

function besideLimits({ ratios }: Row, reference: keyof typeof LIMITS): string {
  const ratio = ratios[reference];
  if (ratio === undefined) return "–";
  const { limit, goal } = LIMITS[reference];
  const verdict = ratio <= goal ? "goal reached" : ratio <= limit ? "within the limit" : `above ${limit}`;
  return `${ratio.toFixed(2)}: ${verdict}`;
}

const COLUMNS: Readonly<Record<string, (row: Row) => string>> = {
  operation: ({ operation }) => titleOf(operation, OPERATIONS),
  candidate: ({ candidate }) => titleOf(candidate, CANDIDATES),
  "server µs": ({ server }) => server.toFixed(0),
  "PostgreSQL µs": ({ postgres }) => postgres.toFixed(0),
  "× floor": ({ ratios }) => ratios.floor?.toFixed(2) ?? "–",
  "× oidc-provider": ({ ratios }) => ratios["oidc-provider"]?.toFixed(2) ?? "–",
  "requests/s": ({ requestsPerSecond }) => requestsPerSecond.toFixed(0),
  "p50 ms": ({ p50 }) => p50.toFixed(1),
  "p99 ms": ({ p99 }) => p99.toFixed(1),
  statements: ({ statements }) => statements.toFixed(1),
  "WAL bytes": ({ wal }) => wal.toFixed(0),
  "memory MiB": ({ memory }) => (memory / 2 ** 20).toFixed(0),
  unexpected: ({ unexpected }) => (unexpected === 0 ? "0" : `**${unexpected}**`),
};

/** Every row with every figure. */
export function figuresTable(rows: readonly Row[]): string {
  return table(
    Object.keys(COLUMNS),
    rows.map((row) => Object.values(COLUMNS).map((cell) => cell(row))),
  );
}

function titleOf(name: string, rows: readonly { readonly name: string; readonly title: string }[]): string {
  return rows.find((row) => row.name === name)!.title;
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
