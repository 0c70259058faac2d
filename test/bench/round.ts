import type { Operation } from "./operations.js";
import type { Running } from "./start.js";

/** Figures of one candidate in one round of one operation; for each request where nothing else is written. */
export interface Round {
  /** Microseconds of CPU. */
  readonly server: number;
  readonly postgres: number;
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Bytes of WAL. */
  readonly wal: number;
  /** Bytes of memory of the server's processes at the end of the round. */
  readonly memory: number;
  /** Numbers of the whole round. */
  readonly answers: number;
  readonly unexpected: number;
  readonly example: string | undefined;
  /** Share of one core that the generator used. */
  readonly generator: number;
}

export interface Counted extends Pick<Round, "unexpected" | "example"> {
  /** Statements for each request. */
  readonly statements: number;
}

/** Items that are prepared for each second of a round that uses them up. Preparing them takes about as long as using them. */
const ITEMS_PER_SECOND = 1_000;
const MIN_ITEMS = 100;

/** Requests by which statements are counted, at most, and seconds that they may take. */
const COUNTED = { requests: 200, seconds: 5 } as const;

/** Prepares a round, and then measures it. */
export async function measureRound(running: Running, operation: Operation, seconds: number): Promise<Round> {
  const { party, database, cpu, memory } = running;
  const items = Math.max(MIN_ITEMS, Math.ceil(seconds * ITEMS_PER_SECOND));
  const load = await operation.prepare(party, items);
  const wal = await database.wal();
  const before = cpu();
  const requests = operation.usesUp === true ? items : undefined;
  const result = await party.send(load, { seconds, requests, maxConnections: operation.maxConnections });
  const after = cpu();
  const { answers, unexpected, example, p50, p99, generator } = result;
  return {
    server: ((after.server - before.server) * 1_000) / answers,
    postgres: ((after.postgres - before.postgres) * 1_000) / answers,
    requestsPerSecond: answers / result.seconds,
    p50,
    p99,
    wal: ((await database.wal()) - wal) / answers,
    memory: memory(),
    answers,
    unexpected,
    example,
    generator,
  };
}

/** Statements for each request, which are counted after the rounds. */
export async function countStatements({ party, database }: Running, operation: Operation): Promise<Counted> {
  const load = await operation.prepare(party, COUNTED.requests);
  const [count, { answers, unexpected, example }] = await database.statementsOf(() =>
    party.send(load, { ...COUNTED, maxConnections: operation.maxConnections }),
  );
  return { statements: count / answers, unexpected, example };
}
