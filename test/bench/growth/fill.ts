import { createHash } from "node:crypto";
import type pg from "pg";
import { overAt, sweepAfter } from "../../../src/store/sweep-time.js";
import type { Models } from "./models.js";

/**
 * Fills a database with the rows of a large deployment. Each row is a copy of one that the server wrote itself, with its own
 * ids and times. So it has every column as the server writes it, also a column that is added later.
 */

/** One grant in so many is alive; the others have expired, and are kept for a day. Live ones are spread over the whole table. */
export const LIVE_EVERY = 10;

/** There is one session, one revoked token and one user for so many grants. */
const GRANTS_PER_SESSION = 10;

/** Hours after which every grant that has expired is due to be swept. None is due in the first two hours. */
export const ALL_DUE = 27;

/** Largest number of rows that one statement inserts, so that a run can be interrupted between two. */
const PIECE = 1_000_000;

/** Settings of PostgreSQL while a database is filled. Afterwards it has its own again. */
const WHILE_FILLING = { autovacuum: "off", maintenance_work_mem: "512MB", max_wal_size: "8GB" } as const;

/** The id of the n-th row of a kind: 22 characters, as `newId` makes them, and in no order. SQL computes the same (`idSql`). */
export function idOf(kind: string, n: number): string {
  return createHash("md5").update(`${kind}${n}`).digest("base64url");
}

function idSql(kind: string): string {
  return `rtrim(translate(encode(decode(md5('${kind}' || n), 'hex'), 'base64'), '+/', '-_'), '=')`;
}

/** The numbers of the live rows of a table, of `count` rows. */
export function liveRows(count: number): readonly number[] {
  return Array.from({ length: Math.floor(count / LIVE_EVERY) }, (_, index) => (index + 1) * LIVE_EVERY);
}

export function sessionsOf(grants: number): number {
  return Math.floor(grants / GRANTS_PER_SESSION);
}

const IS_LIVE = `n % ${LIVE_EVERY} = 0`;

/** A fraction from 0 to 1 for each row. The second argument makes independent ones. */
const random = (seed: number) => `((hashint8extended(n, ${seed}) & 1048575) / 1048576.0)`;

/** Half of the grants were never used again, and expired in the order of their making. The other half did so in any order. */
const EXPIRED_FOR = (count: number) =>
  `interval '22 hours' * (CASE WHEN n % 2 = 0 THEN ${random(1)} ELSE 1 - n / ${count}.0 END)`;

/** A table, the number of its rows, and the values of the columns that differ from row to row. `m` is the model. */
interface Kind {
  readonly table: string;
  readonly model: readonly [column: string, value: keyof Models];
  readonly rows: (grants: number) => number;
  readonly own: (rows: number) => Readonly<Record<string, string>>;
}

const KINDS: readonly Kind[] = [
  {
    table: "users",
    model: ["sub", "sub"],
    rows: sessionsOf,
    own: () => ({ sub: idSql("user"), preferred_username: `lower(${idSql("name")})` }),
  },
  {
    table: "grants",
    model: ["id", "grant_id"],
    rows: (grants) => grants,
    own: (rows) => ({
      id: idSql("grant"),
      sub: `rtrim(translate(encode(decode(md5('user' || (n % ${sessionsOf(rows)} + 1)), 'hex'), 'base64'), '+/', '-_'), '=')`,
      sid: idSql("sid"),
      created_at: `now() - interval '15 days' - interval '15 days' * ${random(2)}`,
      idle_expires_at: IDLE(rows),
      absolute_expires_at: `now() + interval '30 days' + interval '30 days' * ${random(2)}`,
      sweep_after: `CASE WHEN ${IS_LIVE} THEN ${sweepAfter(`now() + interval '2 hours' + interval '14 days' * ${random(3)}`, "now()")}
                    ELSE ${sweepAfter(overAt(`(${IDLE(rows)})`, "600"), "now()")} END`,
    }),
  },
  {
    table: "sessions",
    model: ["sid", "sid"],
    rows: sessionsOf,
    own: (rows) => ({
      id_hash: "coalesce(h.hash, decode(md5('hash' || n) || md5('more' || n), 'hex'))",
      sid: idSql("sid"),
      sub: idSql("user"),
      seen_at: "now()",
      expires_at: `CASE WHEN ${IS_LIVE} THEN now() + interval '12 hours' ELSE now() - ${EXPIRED_FOR(rows)} END`,
      ended_at: "NULL",
    }),
  },
  {
    table: "revoked_tokens",
    model: ["jti", "jti"],
    rows: sessionsOf,
    own: (rows) => ({
      jti: idSql("jti"),
      expires_at: `CASE WHEN ${IS_LIVE} THEN now() + interval '10 minutes' ELSE now() - ${EXPIRED_FOR(rows)} END`,
    }),
  },
];

