import { readFileSync } from "node:fs";

/**
 * Time that must not be counted against the servers: in which this program was late itself, or the machine had no core for
 * a server that wanted to run. The second is known on Linux only.
 */
export interface Lag {
  /** Milliseconds of it within a span. */
  between(from: number, until: number): number;
  stop(): void;
}

const BEAT = 50;

/** Who is watched: a process id, or undefined while it does not run. */
type Watched = () => number | undefined;

export function monitorLag(now: () => number, watched: readonly Watched[]): Lag {
  const own: Late[] = [];
  const theirs = watched.map((pid) => ({ pid, late: [] as Late[], seen: new Map<number, number>() }));
  let last = now();
  const timer = setInterval(() => {
    const at = now();
    if (at - last > 2 * BEAT) own.push({ at, by: at - last - BEAT });
    for (const { pid, late, seen } of theirs) sample(pid(), at, late, seen);
    last = at;
  }, BEAT);
  return {
    between: (from, until) => sum(own, from, until) + Math.max(0, ...theirs.map(({ late }) => sum(late, from, until))),
    stop: () => clearInterval(timer),
  };
}

interface Late {
  readonly at: number;
  readonly by: number;
}

/** By how much more a process has waited for a core since it was looked at last (Linux, sched-stats: the second number). */
function sample(pid: number | undefined, at: number, late: Late[], seen: Map<number, number>): void {
  if (pid === undefined) return;
  const waited = readDelay(pid);
  if (waited === undefined) return;
  const by = waited - (seen.get(pid) ?? 0);
  seen.set(pid, waited);
  if (by > 1) late.push({ at, by });
}

function readDelay(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e6;
  } catch {
    return undefined;
  }
}

function sum(late: readonly Late[], from: number, until: number): number {
  let total = 0;
  for (let index = late.length - 1; index >= 0 && late[index]!.at >= from; index -= 1) {
    if (late[index]!.at - BEAT <= until) total += late[index]!.by;
  }
  return total;
}
