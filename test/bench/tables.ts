import { CANDIDATES } from "./candidates.js";
import { OPERATIONS } from "./operations.js";
import type { Row } from "./row.js";

/** What Jeton's CPU for a request may be at most, as a multiple of the floor's and of oidc-provider's; and the goal. */
const LIMITS = { floor: { limit: 2, goal: 1.5 }, "oidc-provider": { limit: 0.6, goal: 0.4 } } as const;

/** The same for a password, which is a hash and little else. */
const PASSWORD_LIMITS = { floor: { limit: 1.05, goal: 1.05 } } as const;

type Limits = Partial<Readonly<Record<keyof typeof LIMITS, { readonly limit: number; readonly goal: number }>>>;

/** Jeton beside its limits. */
export function goalsTable(rows: readonly Row[]): string {
  const own = rows.filter(({ candidate }) => candidate === "jeton");
  const cell = (row: Row, reference: keyof Row["ratios"]) => {
    const ratio = row.ratios[reference];
    const limits: Limits = row.operation === "password" ? PASSWORD_LIMITS : LIMITS;
    const { limit, goal } = limits[reference] ?? {};
    if (ratio === undefined || limit === undefined || goal === undefined) return "–";
    const verdict = ratio <= goal ? "goal reached" : ratio <= limit ? "within the limit" : `above ${limit}`;
    return `${ratio.toFixed(2)}, ${verdict}`;
  };
  return table(
    ["operation", "× floor", "× oidc-provider"],
    own.map((row) => [titleOf(row.operation, OPERATIONS), cell(row, "floor"), cell(row, "oidc-provider")]),
  );
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