function IDLE(rows: number): string {
  return `CASE WHEN ${IS_LIVE} THEN now() + interval '2 days' + interval '12 days' * ${random(1)} ELSE now() - ${EXPIRED_FOR(rows)} END`;
}

/** Rows that the triggers of `users` would add. */
const NAMES = [
  `INSERT INTO user_identifiers (value, kind, sub) SELECT lower(${idSql("name")}), 'login', ${idSql("user")}`,
  `INSERT INTO account_names (name, subs) SELECT lower(${idSql("user")}), ARRAY[${idSql("user")}]`,
  `INSERT INTO account_names (name, login_of) SELECT lower(${idSql("name")}), ${idSql("user")}`,
];

/**
 * Fills a migrated database that has the models.
 * @param hashes of the cookies of the live sessions, in the order of `liveRows`
 */
export async function fill(
  client: pg.Client,
  grants: number,
  models: Models,
  hashes: readonly Buffer[],
): Promise<void> {
  await configure(client, WHILE_FILLING);
  // Without the triggers, of which those of the foreign keys take most of the time. The rows refer to rows that exist.
  await client.query("SET session_replication_role = replica");
  await client.query("CREATE TEMPORARY TABLE live_hashes (n bigint, hash bytea)");
  const live = liveRows(sessionsOf(grants));
  await client.query("INSERT INTO live_hashes SELECT * FROM unnest($1::bigint[], $2::bytea[])", [live, hashes]);
  for (const kind of KINDS) await fillTable(client, kind, kind.rows(grants), models);
  for (const text of NAMES) await client.query(`${text} FROM generate_series(1, ${sessionsOf(grants)}) n`);
  await client.query("DROP TABLE live_hashes");
  await client.query("SET session_replication_role = DEFAULT");
  await client.query("VACUUM ANALYZE");
  await configure(client, { autovacuum: undefined, maintenance_work_mem: undefined, max_wal_size: undefined });
  await client.query("CHECKPOINT");
}

async function fillTable(client: pg.Client, kind: Kind, count: number, models: Models): Promise<void> {
  const { table, model, own } = kind;
  const values = own(count);
  const { rows } = await client.query<{ name: string }>(
    "SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    [table],
  );
  const names = rows.map(({ name }) => name);
  const restore = await dropIndexes(client, table);
  for (let from = 1; from <= count; from += PIECE) {
    await client.query(
      `INSERT INTO ${table} (${names.join(", ")})
       SELECT ${names.map((name) => values[name] ?? `m.${name}`).join(", ")}
       FROM generate_series(${from}::bigint, ${Math.min(count, from + PIECE - 1)}) n
       LEFT JOIN live_hashes h USING (n) JOIN ${table} m ON m.${model[0]} = $1`,
      [models[model[1]]],
    );
  }
  for (const text of restore) await client.query(text);
}

/** Drops every index of a table, because to build it again is faster than to insert each entry. @returns what builds them */
async function dropIndexes(client: pg.Client, table: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ drop: string; build: string }>(
    `SELECT CASE WHEN c.oid IS NULL THEN format('DROP INDEX %I', i.relname)
                 ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', x.indrelid::regclass, c.conname) END AS drop,
            CASE WHEN c.oid IS NULL THEN pg_get_indexdef(x.indexrelid)
                 ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', x.indrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) END AS build
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
     LEFT JOIN pg_constraint c ON c.conindid = x.indexrelid AND c.contype IN ('p', 'u')
     WHERE x.indrelid = $1::regclass
       AND NOT EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.conindid = x.indexrelid)`,
    [table],
  );
  for (const { drop } of rows) await client.query(drop);
  return rows.map(({ build }) => build);
}

async function configure(client: pg.Client, settings: Readonly<Record<string, string | undefined>>): Promise<void> {
  for (const [name, value] of Object.entries(settings))
    await client.query(value === undefined ? `ALTER SYSTEM RESET ${name}` : `ALTER SYSTEM SET ${name} = '${value}'`);
  await client.query("SELECT pg_reload_conf(), pg_sleep(0.2)");
}
