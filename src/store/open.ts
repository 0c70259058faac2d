import { PrismaPg } from "@prisma/adapter-pg";
import type pg from "pg";
import type { Monotonic } from "../expected-wait.js";
import { readDatabaseUrl } from "./database-url.js";
import { PrismaClient, type Prisma } from "./generated/client.js";
import { BoundedPool, CallerLeftError, refuseIfLeft, type Caller } from "./pool.js";
import { ask, type Statement } from "./prepared-query.js";

/**
 * The store owns every statement and knows nothing of tokens, requests or secrets in clear: its arguments are already hashed or
 * sealed. Each aggregate has one file. Hot statements, those of a start, and those that decide a race, are named statements.
 * The others use Prisma on the same pool. Its first statement loads its compiler (docs/decisions/0022).
 */
export interface Db {
  readonly pool: BoundedPool;
  readonly prisma: PrismaClient;
  /** The caller of the statements. Once the caller has left, no further statement is sent. */
  readonly caller?: Caller;
  /** The same without a caller. */
  readonly whole?: Db;
  /** Whom the changes of named statements are attributed to (audit-actor.ts); undefined for this server. */
  readonly actor?: object;
}

/** A transaction of Prisma, for its statements. */
export type Tx = Prisma.TransactionClient;

/** A transaction of named statements. */
export interface Transaction {
  readonly client: pg.PoolClient;
}

/** The time limits of connections and statements, in milliseconds. */
const LIMITS = { connect: 2_000, statement: 5_000, lock: 2_000, idleInTransaction: 10_000 } as const;

/** Connections per instance. The sum over all instances must stay below max_connections of the server. */
const POOL_SIZE = 10;

/**
 * Opens the pool that Prisma and the named statements share. It makes no connection yet.
 * @param url connection string, `postgres://…`
 * @param now the clock that measures the wait for a connection
 * @param actor whom all changes are attributed to; a transaction may name another
 * @throws OperatorError if the connection string is not supported
 */
export function openDb(url: string, now?: Monotonic, actor?: object): Db {
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
  // node-postgres sends it before the first statement. If it fails, so does the statement.
  const text = "SELECT set_config('jeton.actor', $1, false)";
  if (actor !== undefined)
    pool.on("connect", (client) => void client.query(text, [JSON.stringify(actor)]).catch(() => {}));
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
 * Runs one named (prepared once per connection) statement, or the same statement in a transaction of either kind.
 * @throws CallerLeftError if the caller left before it was sent; PoolBusyError
 */
export async function run<Row extends pg.QueryResultRow>(
  where: Db | Transaction | Tx,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  if ("$queryRawUnsafe" in where) return where.$queryRawUnsafe<Row[]>(statement.text, ...values);
  // A transaction may continue after a failure. A prepared statement may not.
  if ("client" in where) return (await where.client.query<Row>(statement.text, [...values])).rows;
  if (where.actor !== undefined) return transaction(where, (tx) => run<Row>(tx, statement, values));
  return withConnection(where, (client) => ask<Row>(client, statement, values));
}

/**
 * Runs a statement that PostgreSQL plans for these values each time. It is for a table in which one value is in most rows and
 * another one in few: a plan for any value could read all rows of the first.
 * @throws CallerLeftError if the caller left before it was sent; PoolBusyError
 */
export async function runPlanned<Row extends pg.QueryResultRow>(
  db: Db,
  { text }: Pick<Statement, "text">,
  values: readonly unknown[],
): Promise<Row[]> {
  return withConnection(db, async (client) => (await client.query<Row>(text, [...values])).rows);
}

/** Does some work on a connection, unless the caller has left by then. A connection on which it failed is closed. */
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

/** Attributes the changes of a transaction (audit-actor.ts). */
export const SET_ACTOR = { name: "actor_set", text: "SELECT set_config('jeton.actor', $1, true)" };

/** Runs `work` in one transaction of named statements. */
export async function transaction<T>(db: Db, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return withConnection(db, async (client) => {
    await client.query("BEGIN");
    const begin = async () => {
      if (db.actor !== undefined) await run({ client }, SET_ACTOR, [JSON.stringify(db.actor)]);
      return work({ client });
    };
    const result = await begin().catch(async (error: unknown) => {
      // If the connection is broken, its end rolls back too.
      await client.query("ROLLBACK").catch(() => undefined);
      throw error;
    });
    await client.query("COMMIT");
    return result;
  });
}

/** Reads by several statements that see the database as it is at one moment. */
export async function atOneMoment<T>(db: Db, read: (tx: Transaction) => Promise<T>): Promise<T> {
  return transaction(db, async (tx) => {
    await tx.client.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    return read(tx);
  });
}

/** The keys of all advisory locks, in one place so that each is used for one purpose. */
export const LOCKS = {
  migrate: 7310001,
  provision: 7310002,
  keys: 7310003,
  lookAlikes: 7310004,
  audit: 7310005,
} as const;

/** Runs `work` in one transaction that holds an advisory lock, so that two instances do the same work one after the other. */
export async function exclusively<T>(db: Db, lock: number, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return transaction(db, async ({ client }) => {
    await client.query("SET LOCAL lock_timeout = '60s'");
    await client.query("SET LOCAL statement_timeout = '60s'");
    // Work between two statements may hash passwords or make RSA keys, which takes long on a busy machine.
    await client.query("SET LOCAL idle_in_transaction_session_timeout = '60s'");
    await client.query("SELECT pg_advisory_xact_lock($1::bigint)", [lock]);
    return work({ client });
  });
}

/** The same, unless another transaction holds the lock. @returns undefined if one does */
export async function exclusivelyIfFree<T>(
  db: Db,
  lock: number,
  work: (tx: Transaction) => Promise<T>,
): Promise<T | undefined> {
  return transaction(db, async (tx) => {
    const { rows } = await tx.client.query<{ free: boolean }>("SELECT pg_try_advisory_xact_lock($1::bigint) AS free", [
      lock,
    ]);
    return rows[0]!.free ? work(tx) : undefined;
  });
}

const TIME = { name: "database_time", text: "SELECT coalesce($1::timestamptz, clock_timestamp()) AS now" };

/** The time of the database, in milliseconds. Stored times, which all instances share, are based on it. */
export async function databaseTime(where: Db | Transaction, now: Date | null): Promise<number> {
  const [row] = await run<{ now: Date }>(where, TIME, [now]);
  return row!.now.getTime();
}
