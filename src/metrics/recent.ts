/** What happened in the last hour, minute by minute, for the start page of the console. */

/** Minutes that are remembered. */
const MINUTES = 60;

const MINUTE = 60_000;

/** The number of a minute since the epoch. @param now milliseconds since the epoch */
export function minuteOf(now: number): number {
  return Math.floor(now / MINUTE);
}

/** A count for each of the last minutes, in a ring whose places are used again. */
export class MinuteRing {
  readonly #counts = new Uint32Array(MINUTES);
  #latest = 0;

  /** Counts one event. A clock that went back counts into the latest minute. */
  add(minute: number): void {
    if (minute > this.#latest) this.#turnTo(minute);
    this.#counts[this.#latest % MINUTES]! += 1;
  }

  /** The counts up to this minute, the oldest first. */
  read(minute: number): readonly number[] {
    return Array.from({ length: MINUTES }, (_, place) => this.#at(minute - MINUTES + 1 + place));
  }

  #at(minute: number): number {
    const isKept = minute <= this.#latest && minute > this.#latest - MINUTES;
    return isKept ? this.#counts[minute % MINUTES]! : 0;
  }

  #turnTo(minute: number): void {
    const first = Math.max(this.#latest + 1, minute - MINUTES + 1);
    for (let passed = first; passed <= minute; passed += 1) this.#counts[passed % MINUTES] = 0;
    this.#latest = minute;
  }
}

/** The counts of one kind of event. */
export interface RecentRow {
  readonly labels: Readonly<Record<string, string>>;
  /** For each minute, the oldest first. */
  readonly counts: readonly number[];
}

/** The events of a process, up to a minute. */
export interface Recent {
  /** The last minute, which is not over yet. */
  readonly minute: number;
  readonly decisions: readonly RecentRow[];
  readonly alarms: readonly RecentRow[];
}

/** The events of several processes as one server's. Their last minutes may differ by one. */
export function mergeRecent(processes: readonly Recent[]): Recent {
  const minute = Math.max(0, ...processes.map((one) => one.minute));
  const merge = (kind: "decisions" | "alarms") =>
    mergeRows(processes.map((one) => shifted(one[kind], minute - one.minute)));
  return { minute, decisions: merge("decisions"), alarms: merge("alarms") };
}

function shifted(rows: readonly RecentRow[], minutes: number): readonly RecentRow[] {
  if (minutes === 0) return rows;
  const newer = Array<number>(Math.min(minutes, MINUTES)).fill(0);
  return rows.map(({ labels, counts }) => ({ labels, counts: [...counts, ...newer].slice(-MINUTES) }));
}

function mergeRows(lists: readonly (readonly RecentRow[])[]): readonly RecentRow[] {
  const merged = new Map<string, RecentRow>();
  for (const row of lists.flat()) {
    const key = JSON.stringify(row.labels);
    const before = merged.get(key);
    const counts = before === undefined ? row.counts : row.counts.map((count, at) => count + before.counts[at]!);
    merged.set(key, { labels: row.labels, counts });
  }
  return [...merged.values()];
}
