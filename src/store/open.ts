import { PrismaPg } from "@prisma/adapter-pg";
import type pg from "pg";
import type { Monotonic } from "../expected-wait.js";
import { readDatabaseUrl } from "./database-url.js";
import { PrismaClient, type Prisma } from "./generated/client.js";
import { BoundedPool, CallerLeftError, refuseIfLeft, type Caller } from "./pool.js";

/**
 * The store owns every statement and knows nothing of tokens, requests or secrets in clear: what it is given is already
 * hashed or sealed. One file per aggregate; Prisma where a statement is ordinary, a named statement on the same pool
 * where it is hot or has to decide a race.
 */
export interface Db {
  readonly pool: BoundedPool;
  readonly prisma: PrismaClient;
  /** Whom its statements are run for: once they have left, none is sent any more. */
  readonly caller?: Caller;
  /** The same without a caller. */
  readonly whole?: Db;
}

/** Either the client itself or the transaction it handed out. */
export type Tx = Prisma.TransactionClient;

/** Everything a statement may wait for, in milliseconds. What a request runs, it runs by `run`, which waits no longer. */
const LIMITS = { connect: 2_000, statement: 5_000, lock: 2_000, idleInTransaction: 10_000 } as const;

/**
 * Milliseconds for which the answer to a hot statement is waited for: longer than the server takes to give up, so that
 * only a connection whose other end is gone (half-open, RFC 9293 section 3.5.1) meets it.
 */
const ANSWER_LIMIT = 6_000;

/** How many connections one instance takes; the sum over all instances stays below the server's max_connections. */
const POOL_SIZE = 10;

/**
 * Opens the pool that Prisma and the named statements share. No connection is made yet.
 * @param url connection string, `postgres://…`
 * @param now by which waiting for a connection is measured
 * @throws OperatorError where the connection string is not one that is carried out as it is written
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
  // An idle connection that breaks is replaced at the next query, which reports what is wrong if anything still is.
  pool.on("error", () => {});
  return { pool, prisma: new PrismaClient({ adapter: new PrismaPg(pool), log: [] }) };
}

/** The same store for one request: what it has not sent when its client leaves is never sent. */
export function onBehalfOf(whole: Db, caller: Caller): Db {
  const { pool, prisma } = whole;
  return {
    pool,
    caller,
    whole,
    get prisma() {
      refuseIfLeft(caller);
      return prisma;
    },
  };
}

/** The store for work that has to be finished once it was begun, whether or not its caller is still there. */
export function inAnyCase(db: Db): Db {
  return db.whole ?? db;
}

/** Closes the pool after the statements under way. */
export async function closeDb(db: Db): Promise<void> {
  await db.prisma.$disconnect();
  await db.pool.end();
}

/**
 * Runs one named (prepared once per connection) statement.
 * @throws CallerLeftError where its caller left before it was sent; PoolBusyError
 */
export async function run<Row extends pg.QueryResultRow>(
  db: Db,
  statement: { readonly name: string; readonly text: string },
  values: readonly unknown[],
): Promise<Row[]> {
  const query = { ...statement, values: [...values], query_timeout: ANSWER_LIMIT };
  return withConnection(db, async (client) => (await client.query<Row>(query)).rows);
}

/** Does some work on a connection, if its caller is still there once it is had. One that a statement failed on is closed. */
async function withConnection<T>({ pool, caller }: Db, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  refuseIfLeft(caller);
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    refuseIfLeft(caller);
    return await work(client);
  } catch (error) {
    if (!(error instanceof CallerLeftError)) failure = error as Error;
    throw error;
  } finally {
    client.release(failure);
  }
}
/** Advisory locks, so that no two places take the same number for different things. */
export const LOCKS = { migrate: 7310001, provision: 7310002, keys: 7310003, lookAlikes: 7310004 } as const;

/** Longest one administrative transaction may take, in milliseconds: a provisioning file may hold many entries. */
const MAX_TRANSACTION = 120_000;

/** Runs `work` in one transaction that holds an advisory lock, so that two instances do the same thing in turn. */
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

/** What the database's clock says now, in milliseconds: what is stored for all instances is counted from it. */
export async function databaseTime(tx: Tx, now: Date | null): Promise<number> {
  const [row] = await tx.$queryRaw<{ now: Date }[]>`SELECT coalesce(${now}::timestamptz, clock_timestamp()) AS now`;
  return row!.now.getTime();
}
