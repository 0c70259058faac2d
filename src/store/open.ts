import { PrismaPg } from "@prisma/adapter-pg";
import type pg from "pg";
import type { Monotonic } from "../expected-wait.js";
import { readDatabaseUrl } from "./database-url.js";
import { PrismaClient, type Prisma } from "./generated/client.js";
import { BoundedPool, CallerLeftError, refuseIfLeft, type Caller } from "./pool.js";
import { ask, type Statement } from "./prepared-query.js";

/**
 * The store owns every statement and knows nothing of tokens, requests or secrets in clear: its arguments are already hashed or
 * sealed. Each aggregate has one file. Ordinary statements use Prisma. Hot statements, and those that decide a race, are named
 * statements on the same pool.
 */
export interface Db {
  readonly pool: BoundedPool;
  readonly prisma: PrismaClient;
  /** The caller of the statements. Once the caller has left, no further statement is sent. */
  readonly caller?: Caller;
  /** The same without a caller. */
  readonly whole?: Db;
}

/** The Prisma client, or a transaction of it. */
export type Tx = Prisma.TransactionClient;

/** The time limits of connections and statements, in milliseconds. */
const LIMITS = { connect: 2_000, statement: 5_000, lock: 2_000, idleInTransaction: 10_000 } as const;

/** Connections per instance. The sum over all instances must stay below max_connections of the server. */
const POOL_SIZE = 10;

/**
 * Opens the pool that Prisma and the named statements share. It makes no connection yet.
 * @param url connection string, `postgres://…`
 * @param now the clock that measures the wait for a connection
 * @throws OperatorError if the connection string is not supported
 */
export function openDb(url: string, now?: Monotonic): Db {
  readDatabaseUrl(url);
  const settings = {
    connectionString: url,
    max: POOL_SIZE,
    connectionTimeoutMillis: LIMITS.connect,
    keepAlive: true,
    application_name: "jeton",
    statement_timeout: LIMITS.statement,
    lock_timeout: LIMITS.lock,
    idle_in_transaction_session_timeout: LIMITS.idleInTransaction,
  };
  const pool = new BoundedPool(settings, now);
  // A broken idle connection is replaced at the next query, which reports the error if it persists.
  pool.on("error", () => {});
  return { pool, prisma: new PrismaClient({ adapter: new PrismaPg(pool), log: [] }) };
}

/** The store for one request. After its client has left, no further statement is sent. */
export function onBehalfOf(whole: Db, caller: Caller): Db {
  return new CallersDb(whole, caller);
}

class CallersDb implements Db {
  readonly pool: BoundedPool;
  readonly caller: Caller;
  readonly whole: Db;

  constructor(whole: Db, caller: Caller) {
    this.pool = whole.pool;
    this.caller = caller;
    this.whole = whole;
  }

  get prisma(): PrismaClient {
    refuseIfLeft(this.caller);
    return this.whole.prisma;
  }
}

/** The store for work that has to be completed once it has begun, even if its caller leaves. */
export function inAnyCase(db: Db): Db {
  return db.whole ?? db;
}

/** Closes the pool after the running statements. */
export async function closeDb(db: Db): Promise<void> {
  await db.prisma.$disconnect();
  await db.pool.end();
}

/**
 * Runs one named (prepared once per connection) statement. A connection on which a statement failed is closed.
 * @throws CallerLeftError if the caller left before it was sent; PoolBusyError
 */
export async function run<Row extends pg.QueryResultRow>(
  { pool, caller }: Db,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  refuseIfLeft(caller);
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    refuseIfLeft(caller);
    return await ask<Row>(client, statement, values);
  } catch (error) {
    if (!(error instanceof CallerLeftError)) failure = error as Error;
    throw error;
  } finally {
    client.release(failure);
  }
}

/** The keys of all advisory locks, in one place so that each is used for one purpose. */
export const LOCKS = { migrate: 7310001, provision: 7310002, keys: 7310003, lookAlikes: 7310004 } as const;

/** Longest administrative transaction, in milliseconds. A provisioning file may have many entries. */
const MAX_TRANSACTION = 120_000;

/** Runs `work` in one transaction that holds an advisory lock, so that two instances do the same work one after the other. */
export async function exclusively<T>(db: Db, lock: number, work: (tx: Tx) => Promise<T>): Promise<T> {
  return db.prisma.$transaction(
    async (tx) => {
      await tx.$executeRaw`SET LOCAL lock_timeout = '60s'`;
      await tx.$executeRaw`SET LOCAL statement_timeout = '60s'`;
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(${lock}::bigint)`;
      return work(tx);
    },
    { timeout: MAX_TRANSACTION, maxWait: LIMITS.connect },
  );
}

/** The time of the database, in milliseconds. Stored times, which all instances share, are based on it. */
export async function databaseTime(tx: Tx, now: Date | null): Promise<number> {
  const [row] = await tx.$queryRaw<{ now: Date }[]>`SELECT coalesce(${now}::timestamptz, clock_timestamp()) AS now`;
  return row!.now.getTime();
}
