import { summary } from "../../jobs/percentile.js";
import type { GrowthOptions } from "./options.js";
import { GROWTH_OPERATIONS, type GrowthOperation } from "./operations.js";
import type { Place } from "./place.js";

/** Figures of one round; for each request where nothing else is written. */
interface Round {
  /** Microseconds of CPU. */
  readonly server: number;
  readonly postgres: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Bytes of WAL. */
  readonly wal: number;
  /** Numbers of the whole round. */
  readonly answers: number;
  readonly unexpected: number;
  readonly example: string | undefined;
}

/** An operation at one size: its rounds, and their medians. */
export interface Cost {
  readonly operation: string;
  readonly grants: number;
  readonly median: Omit<Round, "example">;
  readonly rounds: readonly Round[];
}

/** Measures each operation at every size. The sizes take turns, and each round begins with the next one. */
export async function measureCosts(
  places: readonly Place[],
  { rounds, requests }: GrowthOptions,
  tell: (what: string) => void,
): Promise<readonly Cost[]> {
  const costs: Cost[] = [];
  for (const operation of GROWTH_OPERATIONS) {
    const taken = new Map<Place, Round[]>(places.map((place) => [place, []]));
    // The round before the first one warms the servers up.
    for (let round = -1; round < rounds; round += 1) {
      for (let turn = 0; turn < places.length; turn += 1) {
        const place = places[(round + 1 + turn) % places.length]!;
        tell(`${operation.title}, ${round < 0 ? "warm-up" : `round ${round + 1}`}, ${place.grants} grants`);
        const figures = await measureRound(place, operation, requests);
        if (round >= 0) taken.get(place)!.push(figures);
      }
    }
    for (const [place, its] of taken) {
      const median = medianOf(its);
      costs.push({ operation: operation.name, grants: place.grants, median, rounds: its });
      tell(`${operation.title}, ${place.grants} grants: ${median.server + median.postgres} µs of CPU`);
    }
  }
  return costs;
}

async function measureRound(place: Place, operation: GrowthOperation, requests: number): Promise<Round> {
  const load = await operation.prepare(place, requests);
  const [wal, cpu] = [await place.tables.wal(), place.cpu()];
  const { answers, p50, p99, unexpected, example } = await place.party.send(load, { seconds: 60, requests });
  const after = place.cpu();
  const written = (await place.tables.wal()) - wal;
  await operation.restore?.(place);
  return {
    server: ((after.server - cpu.server) * 1_000) / answers,
    postgres: ((after.postgres - cpu.postgres) * 1_000) / answers,
    p50,
    p99,
    wal: written / answers,
    answers,
    unexpected,
    example,
  };
}

function medianOf(rounds: readonly Round[]): Cost["median"] {
  const of = (figure: Exclude<keyof Round, "example">) => summary(rounds.map((round) => round[figure])).median;
  return {
    server: of("server"),
    postgres: of("postgres"),
    p50: of("p50"),
    p99: of("p99"),
    wal: of("wal"),
    answers: of("answers"),
    unexpected: rounds.reduce((sum, { unexpected }) => sum + unexpected, 0),
  };
}
