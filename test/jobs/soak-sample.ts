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

/** The growth of a value in an hour: the slope of the straight line with the least squares. */
export function slopeOf(samples: readonly Sample[], name: keyof Sample): number {
  const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [samples.map(({ seconds }) => seconds / 3_600), samples.map((sample) => sample[name])];
  const [meanX, meanY] = [meanOf(x), meanOf(y)];
  const spread = x.reduce((sum, one) => sum + (one - meanX) ** 2, 0);
  const together = x.reduce((sum, one, index) => sum + (one - meanX) * (y[index]! - meanY), 0);
  return spread === 0 ? 0 : Math.round((together / spread) * 100) / 100;
}
