import { readdir, readFile } from "node:fs/promises";
import type pg from "pg";
import { ownMemoryOf } from "./cpu.js";

/** What is seen of a server at one moment. Memory is in MiB. */
export interface Sample {
  /** Since the beginning of the load. */
  readonly seconds: number;
  readonly requests: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  /** Open file descriptors. */
  readonly files: number;
  /** Connections to PostgreSQL, without that of the measurement. */
  readonly connections: number;
}

const MEBIBYTE = 2 ** 20;

const CONNECTIONS = `
  SELECT count(*)::int AS count FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;

/** @param memory the file of report-memory.ts */
export async function takeSample(pid: number, memory: string, client: pg.Client) {
  const { heapUsed, external } = JSON.parse(await readFile(memory, "utf8")) as NodeJS.MemoryUsage;
  const { rows } = await client.query<{ count: number }>(CONNECTIONS);
  return {
    rss: mebibytes(ownMemoryOf(pid)),
    heapUsed: mebibytes(heapUsed),
    external: mebibytes(external),
    files: (await readdir(`/proc/${pid}/fd`)).length,
    connections: rows[0]!.count,
  };
}

function mebibytes(bytes: number): number {
  return Math.round((bytes / MEBIBYTE) * 10) / 10;
}

/**
 * The growth of a value in an hour. Memory rises until V8 gives pages back, and rises again, so a straight line through it says
 * when V8 did so last. The height that it returns to is compared: that of the second quarter of the run, and that of the last.
 */
export function growthOf(samples: readonly Sample[], name: keyof Sample): number {
  const quarter = Math.floor(samples.length / 4);
  const [second, last] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)];
  const hours = (last[0]!.seconds - second[0]!.seconds) / 3_600;
  return Math.round(((heightOf(last, name) - heightOf(second, name)) / hours) * 100) / 100;
}

/** What nine tenths of the values do not exceed: a peak of some seconds does not count. */
function heightOf(samples: readonly Sample[], name: keyof Sample): number {
  const values = samples.map((sample) => sample[name]).sort((one, other) => one - other);
  return values[Math.floor(values.length * 0.9)]!;
}
