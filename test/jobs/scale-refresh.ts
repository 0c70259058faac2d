import type pg from "pg";
import type { Db } from "../../src/store/open.js";
import { redeemRefreshToken } from "../../src/store/refresh-tokens.js";

/** Grants that are refreshed, and how often each. */
const GRANTS = 1_000;
const ROUNDS = 5;

/** The index that the sweep had before it had a time of its own: what a refresh moves stands in it. */
const BEFORE = "CREATE INDEX before ON grants (least(idle_expires_at, absolute_expires_at, ended_at))";

/** Prints what a refresh writes, now and with the index over its times: WAL, HOT updates, growth of the indexes. */
export async function measureRefreshes(db: Db, client: pg.Client): Promise<void> {
  await report("a refresh", db, client, 1);
  await client.query(BEFORE);
  await report("a refresh with the index that there was before", db, client, GRANTS + 1);
  await client.query("DROP INDEX before");
}

async function report(what: string, db: Db, client: pg.Client, first: number): Promise<void> {
  const before = await figures(client);
  const begun = performance.now();
  for (let generation = 0; generation < ROUNDS; generation += 1) {
    for (let n = first; n < first + GRANTS; n += 1) await refresh(db, client, n, generation);
  }
  const microseconds = ((performance.now() - begun) * 1_000) / (GRANTS * ROUNDS);
  await flush(db);
  const after = await figures(client);
  const wal = Number(after.wal - before.wal) / (GRANTS * ROUNDS);
  const hot = (after.hot - before.hot) / (after.updates - before.updates);
  const grown = Number(after.indexes - before.indexes) / 1_024;
  console.log(
    `${what}: ${Math.round(wal)} bytes of WAL, ${(hot * 100).toFixed(1)} % HOT, ` +
      `indexes grew by ${grown} KiB, ${Math.round(microseconds)} µs`,
  );
}

const owners = new Map<number, string>();

async function refresh(db: Db, client: pg.Client, n: number, generation: number): Promise<void> {
  const grant_id = `grant-${n}`;
  if (!owners.has(n)) {
    const { rows } = await client.query("SELECT client_id FROM grants WHERE id = $1", [grant_id]);
    owners.set(n, rows[0].client_id as string);
  }
  const request = { grant_id, client_id: owners.get(n)!, generation, scope: null, scopeAllowed: true, rotation: true };
  const { outcome } = await redeemRefreshToken(
    db,
    { ...request, retryable: true, inServiceAt: null, idle: 1_209_600 },
    null,
  );
  if (outcome !== "rotated") throw new Error(`the refresh of ${grant_id} came to ${outcome}`);
}

/** Makes every connection tell what it counted. */
async function flush(db: Db): Promise<void> {
  await Promise.all(
    Array.from({ length: 10 }, () => db.pool.query("SELECT pg_stat_force_next_flush(), pg_sleep(0.2)")),
  );
}

async function figures(client: pg.Client) {
  const { rows } = await client.query(
    `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal, n_tup_upd AS updates, n_tup_hot_upd AS hot,
            pg_indexes_size(relid) AS indexes
     FROM pg_stat_user_tables WHERE relname = 'grants'`,
  );
  const { wal, updates, hot, indexes } = rows[0] as Record<string, string>;
  return { wal: BigInt(wal!), updates: Number(updates), hot: Number(hot), indexes: BigInt(indexes!) };
}
