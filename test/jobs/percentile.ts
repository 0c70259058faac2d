/** What a measurement tells of a sample of times, in milliseconds. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

export function summary(sample: readonly number[]): Summary {
  const sorted = sample.toSorted((one, other) => one - other);
  const at = (percent: number) => sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0;
  return { count: sorted.length, median: at(50), p99: at(99), max: at(100) };
}
